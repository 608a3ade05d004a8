"""A search in a directory: its settings, its journal, its trials, and the model that comes of it."""
