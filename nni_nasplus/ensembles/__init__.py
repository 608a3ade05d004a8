"""Joins trained networks: which of them, with what weight, and how sure they are together."""
