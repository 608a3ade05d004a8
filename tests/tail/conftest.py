"""Intervals of few resamples: no test here is about their ends, but for those that ask for all."""

from quick_tails import few_draws

__all__ = ["few_draws"]
