"""Searches that choose how many bits the layers of a network have."""
