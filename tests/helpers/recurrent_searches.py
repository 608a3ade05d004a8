"""One-shot searches of recurrent cells on a small text of random words."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from one_shot_searches import SETTINGS, SMALLEST
from texts import cached, lines

from nni_nasplus import registry
from nni_nasplus.one_shot.fit import made
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace
from nni_nasplus.training.language import LanguageModelling

RATES = dict.fromkeys(("embedding", "input", "hidden", "output", "weight"), 0.2)


@cache
def evaluator():
    """Of some three batches of training an epoch, and as many of validation in two."""
    folder = cached(Path(mkdtemp()), lines(60), lines(40, seed=1), lines(9, seed=2))
    return LanguageModelling(str(folder), epochs=3, batch_size=12, bptt=8)


@cache
def spaces():
    size = {"vocabulary": len(evaluator().preprocessing()), "hidden": 4, "regularisation": RATES}
    return {"darts-rnn": DartsRecurrentSpace(**size), "enas-rnn": EnasRecurrentSpace(**size, nodes=4)}


def search(name, space="darts-rnn", seed=0, reporter=None, **settings):
    options = {**SETTINGS.get(name, SMALLEST), **({} if name == "p-darts" else {"epochs": 2}), **settings}
    kind = registry.load("one_shot", name)
    return made(kind, spaces()[space], evaluator(), seed=seed, reporter=reporter, **options)
