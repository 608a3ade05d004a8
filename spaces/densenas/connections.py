"""Which block of DenseNAS may follow which (arXiv 1906.09607, section 4.1): blocks, stages, connections, routes."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ALONE", "BLOCKS", "CONNECTIONS", "END", "LATER", "STAGES", "chosen", "route_of", "stage_of"]

STAGES = (
    (16,),
    (24,),
    (32, 40, 48),
    (56, 64, 72),
    (96, 112, 128),
    (160, 176, 192),
    (320, 352, 384),
)
"""The published widths of the blocks of each stage, of MobileNetV2's kind."""
_FOLLOWING = 4
"""A block is connected with so many that come next, of its own stage and of the next one."""
ALONE = "first"
"""The only block of a stage from which the last one of the next stage is too far away."""
LATER = "later"
"""One block, which is not the first; which one is a decision of its own."""
_SUBSETS: dict[str, tuple[int, ...]] = {
    ALONE: (0,),
    LATER: (),
    "first+second": (0, 1),
    "first+third": (0, 2),
    "second+third": (1, 2),
    "all": (0, 1, 2),
}
BLOCKS = {name: max(1, len(places)) for name, places in _SUBSETS.items()}
"""Choices of which blocks of a stage of three a route passes, with how many these are."""
_SINGLE = {"second": 1, "third": 2}

_FIRST_OF = [sum(map(len, STAGES[:stage])) for stage in range(len(STAGES))]
END = sum(map(len, STAGES))
"""The number of the last convolution, of 1×1, which comes after the blocks 0 to 16."""


def stage_of(block: int) -> int:
    """The stage of a block, from 0; that of the last convolution is one more than that of the last blocks."""
    return len(STAGES) if block == END else sum(block >= first for first in _FIRST_OF) - 1


CONNECTIONS = tuple(
    (source, target)
    for source in range(END)
    for target in range(source + 1, min(source + _FOLLOWING, END) + 1)
    if stage_of(target) - stage_of(source) <= 1
)
"""All 54."""


def route_of(chosen: Sequence[tuple[str, str | None]]) -> list[int]:
    """The blocks that a route passes, from 0 to :data:`END`.

    Parameters
    ----------
    chosen
        For each stage of three blocks one of :data:`BLOCKS`, and for ``later`` which one it is; None where only the
        second one can be reached.
    """
    route = [0, 1]
    for stage, (subset, single) in enumerate(chosen, 2):
        places = _SUBSETS[subset] or (_SINGLE[single or "second"],)
        route += [_FIRST_OF[stage] + place for place in places]
    return [*route, END]


def chosen(route: Sequence[int]) -> list[tuple[str, str | None]]:
    """What :func:`route_of` makes a route of, whose blocks are connected."""
    names = {places: name for name, places in _SUBSETS.items()}
    singles = {place: name for name, place in _SINGLE.items()}
    found: list[tuple[str, str | None]] = []
    for stage in range(2, len(STAGES)):
        places = tuple(block - _FIRST_OF[stage] for block in route if stage_of(block) == stage)
        if places in names:
            found.append((names[places], None))
        else:
            found.append((LATER, None if found and found[-1][0] == ALONE else singles[places[0]]))
    return found
