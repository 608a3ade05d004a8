"""Searching: spaces, the history of a search, strategies that propose, and the journal on disk. No torch, no host."""
