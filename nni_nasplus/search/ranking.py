"""Architectures that were scored without training, as what knows no torch takes them; and the names of the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["DIRECTIONS", "MOST", "Better", "Ranking", "require_score"]

Better = Literal["higher", "lower"]

DIRECTIONS: Mapping[str, Better] = {
    "ntk": "lower",
    "ntk_fixed": "lower",
    "linear_regions": "higher",
    "naswot": "higher",
    "synflow": "higher",
    "grad_norm": "higher",
    "snip": "higher",
    "jacob_cov": "higher",
    "parameters": "higher",
    "flops": "higher",
}
"""By name, whether networks with a higher or a lower score are expected to be better; the two baselines last."""

MOST = 300
"""Architectures that travel as an option: NNI hands options to its tuner on a command line of at most 128 KiB."""


def require_score(name: str) -> str:
    """The name, if there is a score of that name; else :class:`UserError`."""
    if name not in DIRECTIONS:
        raise UserError(f"unknown score '{name}'; scores: {', '.join(DIRECTIONS)}")
    return name


@dataclass(frozen=True)
class Ranking:
    """Architectures in canonical form, best first, and their ranks among each other.

    Ranks are all that is kept of scores, so that their scale, infinities and NaN do not matter.

    Parameters
    ----------
    ranks
        1 for the best, the mean rank of those that are alike; float [architectures].

    Examples
    --------
    >>> scored = Ranking.of([{"op": "pool"}, {"op": "conv"}], [0.3, 0.7])
    >>> scored.architectures
    [{'op': 'conv'}, {'op': 'pool'}]
    """

    architectures: list[Architecture]
    ranks: np.ndarray

    @classmethod
    def of(cls, architectures: Sequence[Architecture], utilities: Sequence[float]) -> Ranking:
        """Rank by utilities, higher for better, infinite ones too; NaN is the worst. Of equals the earlier is first."""
        known = np.nan_to_num(np.asarray(utilities, dtype=float), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        order = np.argsort(-known, kind="stable")
        return cls([architectures[i] for i in order], rankdata(-known)[order])

    def __len__(self) -> int:
        return len(self.architectures)

    def best(self, count: int) -> Ranking:
        """The first ``count``."""
        return Ranking(self.architectures[:count], self.ranks[:count])

    def to_json(self, space: SearchSpace) -> dict[str, list[Any]]:
        """As JSON values: an architecture as a text, the place of its choice in each active decision from 0."""
        places = [[space.decisions[name].index(choice) for name, choice in a.items()] for a in self.architectures]
        return {"architectures": [" ".join(map(str, one)) for one in places], "ranks": self.ranks.tolist()}

    @classmethod
    def from_json(cls, space: SearchSpace, content: Mapping[str, Any]) -> Ranking:
        """Read :meth:`to_json`.

        Raises
        ------
        UserError
            If it is none of this space.
        """
        try:
            architectures = [_decoded(space, text) for text in content["architectures"]]
            ranks = np.array(content["ranks"], dtype=float)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise UserError("'scored' holds no scored architectures of this space; leave it out") from None
        if len(ranks) != len(architectures):
            raise UserError(f"'scored' holds {len(architectures)} architectures and {len(ranks)} ranks; leave it out")
        return cls(architectures, ranks)


def _decoded(space: SearchSpace, text: str) -> Architecture:
    left = [int(place) for place in text.split()]
    architecture: Architecture = {}
    for name, choices in space.decisions.items():
        if space.is_active(name, architecture):
            architecture[name] = choices[left.pop(0)]
    if left:
        raise ValueError(f"{len(left)} places too many")
    return space.validate(architecture)
