"""Boosted trees on tables of numbers, for the spaces whose data have such tables: how they grow, and as a module."""
