"""A found network at few bits, trained on, and what is kept of it while others are still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.networks.quantised.bit_operations import kibibytes
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.weights import load_weights
from nni_nasplus.registry import described
from nni_nasplus.run.member import Member, Origin
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.tail.tested import Tested
from nni_nasplus.training.trial_folder import WEIGHTS

__all__ = ["Narrowed"]

_DONE = "narrowed.json"
"""Written last into the folder of a network: how it did."""
_AGAIN = "remove the folder to train it again"


@dataclass(frozen=True)
class Narrowed:
    """A network at few bits, trained on.

    Parameters
    ----------
    name
        What people call it.
    space, architecture
        What it is built of.
    network
        With its weights.
    metrics
        Of the validation examples.
    test
        How it does on the test examples.
    """

    name: str
    space: QuantisedSpace
    architecture: Architecture
    network: nn.Module
    metrics: Mapping[str, float]
    test: Tested

    @property
    def kibibytes(self) -> float:
        """What its weights take at their bits."""
        return kibibytes(self.network)

    @property
    def bit_operations(self) -> float:
        """Of one example."""
        return self.space.bit_operations(self.architecture)

    def keep(self, folder: Path) -> None:
        """Leave how it did in the folder that has its weights."""
        test = {"metrics": dict(self.test.metrics), "interval": self.test.interval and list(self.test.interval)}
        content = {"architecture": dict(self.architecture), "metrics": dict(self.metrics), "test": test}
        write_json(folder / _DONE, content)

    @classmethod
    def kept(
        cls, folder: Path, name: str, space: QuantisedSpace, architecture: Mapping[str, Any], network: nn.Module
    ) -> Narrowed | None:
        """What :meth:`keep` left, of this architecture; None where there is none.

        Parameters
        ----------
        network
            Built of the architecture; it gets the weights.

        Raises
        ------
        UserError
            If what is there is damaged.
        """
        path = folder / _DONE
        if not path.is_file():
            return None
        with damage_named(path, _AGAIN):
            content = read_json(path, _AGAIN)
            if content["architecture"] != dict(architecture):
                return None
            ends = content["test"]["interval"]
            test = Tested(content["test"]["metrics"], ends and (float(ends[0]), float(ends[1])))
            metrics = dict(content["metrics"])
        load_weights(network, folder / WEIGHTS, _AGAIN)
        return cls(name, space, dict(architecture), network, metrics, test)

    def model(self, run: Run) -> Model:
        """It, with all that new data go through."""
        settings = run.settings
        origin = Origin(
            settings.strategy,
            len(run.history().finished),
            settings.seed,
            settings.objective,
            **self.test.to_json(settings.objective),
        )
        member = Member(described(QuantisedSpace, self.space.trace_kwargs), self.architecture, self.name)
        model = Model([member], run.evaluator.preprocessing(), self.metrics, origin=origin)
        model.network.load_state_dict(self.network.state_dict())
        return model
