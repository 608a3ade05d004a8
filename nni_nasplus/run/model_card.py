"""The card of a model: what it is, how good, of which data, how it was found (Mitchell et al., arXiv 1810.03993)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.run.member import Member, Origin, by_candidate

__all__ = ["model_card"]

_FEW = 20
"""Classes or columns that are listed: of more of them a person reads none."""


def model_card(
    members: Sequence[Member],
    preprocessing: Preprocessing,
    metrics: Mapping[str, float],
    temperature: float,
    origin: Origin,
    *,
    shows: bool = False,
) -> str:
    """Write the card of a model as Markdown; the parameters are those of the model.

    Parameters
    ----------
    shows
        Whether it comes with pictures of examples.
    """
    lines = [
        *_what(members, preprocessing, temperature),
        *_refit(origin),
        *_how_good(members, metrics, origin),
        *_data(preprocessing),
        *_found(origin),
        *_limits(shows=shows),
    ]
    return "\n".join(lines) + "\n"


def _what(members: Sequence[Member], preprocessing: Preprocessing, temperature: float) -> Iterator[str]:
    count = len(members)
    kind = "A network" if count == 1 else f"An ensemble of {count} networks, whose answers are averaged"
    yield from ["# Model card", "", f"{kind}. It reads {preprocessing.source}.", ""]
    yield from ["| member | weight | architecture |", "|---|---|---|"]
    for networks in by_candidate(members):
        notation = networks[0].genotype.replace("|", "\\|")
        yield f"| {networks[0].name} | {sum(one.weight for one in networks):.2f} | `{notation}` |"
    if _is_bagged(members):
        folds = len({member.fold for member in members})
        without = "each trained on training and validation data without another fold of the examples"
        yield from ["", f"Each member is the mean of {folds} networks, {without}."]
    if temperature != 1.0:
        by_what = "out-of-fold answers" if _is_bagged(members) else "validation examples"
        yield from ["", f"Probabilities are calibrated on {by_what}, by the temperature {temperature:.3f}."]


def _refit(origin: Origin) -> Iterator[str]:
    if origin.refit:
        yield from ["", "It was trained again on training and validation data, for the epochs that the search found."]


def _is_bagged(members: Sequence[Member]) -> bool:
    return any(member.fold is not None for member in members)


def _how_good(members: Sequence[Member], metrics: Mapping[str, float], origin: Origin) -> Iterator[str]:
    scores = "out-of-fold" if _is_bagged(members) else "validation"
    yield from ["", "## How good it is", "", f"| metric | {scores} |", "|---|---|"]
    sizes = ("parameters", "flops", "seconds", "epochs")
    yield from (f"| {name} | {value:.4f} |" for name, value in metrics.items() if name not in sizes)
    if _is_bagged(members):
        yield from ["", "Each training or validation example was scored by networks that had not learned from it."]
    yield from ["", f"It was chosen by these {scores} scores, so they flatter it."]
    if origin.refit:
        yield "They were measured before it was trained again: since then it has seen the validation examples."
    if origin.test is not None:
        low_high = " to ".join(f"{end:.4f}" for end in origin.interval)
        interval = f"; 95 % of resamples of the test examples give {low_high}" if origin.interval else ""
        yield f"On test examples, which the search never saw, {origin.objective} is {origin.test:.4f}{interval}."


def _data(preprocessing: Preprocessing) -> Iterator[str]:
    yield from ["", "## Data", ""]
    facts: Mapping[str, Any] = preprocessing.facts
    for name, value in facts.items():
        listed = (
            [*map(str, value[:_FEW]), *(["…"] if len(value) > _FEW else [])] if isinstance(value, list) else [value]
        )
        yield f"- {name}: {', '.join(map(str, listed))}"


def _found(origin: Origin) -> Iterator[str]:
    if origin.trials:
        yield from ["", "## How it was found", ""]
        yield f"By nni_nasplus, strategy `{origin.strategy}`, {origin.trials} trials, seed {origin.seed}."


def _limits(*, shows: bool) -> Iterator[str]:
    yield from ["", "## Limits", ""]
    yield "It is for data like those that it was trained on: nothing is known of others, or of later times."
    if shows:
        yield "In pictures/ are parts of photographs that tested: remove them where those may not be passed on."
    what = "Nothing else of the data is" if shows else "The data are not"
    yield f"{what} in it, nor their licence, and it comes with no licence of its own."
