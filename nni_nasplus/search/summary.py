"""An architecture in a few numbers and words, for people who look at many of them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nni_nasplus.search.space import Choice, SearchSpace

__all__ = ["MOST", "NOT_THERE", "rounded_count", "size_in_words", "summarised"]

MOST = 8
"""Entries: with a score and a size beside them ten axes, whose names have room on a screen of 1280 pixels."""
NOT_THERE = "nothing"
"""Of a decision that is not active."""
_READABLE = 10**18
"""Counts above are more easily read by their power of ten."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def rounded_count(count: int, exact: int = _READABLE) -> str:
    """A count below ``exact`` with all its digits, and a larger one as ``1.1 × 10⁴⁴``."""
    if count < exact:
        return f"{count:,}"
    digits, _, exponent = f"{count:.1e}".partition("e+")
    return f"{digits} × 10{str(int(exponent)).translate(_RAISED)}"


def size_in_words(space: SearchSpace) -> str:
    """How large a space is, as in ``15,625 architectures of 6 decisions``."""
    decisions = f"architectures of {len(space.decisions)} decisions"
    return f"{decisions}, too many to count" if space.size is None else f"{rounded_count(space.size)} {decisions}"


def summarised(
    space: SearchSpace, architecture: Mapping[str, Any], of: Iterable[str] | None = None, most: int = MOST
) -> dict[str, Choice]:
    """Count what many decisions choose from, and name what others chose; first what tells of most decisions.

    Decisions that offer the same choices are taken together: of words, an entry such as ``"# tanh"`` counts each; of
    numbers, ``"total heads"`` is their sum. The entry of any other decision has its name.

    Parameters
    ----------
    space, architecture
        The architecture in its canonical form.
    of
        The decisions that are told of; by default all.
    most
        Entries at the most.

    Returns
    -------
    The same entries, in the same order, for every architecture of the space.

    Examples
    --------
    >>> space = SearchSpace({"op1": ["conv", "pool"], "op2": ["conv", "pool"], "width": [8, 16]})
    >>> summarised(space, {"op1": "conv", "op2": "conv", "width": 16})
    {'# conv': 2, '# pool': 0, 'width': 16}
    """
    names = [name for name in (space.decisions if of is None else of) if len(space.decisions[name]) > 1]
    groups: dict[tuple[Choice, ...], list[str]] = {}
    for name in names:
        groups.setdefault(space.decisions[name], []).append(name)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    found: dict[str, Choice] = {}
    for choices, alike in ordered:
        for entry, value in _told(choices, alike, architecture).items():
            # Two groups may offer the same word: its count is of both.
            found[entry] = found[entry] + value if entry in found else value  # type: ignore[operator]
    return dict(list(found.items())[:most])


def _told(choices: tuple[Choice, ...], names: list[str], architecture: Mapping[str, Any]) -> dict[str, Choice]:
    """The entries of the decisions that offer some choices."""
    if len(names) == 1:
        return {names[0]: architecture.get(names[0], NOT_THERE)}
    chosen = [architecture[name] for name in names if name in architecture]
    if all(isinstance(choice, str) for choice in choices):
        return {f"# {choice}": chosen.count(choice) for choice in choices}
    numbers = [choice for choice in chosen if not isinstance(choice, str)]
    return {f"total {_in_common(names)}": sum(numbers)}


def _in_common(names: list[str]) -> str:
    """The words that all names have; the first name where there are none."""
    first, *others = [name.replace("-", "_").split("_") for name in names]
    shared = [word for word in first if not word.isdigit() and all(word in other for other in others)]
    return " ".join(shared) or names[0]
