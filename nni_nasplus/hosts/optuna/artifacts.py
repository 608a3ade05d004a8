"""What optuna-dashboard shows of a trial: its architecture as a note with a drawing, and its files."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact

from nni_nasplus._files import write_json
from nni_nasplus.drawing.draw import draw
from nni_nasplus.hosts.optuna.sampling.parts import parent_of
from nni_nasplus.hosts.optuna.sampling.suggestion import EPOCHS
from nni_nasplus.run.run import Run

__all__ = ["ARTIFACTS", "attach"]

ARTIFACTS = "artifacts"
"""The folder in a run directory: ``optuna-dashboard STORAGE --artifact-dir RUN/artifacts``."""


def attach(run: Run, trial: optuna.Trial, architecture: Mapping[str, Any], directory: Path) -> None:
    """Keep a trial's genotype, its files as artifacts, and a note that optuna-dashboard shows."""
    directory.mkdir(parents=True, exist_ok=True)
    genotype = run.space.genotype(dict(architecture))
    trial.set_user_attr("genotype", genotype)
    write_json(directory / "architecture.json", dict(architecture))
    drawing = _drawn(run, architecture, directory / "architecture.svg")
    files = [directory / "architecture.json", directory / "model.onnx", *drawing]
    store = FileSystemArtifactStore(run.directory / ARTIFACTS)
    (run.directory / ARTIFACTS).mkdir(exist_ok=True)
    kept = {
        path.name: upload_artifact(artifact_store=store, file_path=str(path), study_or_trial=trial)
        for path in files
        if path.is_file()
    }
    said = _part(trial)
    if said:
        trial.set_user_attr("part", said)
    if importlib.util.find_spec("optuna_dashboard") is not None:
        _note(trial, [f"`{genotype}`", said], kept.get("architecture.svg"))


def _part(trial: optuna.Trial) -> str:
    """Of a training in parts, which of them the trial is; empty for a whole training."""
    trials = trial.study.get_trials(deepcopy=False)
    own = trials[trial.number]
    if EPOCHS not in own.system_attrs:
        return ""
    said, parent = f"trains to epoch {own.system_attrs[EPOCHS]}", parent_of(own, trials)
    return said if parent is None else f"{said}, goes on from trial {parent.number}"


def _drawn(run: Run, architecture: Mapping[str, Any], path: Path) -> list[Path]:
    """The drawing; nothing where the space has none."""
    try:
        draw(run.space.graph(dict(architecture)), path)
    except NotImplementedError:
        return []
    return [path]


def _note(trial: optuna.Trial, lines: list[str], drawing: str | None) -> None:
    from optuna_dashboard import save_note

    picture = f"![the architecture](/artifacts/{trial.study._study_id}/{trial._trial_id}/{drawing})" if drawing else ""
    save_note(trial, "\n\n".join(line for line in (*lines, picture) if line))
