"""Predictors of decision trees: a forest, and boosted ones."""
