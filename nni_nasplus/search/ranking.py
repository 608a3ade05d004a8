"""Architectures in the order that something else than training gives them: a proxy, or a search inside one trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Ranking", "mean_ranks"]


@dataclass(frozen=True)
class Ranking:
    """Architectures in canonical form, best first, and their ranks among each other.

    Ranks are all that is kept of the values of a proxy, so that their scale, infinities and NaN do not matter.

    Parameters
    ----------
    architectures
        From the best to the worst.
    ranks
        1 for the best, the mean rank of those that are alike; float [architectures].

    Examples
    --------
    >>> ranking = Ranking.of([{"op": "pool"}, {"op": "conv"}], [0.3, 0.7])
    >>> ranking.architectures
    [{'op': 'conv'}, {'op': 'pool'}]
    """

    architectures: list[Architecture]
    ranks: np.ndarray

    @classmethod
    def of(cls, architectures: Sequence[Architecture], utilities: Sequence[float]) -> Ranking:
        """Rank by utilities, higher for better, infinite ones too; NaN is the worst. Of equals the earlier is first."""
        known = np.nan_to_num(np.asarray(utilities, dtype=float), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        order = np.argsort(-known, kind="stable")
        return cls([architectures[i] for i in order], mean_ranks(-known)[order])

    def __len__(self) -> int:
        return len(self.architectures)

    def to_json(self, space: SearchSpace) -> dict[str, list[Any]]:
        """Return the ranking as JSON values, its architectures as dicts of active decisions."""
        return {"architectures": [space.validate(one) for one in self.architectures], "ranks": self.ranks.tolist()}

    @classmethod
    def from_json(cls, space: SearchSpace, content: Mapping[str, Any]) -> Ranking:
        """Read what :meth:`to_json` returned.

        Raises
        ------
        UserError
            If the content is not a ranking of architectures of this space.
        """
        try:
            architectures = [space.validate(one) for one in content["architectures"]]
            ranks = np.array(content["ranks"], dtype=float)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            why = f": {error}" if isinstance(error, UserError) else ""
            raise UserError(f"the ranking is none of this space{why}; remove presearch.json to look again") from None
        if ranks.shape != (len(architectures),):
            counts = f"{len(architectures)} architectures and {ranks.size} ranks"
            raise UserError(f"the ranking has {counts}; remove presearch.json to look again")
        if not np.isfinite(ranks).all():
            raise UserError("the ranking has ranks that are no finite numbers; remove presearch.json to look again")
        return cls(architectures, ranks)


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """1 for the least, the mean rank of those that are equal; without scipy.stats, which takes a second to import."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return ranks
