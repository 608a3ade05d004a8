"""Networks that enlarge pictures, in training: resolver.py minimises and measures, evaluator.py has the data."""
