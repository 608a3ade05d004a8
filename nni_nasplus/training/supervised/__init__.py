"""Supervised learning: what is minimised, what is measured, and the Lightning module that does both."""
