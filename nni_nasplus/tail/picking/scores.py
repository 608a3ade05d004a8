"""What paths of a trained supernet inherit and cost, kept in the run for every budget that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from nni_nasplus._files import damage_named, read_json, typed, write_json
from nni_nasplus.networks.limits import Limits
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture

__all__ = ["Costs", "Scored", "Scores", "given"]

_AGAIN = "remove it to score again"


@dataclass
class Scored:
    """A path.

    Parameters
    ----------
    architecture
        Of it.
    loss
        That it inherits on validation examples; lower is better.
    limits
        Under which it was drawn.
    costs
        What limits are on, as far as anybody has asked.
    score
        The objective on all validation examples; None where nobody has asked.
    """

    architecture: Architecture
    loss: float
    limits: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    score: float | None = None


def given(limits: Limits) -> dict[str, float]:
    """The limits that there are, by name."""
    named = {limit.name: getattr(limits, limit.name) for limit in fields(limits)}
    return {name: most for name, most in named.items() if most is not None}


class Scores:
    """All that was scored, in a file that is written after each.

    Parameters
    ----------
    path
        Of the file, which may not be there yet.

    Attributes
    ----------
    by_key
        What was scored, by the key of its architecture.

    Raises
    ------
    UserError
        If the file is damaged, or of another space.
    """

    def __init__(self, run: Run, path: Path) -> None:
        self._path, self._space = path, run.space.search_space
        self.by_key: dict[str, Scored] = {}
        if path.is_file():
            with damage_named(path, _AGAIN):
                found = [typed(Scored(**one)) for one in read_json(path, _AGAIN)["scored"]]
                self.by_key = {self._space.key(one.architecture): one for one in found}

    def __iter__(self) -> Iterator[Scored]:
        return iter(self.by_key.values())

    def __contains__(self, architecture: Mapping[str, Any]) -> bool:
        return self._space.key(architecture) in self.by_key

    def __len__(self) -> int:
        return len(self.by_key)

    def keep(self, scored: Scored) -> None:
        """Keep what is new, or known better."""
        self.by_key[self._space.key(scored.architecture)] = scored
        write_json(self._path, {"scored": [asdict(one) for one in self]})


class Costs:
    """What architectures cost, of each measured once; of those that were scored it is kept.

    Parameters
    ----------
    run
        Gives the space, and what predicts latencies.
    """

    def __init__(self, run: Run, scores: Scores) -> None:
        self._run, self._scores = run, scores
        self._known: dict[str, dict[str, float]] = {}

    def of(self, limit: str, architecture: Mapping[str, Any]) -> float:
        """What a limit, such as ``max_flops``, is on."""
        key = self._run.space.search_space.key(architecture)
        kept = self._known.setdefault(key, {})
        if (scored := self._scores.by_key.get(key)) is not None:
            scored.costs |= kept
            kept = scored.costs
        if limit not in kept:
            only = Limits(**{limit: 1.0})
            latency = self._run.latency if limit == "max_latency_ms" else None
            kept[limit] = dict(only.measured(self._run.space, architecture, latency, self._run.timing))[limit]
        return kept[limit]

    def keeps(self, limits: Limits, architecture: Mapping[str, Any]) -> bool:
        """Whether an architecture exceeds none of the limits."""
        return all(self.of(name, architecture) <= most for name, most in given(limits).items())
