"""What is shipped, trained again with the validation examples too, once they have nothing left to decide."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import Any

from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.fits_itself import FitsItself
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import instantiate
from nni_nasplus.run.model import Model, shipped
from nni_nasplus.run.run import Run
from nni_nasplus.tail.distilled import DISTILLED, UNTAUGHT
from nni_nasplus.tail.tested import tested
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in

__all__ = ["refit"]

_REFIT = "refit"
"""The folder in a run directory, and the first word of the selections' names."""


def refit(
    run: Run, number: int | None = None, *, what: str = "ensemble", note: Callable[[str], None] = lambda text: None
) -> str:
    """Train each member again on training and validation examples, for the epochs that it was found to need.

    Hyperparameters, seeds, the weights of members and the temperature stay as they were selected. What is there from
    before is taken as it is. Of a bagged member one network takes the place of those of its folds, trained for as many
    epochs as these needed in the mean.

    Parameters
    ----------
    number, what
        Of what the run ships, as :meth:`~nni_nasplus.run.model.Model.of` takes them.
    note
        Told what is done now.

    Returns
    -------
    The name of the selection that it is now, such as ``refit ensemble``.

    Raises
    ------
    UserError
        If there is no such thing, its evaluator has no such data, it learned from an ensemble, it was trained again
        already, or it diverges; or another process searches in the run, or trains models of it.
    """
    on_labels = what == "winner" and run.selected(UNTAUGHT) is not None
    before = shipped(run, number, what=UNTAUGHT if on_labels else what)
    if what == DISTILLED or "refit" in before:
        raise UserError(f"{what!r} cannot be refit, only what was trained on labels of training examples; name another")
    known = number is None and run.selected(what) is not None
    name = f"{_REFIT} {what if known else before['members'][0]['name']}"
    if run.selected(name) is None:
        with run.held("models"):
            _select(run, name, before, note)
    return name


def _select(run: Run, name: str, before: Mapping[str, Any], note: Callable[[str], None]) -> None:
    """Train the members again, test them together, and keep them under a name, with what they were before."""
    members = []
    for candidate, networks in groupby(before["members"], itemgetter("name")):
        note(f"training {candidate} again, on training and validation data")
        members.append(_again(run, list(networks)))
    after = {"members": members, **{key: before[key] for key in ("metrics", "temperature")}}
    old_name = name.removeprefix(f"{_REFIT} ")
    try:
        old, new = before.get("test") or _test(run, before), _test(run, after)
    except TrialFailed as error:
        raise UserError(f"{old_name} cannot be refit: {error}; export it without --refit") from None
    run.select({**run.selections, name: {**after, "test": new, "refit": {"name": old_name, "test": old}}})


def _test(run: Run, selected: Mapping[str, Any]) -> dict[str, Any]:
    return tested(run, Model.of_members(run, **selected).network).to_json(run.settings.objective)


def _again(run: Run, networks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A member trained again, unless its folder, whose name says for how many epochs, has its weights."""
    member = {name: value for name, value in networks[0].items() if name != "fold"}
    space, architecture = instantiate(member["space"], NetworkSpace), member["architecture"]
    evaluator = replace(run.evaluator, seed=member.get("seed", run.evaluator.seed)).tuned(architecture)
    epochs = round(fmean(_epochs(run, space, one) for one in networks))
    folder = Path(_REFIT) / f"{member['folder']}_{epochs}"
    if not (run.directory / folder / WEIGHTS).is_file():
        with evaluator.seeded():
            network = space.build(architecture)
        evaluator.refit(network, run.directory / folder, epochs)
    return {**member, "folder": folder.as_posix(), "weight": sum(one["weight"] for one in networks)}


def _epochs(run: Run, space: NetworkSpace, member: Mapping[str, Any]) -> int:
    """After how many epochs a member was what it is; of one that fits itself its rounds."""
    folder = run.directory / member["folder"]
    network = space.trained(member["architecture"], folder / WEIGHTS)
    if isinstance(network, FitsItself):
        return network.rounds
    outcome = outcome_in(folder)
    if outcome is not None and (found := outcome.metrics.get("epochs")) is not None:
        return int(found)
    most = run.evaluator.epochs
    kept = f"{member['name']} has not kept after how many epochs it was best"
    warnings.warn(f"{kept}; it is trained for all {most} of the schedule", stacklevel=2)
    return most
