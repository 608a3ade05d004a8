"""Predictors that learn from the graphs of architectures, as their spaces draw them."""
