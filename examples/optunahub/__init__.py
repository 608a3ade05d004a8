"""The package as OptunaHub loads it."""

from .sampler import NasSampler, SearchSpace, suggest

__all__ = ["NasSampler", "SearchSpace", "suggest"]
