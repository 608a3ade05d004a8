"""A found network with everything it needs to score new data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from nni_nasplus._files import damage_named, new_folder, read_json, write_json
from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.drawing.draw import draw
from nni_nasplus.errors import UserError
from nni_nasplus.networks.export import export_onnx, onnx_available
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.weights import load_weights, only_room_for
from nni_nasplus.registry import installed
from nni_nasplus.run.run import SETTINGS, Run, instantiate
from nni_nasplus.search.space import Architecture
from nni_nasplus.training.trial_folder import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Model"]

ARCHITECTURE = "architecture.json"
VERSION = 2
_AGAIN = "export the network again"


class Model:
    """An architecture, its trained network and the preprocessing of its data.

    Examples
    --------
    >>> probabilities = Model.load("exported").predict("new_events.parquet")
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        architecture: Architecture,
        preprocessing: Preprocessing,
        metrics: Mapping[str, float],
    ) -> None:
        self.description = dict(description)
        self.space = instantiate(description, NetworkSpace)
        self.architecture = architecture
        self.preprocessing = preprocessing
        self.metrics = dict(metrics)
        self.network = self.space.build(architecture).eval()

    @classmethod
    def of(cls, run: Run, number: int | None = None) -> Model:
        """The winner of a run, or another of its trials.

        Raises
        ------
        UserError
            If there is no such finished trial, or a part of the run is missing.
        """
        done = {trial.number: trial for trial in run.history().best}
        if not done:
            raise UserError(f"{run.directory} has no finished trial; let the search run")
        if number is not None and number not in done:
            raise UserError(f"trial {number} is not among the finished ones: {', '.join(map(str, sorted(done)))}")
        trial = done[number] if number is not None else next(iter(done.values()))
        run.require_whole()
        preprocessing = run.evaluator.preprocessing()
        with damage_named(run.directory / SETTINGS):
            model = cls(run.settings.space, trial.architecture, preprocessing, trial.metrics)
        load_weights(model.network, run.weights(trial))
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
            raise UserError(f"{path} has format {content.get('version')}, this release reads {VERSION}")
        with damage_named(directory, _AGAIN), only_room_for(directory / WEIGHTS, _AGAIN):
            kind = installed(content["preprocessing"], Preprocessing)  # type: ignore[type-abstract]
            model = cls(content["space"], content["architecture"], kind.load(directory), content["metrics"])
        load_weights(model.network, directory / WEIGHTS, _AGAIN)
        return model

    def save(self, directory: str | Path, *, onnx: bool = False) -> None:
        """Write architecture.json, model.safetensors, preprocessing.json, architecture.svg, and model.onnx if asked.

        Nothing is left of what cannot be finished.

        Raises
        ------
        UserError
            If ONNX is asked for and cannot be written, or the directory cannot.
        """
        if onnx and not onnx_available():
            raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
        with new_folder(directory) as folder:
            self._fill(folder, onnx=onnx)

    def _fill(self, directory: Path, *, onnx: bool) -> None:
        self.preprocessing.save(directory)
        save_file(self.network.state_dict(), directory / WEIGHTS)
        genotype = self.space.genotype(self.architecture)
        draw(self.space.graph(self.architecture), directory / "architecture.svg", genotype)
        if onnx and not export_onnx(self.network, self.space.example(), directory / "model.onnx"):
            raise UserError(f"{genotype} cannot be written as ONNX; see the log")
        kind = type(self.preprocessing)
        content = {
            "version": VERSION,
            "genotype": genotype,
            "architecture": self.architecture,
            "preprocessing": f"{kind.__module__}.{kind.__qualname__}",
        }
        write_json(directory / ARCHITECTURE, {**content, "space": self.description, "metrics": self.metrics})

    def predict(self, data: Any, **options: Any) -> pd.DataFrame:
        """What the network says of new data: see :meth:`~nni_nasplus.data.preprocessing.Preprocessing.predict`.

        Parameters
        ----------
        data, options
            As the ``predict`` of the model's own preprocessing takes them.
        """
        return self.preprocessing.predict(self.network, data, **options)
