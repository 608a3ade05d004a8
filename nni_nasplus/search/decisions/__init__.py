"""What a space makes of its decisions: how many architectures, codes for predictors, checks of their format."""
