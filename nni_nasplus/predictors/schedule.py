"""When what is slow to learn from results is learned anew."""

from __future__ import annotations

__all__ = ["due_after"]

# While results are few, each changes what matters, and a search of a kernel's parameters takes milliseconds.
_EVERY = 64
# Later a tenth more of results moves the parameters little, and searching them is the slowest part of a proposal: 10 %
# keeps the median proposal after 1,000 results about as quick as after 100.
_GROWTH = 1.1


def due_after(results: int) -> int:
    """The number of results with which what is slow was last learned: all of the first 64, then 10 % more each time."""
    due = min(results, _EVERY)
    while due >= _EVERY and int(due * _GROWTH) <= results:
        due = int(due * _GROWTH)
    return due
