"""Architectures as pictures and as text."""
