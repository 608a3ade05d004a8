"""A found network with everything it needs to score new data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from nni_nasplus._files import write_json
from nni_nasplus.data.encoder import EventEncoder
from nni_nasplus.drawing import draw
from nni_nasplus.errors import UserError
from nni_nasplus.export import export_onnx, onnx_available
from nni_nasplus.model_space import SearchableSpace
from nni_nasplus.run import Run, instantiate
from nni_nasplus.space import Architecture
from nni_nasplus.trial_files import WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Model"]

ARCHITECTURE = "architecture.json"
VERSION = 1


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
        encoder: EventEncoder,
        metrics: Mapping[str, float],
    ) -> None:
        self.description = dict(description)
        self.space = instantiate(description, SearchableSpace)
        self.architecture = architecture
        self.encoder = encoder
        self.metrics = dict(metrics)
        self.network = self.space.build(architecture).eval()

    @classmethod
    def of(cls, run: Run, number: int | None = None) -> Model:
        """The winner of a run, or another of its trials.

        Raises
        ------
        UserError
            If there is no such finished trial.
        """
        done = {trial.number: trial for trial in run.archive().best()}
        if not done:
            raise UserError(f"{run.directory} has no finished trial; let the search run")
        if number is not None and number not in done:
            raise UserError(f"trial {number} is not among the finished ones: {', '.join(map(str, sorted(done)))}")
        trial = done[number] if number is not None else next(iter(done.values()))
        encoder = EventEncoder.load(run.cache)
        model = cls(run.settings["space"], trial.architecture, encoder, trial.metrics)
        model.network.load_state_dict(load_file(run.trial_directory(trial) / WEIGHTS))
        return model

    @classmethod
    def load(cls, directory: str | Path) -> Model:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            If the directory holds no exported network.
        """
        directory = Path(directory)
        path = directory / ARCHITECTURE
        if not path.is_file():
            raise UserError(f"{directory} holds no exported network; name a directory written by nasplus export")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("version") != VERSION:
            raise UserError(f"{path} has format {content.get('version')}, this release reads {VERSION}")
        model = cls(content["space"], content["architecture"], EventEncoder.load(directory), content["metrics"])
        model.network.load_state_dict(load_file(directory / WEIGHTS))
        return model

    def save(self, directory: str | Path, *, onnx: bool = False) -> None:
        """Write architecture.json, model.safetensors, preprocessing.json, architecture.svg, and model.onnx if asked.

        Raises
        ------
        UserError
            If ONNX is asked for and cannot be written.
        """
        if onnx and not onnx_available():
            raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.encoder.save(directory)
        save_file(self.network.state_dict(), directory / WEIGHTS)
        genotype = self.space.genotype(self.architecture)
        draw(self.space.graph(self.architecture), directory / "architecture.svg", genotype)
        if onnx and not export_onnx(self.network, self.space.example(), directory / "model.onnx"):
            raise UserError(f"{genotype} cannot be written as ONNX; see the log")
        content = {"version": VERSION, "genotype": genotype, "architecture": self.architecture}
        write_json(directory / ARCHITECTURE, {**content, "space": self.description, "metrics": self.metrics})

    def logits(self, events: str | Path | pd.DataFrame) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        """Ids [U] in order of first appearance, and logits [U, C]."""
        ids, logits = [], []
        with torch.inference_mode():
            for part, batch in self.encoder.batches(events):
                ids.append(part)
                logits.append(self.network(batch).numpy())
        return np.concatenate(ids), np.concatenate(logits)

    def predict(self, events: str | Path | pd.DataFrame) -> pd.DataFrame:
        """A row a user: the id and ``p_<class>`` for each class.

        Raises
        ------
        UserError
            If a column of the training events is missing or does not parse.
        """
        ids, logits = self.logits(events)
        probabilities = torch.from_numpy(logits).softmax(-1).numpy()
        columns = {f"p_{label}": probabilities[:, i] for i, label in enumerate(self.encoder.classes)}
        return pd.DataFrame({self.encoder.id: ids, **columns})
