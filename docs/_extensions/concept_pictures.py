"""Charts of the pages on concepts: each of a search that is made when the site is built."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from landscape import SPACE, best, score

from nni_nasplus import Journal, Outcome, Search, SearchSpaceExhausted
from nni_nasplus.drawing.draw import svg_element
from nni_nasplus.predictors.assessment import cross_validated
from nni_nasplus.report.charts import BLUE, GREY, INK, ORANGE, Chart, chart
from nni_nasplus.report.trust import draw_held_back
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule
from nni_nasplus.search.strategy import make_strategy

TRIALS = 40
EPOCHS = 27
"""Of a whole training, where a budget pauses."""


def proposals() -> str:
    """What a strategy that learns proposes, trial by trial, beside random search."""
    with chart("Scores of what thompson and random search propose, trial by trial") as drawn:
        for name, colour in (("random", GREY), ("thompson", BLUE)):
            drawn.axes.plot(range(1, TRIALS + 1), list(_scores(name)), "o", ms=4, color=colour, label=name)
        drawn.axes.axhline(best(), ls="--", lw=1.2, color=INK)
        drawn.axes.set_xlabel("trial")
        drawn.axes.set_ylabel("score of what was proposed")
        _legend(drawn)
    return str(drawn.markup)


def _scores(strategy: str) -> Iterator[float]:
    search = Search(SPACE, make_strategy(strategy, {}), seed=1)
    for _ in range(TRIALS):
        trial = search.ask()
        search.tell(trial, score(trial.architecture))
        yield score(trial.architecture)


def _legend(drawn: Chart) -> None:
    """Above the axes, where no trial lies."""
    drawn.axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def predictions() -> str:
    """What a Gaussian process says of trials that it has not seen, and what they reached."""
    search, noise = Search(SPACE, make_strategy("random", {}), seed=0), np.random.default_rng(0)
    for _ in range(TRIALS):
        trial = search.ask()
        search.tell(trial, score(trial.architecture) + 0.3 * noise.normal())
    with chart("Scores that a Gaussian process predicts, and those reached", width=4.2, height=3.6) as drawn:
        draw_held_back(drawn, cross_validated("gp", SPACE, search.history.observations))
    return str(drawn.markup)


def budget() -> str:
    """Trainings that ASHA pauses at its rungs, and those that it lets go on."""
    rule = Budget(make_budget_rule("asha", {}), EPOCHS, 18)
    search = Search(SPACE, make_strategy("random", {}), seed=0, budget=rule)
    try:
        while True:
            trial = search.ask()
            search.tell(trial, Outcome(score=_curve(trial.architecture)(trial.epochs or EPOCHS)))
    except SearchSpaceExhausted:
        pass
    with chart("Learning curves that a budget pauses at its rungs") as drawn:
        for trial in search.history.trials:
            epochs = np.arange(1, trial.reached + 1)
            colour = BLUE if trial.reached == EPOCHS else GREY
            drawn.axes.plot(epochs, _curve(trial.architecture)(epochs), lw=1.4, color=colour)
            drawn.axes.plot(epochs[-1], _curve(trial.architecture)(epochs[-1]), "o", ms=4, color=colour)
        for rung in rule.rungs:
            drawn.axes.axvline(rung, ls=":", lw=1, color=INK, zorder=0)
        drawn.axes.set_xscale("log")
        drawn.axes.set_xticks(rule.rungs, [str(rung) for rung in rule.rungs])
        drawn.axes.minorticks_off()
        drawn.axes.set_xlabel("epochs")
        drawn.axes.set_ylabel("validation score")
    return str(drawn.markup)


def _curve(architecture: dict) -> Callable:
    """The score of an architecture as a function of the epochs."""
    return lambda epochs: score(architecture) * (1 - 0.85**epochs) - 2 * 0.7**epochs


def resumed() -> str:
    """A search that was ended in the middle and goes on from its journal, and the same search left alone."""
    left_alone = list(_scores("thompson"))
    with tempfile.TemporaryDirectory() as folder:
        before = _journalled(Path(folder) / "journal.jsonl", 15)
        after = _journalled(Path(folder) / "journal.jsonl", TRIALS - 15)
    with chart("Scores of a search that was interrupted, and of the same search without a break") as drawn:
        drawn.axes.plot(range(1, TRIALS + 1), left_alone, "o", ms=8, mfc="none", color=GREY, label="never interrupted")
        drawn.axes.plot(range(1, 16), before, "o", ms=3, color=BLUE, label="until it was killed")
        drawn.axes.plot(range(16, TRIALS + 1), after, "o", ms=3, color=ORANGE, label="after nasplus resume")
        drawn.axes.set_xlabel("trial")
        drawn.axes.set_ylabel("score of what was proposed")
        _legend(drawn)
    return str(drawn.markup)


def _journalled(path: Path, trials: int) -> list[float]:
    """Scores of so many trials more of a search that is kept in a journal."""
    journal = Journal.at(path, SPACE, direction="maximize")
    search = Search(SPACE, make_strategy("thompson", {}), seed=1, journal=journal)
    found = []
    for _ in range(trials):
        trial = search.ask()
        found.append(score(trial.architecture))
        search.tell(trial, found[-1])
    journal.close()
    return found


def weights() -> str:
    """How much each operation counts on each edge, after DARTS has searched a small supernet on digits."""
    from sklearn.datasets import load_digits

    from nni_nasplus import registry
    from nni_nasplus.data.images import prepare_images
    from nni_nasplus.data.images.given import GivenImages
    from nni_nasplus.one_shot.fit import fit, made
    from nni_nasplus.one_shot.pictures.heat_map import heat_map
    from nni_nasplus.training.images import ImageClassification

    digits = load_digits()
    with tempfile.TemporaryDirectory() as folder:
        images = (digits.images[:500] * 255 / 16).astype(np.uint8)
        given = GivenImages.of(images, digits.target[:500])
        cache = prepare_images(given, out=Path(folder) / "data", progress=False)
        evaluator = ImageClassification(str(cache), batch_size=32, flip=False, crop=1)
        space = registry.load("spaces", "nb201")(channels=4, cells=1, size=8, in_channels=1, classes=10)
        search = made(registry.load("one_shot", "darts"), space, evaluator, epochs=6, alpha_rate=0.02)
        fit(search)
    (cell,) = search.alphas
    return svg_element(heat_map(search.supernet, cell, search.alphas[cell].softmax(-1)))


CHARTS = {
    "proposals": proposals,
    "predictions": predictions,
    "budget": budget,
    "resumed": resumed,
    "weights": weights,
}
"""By the name of the picture."""
