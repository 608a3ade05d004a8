"""A found network, or an ensemble of them, with everything it needs to score new data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from torch import nn

from nni_nasplus._files import damage_named, new_folder, read_json, typed, write_json, write_text
from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.drawing.draw import draw
from nni_nasplus.ensembles.network import Ensemble
from nni_nasplus.errors import UserError
from nni_nasplus.networks.export import export_onnx, onnx_available
from nni_nasplus.networks.quantised.bit_operations import layer_bits
from nni_nasplus.networks.weights import load_weights, only_room_for, save_weights
from nni_nasplus.registry import installed
from nni_nasplus.run.bit_table import write_bits
from nni_nasplus.run.member import Member, Origin, by_candidate
from nni_nasplus.run.model_card import model_card
from nni_nasplus.run.run import SETTINGS, Run
from nni_nasplus.search.trial import Trial
from nni_nasplus.training.trial_folder import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

    from nni_nasplus.data.photos.side_by_side import SideBySide

__all__ = ["SHOWN", "Model", "shipped"]

ARCHITECTURE = "architecture.json"
CARD = "README.md"
PICTURES = "pictures"
SHOWN = 4
"""Test photographs of which parts are in an export, where the network enlarges such."""
VERSION = 4
"""2 had one network and no members; 3 knew no targets but classes."""
_AGAIN = "export the network again"


class Model:
    """Trained networks and the preprocessing of their data.

    Parameters
    ----------
    members
        The networks; where there are several, their weights sum to 1.
    preprocessing
        Of new data.
    metrics
        What was measured on the validation examples.
    temperature
        Of an ensemble: see :class:`~nni_nasplus.ensembles.network.Ensemble`.
    origin
        How it was found, for people.

    Raises
    ------
    UserError
        If there is no member, or the temperature or a weight is not above 0.

    Examples
    --------
    >>> probabilities = Model.load("exported").predict("new_events.parquet")
    """

    def __init__(
        self,
        members: Sequence[Member],
        preprocessing: Preprocessing,
        metrics: Mapping[str, float],
        temperature: float = 1.0,
        origin: Origin | None = None,
    ) -> None:
        if not members:
            raise UserError("a model needs at least one network")
        if not temperature > 0 or not all(member.weight > 0 for member in members):
            raise UserError("the temperature and the weights of a model are above 0")
        self.members = tuple(members)
        self.preprocessing = preprocessing
        self.metrics = dict(metrics)
        self.temperature = temperature
        self.origin = origin or Origin()
        networks = [member.built.build(member.architecture) for member in members]
        alone = len(networks) == 1 and temperature == 1.0
        weights = [member.weight for member in members]
        joined = Ensemble(networks, weights, temperature, preprocessing.link)
        self.network: nn.Module = (networks[0] if alone else joined).eval()

    @property
    def networks(self) -> list[nn.Module]:
        """Those of the members."""
        return list(self.network.members) if isinstance(self.network, Ensemble) else [self.network]

    def example(self) -> Any:
        """Make an input of one example, of the largest size."""
        return self.members[0].built.example()

    @classmethod
    def of(cls, run: Run, number: int | None = None, *, what: str = "ensemble") -> Model:
        """What a run ships.

        Parameters
        ----------
        number
            A trial, whose network alone is taken.
        what
            Which selection of the run: ``ensemble``, which is the winner where networks cannot be joined, ``networks``
            (an ensemble without other kinds of models) or ``winner``. As long as there is none, it is the best trial.

        Raises
        ------
        UserError
            If there is no such finished trial, or a part of the run is missing.
        """
        return cls.of_members(run, **shipped(run, number, what=what))

    @classmethod
    def of_members(
        cls,
        run: Run,
        members: Sequence[Mapping[str, Any]],
        metrics: Mapping[str, float],
        temperature: float,
        test: Mapping[str, Any] = MappingProxyType({}),
        refit: Mapping[str, Any] | None = None,
    ) -> Model:
        """The model of members that lie in the run's folder; the parameters are what :func:`shipped` gives."""
        settings, finished = run.settings, len(run.history().finished)
        found = (settings.strategy, finished, settings.seed, settings.objective)
        origin = Origin(*found, **test, refit=refit is not None)
        made = [
            Member(one["space"], one["architecture"], one["name"], one["weight"], one.get("fold")) for one in members
        ]
        with damage_named(run.directory / SETTINGS):
            model = cls(made, run.evaluator.preprocessing(), metrics, temperature, origin)
        for network, one in zip(model.networks, members, strict=True):
            load_weights(network, run.directory / one["folder"] / WEIGHTS)
        with damage_named(run.directory):
            model.require_fit()
        return model

    @classmethod
    def load(cls, directory: str | Path) -> Model:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            If the directory holds no exported network, or files of it are missing or damaged.
        """
        directory = Path(directory)
        path = directory / ARCHITECTURE
        if not path.is_file():
            raise UserError(f"{directory} holds no exported network; name a directory written by nasplus export")
        content = read_json(path, _AGAIN)
        if content.get("version") != VERSION:
            raise UserError(f"{path} has format {content.get('version')}, this release reads {VERSION}; {_AGAIN}")
        with damage_named(directory, _AGAIN), only_room_for(directory / WEIGHTS, _AGAIN):
            kind = installed(content["preprocessing"], Preprocessing)  # type: ignore[type-abstract]
            members = [typed(Member(**one)) for one in content["members"]]
            origin = typed(Origin(**content["origin"]))
            model = cls(members, kind.load(directory), content["metrics"], content["temperature"], origin)
        load_weights(model.network, directory / WEIGHTS, _AGAIN)
        with damage_named(directory, _AGAIN):
            model.require_fit()
        return model

    def require_fit(self) -> None:
        """Raise what :meth:`~nni_nasplus.data.preprocessing.Preprocessing.require_fit` raises."""
        for member, network in zip(self.members, self.networks, strict=True):
            self.preprocessing.require_fit(network, member.space.get("init_args", {}))

    def save(self, directory: str | Path, *, onnx: bool = False, beside: Sequence[SideBySide] = ()) -> None:
        """Write architecture.json, model.safetensors, preprocessing.json, a card, pictures, and model.onnx if asked.

        The card, README.md, says in words what the model is. The picture of one network is architecture.svg, those of
        several member_1.svg and so on, one for the networks of all folds. Where layers of one have few bits, bits.csv
        and bits.svg say which. Nothing is left of what cannot be finished.

        Parameters
        ----------
        onnx
            Whether to write model.onnx too.
        beside
            What the network made of examples, for a folder ``pictures``.

        Raises
        ------
        UserError
            If ONNX is asked for and cannot be written, or the directory cannot.
        """
        if onnx and not onnx_available():
            raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
        with new_folder(directory) as folder:
            self._fill(folder, onnx=onnx, shows=bool(beside))
            for number, one in enumerate(beside, 1):
                (folder / PICTURES).mkdir(exist_ok=True)
                (folder / PICTURES / f"{number}_{one.stem}.png").write_bytes(one.png)

    def _fill(self, directory: Path, *, onnx: bool, shows: bool) -> None:
        self.preprocessing.save(directory)
        save_weights(self.network, directory / WEIGHTS)
        self._draw(directory)
        if onnx and not export_onnx(self.network, self.example(), directory / "model.onnx"):
            raise UserError(f"{self.members[0].genotype} cannot be written as ONNX; see the log")
        kind = type(self.preprocessing)
        content = {
            "version": VERSION,
            "genotypes": [member.genotype for member in self.members],
            "members": [asdict(member) for member in self.members],
            "temperature": self.temperature,
            "preprocessing": f"{kind.__module__}.{kind.__qualname__}",
            "metrics": self.metrics,
            "origin": asdict(self.origin),
        }
        write_json(directory / ARCHITECTURE, content)
        told = (self.members, self.preprocessing, self.metrics, self.temperature, self.origin)
        write_text(directory / CARD, model_card(*told, shows=shows))

    def _draw(self, directory: Path) -> None:
        candidates = by_candidate(self.members)
        for number, (member, *_) in enumerate(candidates, 1):
            name = "architecture" if len(candidates) == 1 else f"member_{number}"
            draw(member.built.graph(member.architecture), directory / f"{name}.svg", member.genotype)
        if len(self.networks) == 1:
            write_bits(layer_bits(self.network, self.example()), directory)

    def predict(self, data: Any, **options: Any) -> pd.DataFrame:
        """What the network says of new data: see :meth:`~nni_nasplus.data.preprocessing.Preprocessing.predict`.

        Parameters
        ----------
        data, options
            As the ``predict`` of the model's own preprocessing takes them.
        """
        return self.preprocessing.predict(self.network, data, **options)


def shipped(run: Run, number: int | None = None, *, what: str = "ensemble") -> dict[str, Any]:
    """What a run ships, as :meth:`Run.selected` gives it; the parameters are those of :meth:`Model.of`.

    Raises
    ------
    UserError
        If there is no such finished trial, or a part of the run is missing.
    """
    trials = run.history().best
    if not trials:
        raise UserError(f"{run.directory} has no finished trial; let the search run")
    run.require_whole()
    selected = None if number is not None else _selected(run, what)
    if selected is not None:
        return selected
    trial = trials[0] if number is None else _numbered(trials, number)
    return {"members": [run.member(trial)], "metrics": dict(trial.metrics), "temperature": 1.0}


def _selected(run: Run, what: str) -> dict[str, Any] | None:
    """Networks that cannot be joined have no ensemble: the winner is shipped."""
    return run.selected(what) or (run.selected("winner") if what == "ensemble" else None)


def _numbered(trials: Sequence[Trial], number: int) -> Trial:
    for trial in trials:
        if trial.number == number:
            return trial
    numbers = sorted(trial.number for trial in trials)
    raise UserError(f"trial {number} is not among the finished ones: {', '.join(map(str, numbers))}")
