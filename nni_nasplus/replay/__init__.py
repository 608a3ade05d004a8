"""Searching again on tables of what is trained already: what a strategy would have needed."""
