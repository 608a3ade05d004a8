"""``nasplus search --text``: language models."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal

from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.cli.tasks.held import choices
from nni_nasplus.errors import UserError

TYPE_CHECKING = False
"""As in :mod:`typing`, whose own jsonargparse takes for leave to import all that follows, which takes seconds."""
if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator
    from nni_nasplus.training.language import LanguageModelling

__all__ = ["TextTask"]

_SCALES: dict[str, dict[str, Any]] = {
    "published": {
        "epochs": 50,
        "batch_size": 20,
        "bptt": 70,
        "learning_rate": 1e-3,
        "embedding": 400,
        "hidden": 600,
        "layers": 3,
    },
    "small": {
        "vocabulary": 2000,
        "epochs": 3,
        "batch_size": 32,
        "bptt": 35,
        "learning_rate": 5e-3,
        "embedding": 64,
        "hidden": 64,
        "layers": 1,
        "tune": True,
    },
}


@dataclass(frozen=True, kw_only=True)
class TextTask(Task):
    """Predict the next word of a text.

    Parameters
    ----------
    text
        A plain text file, UTF-8, to train on.
    valid
        A text to choose architectures by; by default the tenth of --text after the first eight.
    test
        A text that the search never sees, for the result; by default the last tenth of --text.
    level
        What a token is: a word, or a character.
    vocabulary
        The most frequent tokens to know; the rest are one unknown token. By default all.
    scale
        The size of networks and training where no option says: as published for NAS-Bench-NLP, which takes a GPU, or
        small, which trains in about a minute on two cores.
    space
        What to search; one of the installed spaces.
    objective
        What the search minimises on the validation text: perplexity, loss or bits_per_token.
    epochs
        The most passes over the text; training stops early when it no longer improves.
    batch_size
        Places of the text that are read side by side.
    bptt
        Tokens through which gradients go back, about.
    learning_rate
        Of Adam; held where it is given.
    tune
        Search the learning rate and the share of the rates of dropout together with the cell, in spaces of DARTS and
        ENAS; by default with --scale small. Training as published searches neither.
    fix
        Decisions and hyperparameters to hold, as in --fix '[learning_rate=0.001, dropout=0.5]'.
    embedding
        The size of a token's embedding.
    hidden
        Units of the layers but the last, whose size is the embedding's.
    layers
        Recurrent layers.
    dropout
        The rates, as in --dropout.weight 0.5: embedding, input, hidden, output, weight.
    compat
        Train as the code of NAS-Bench-NLP does, whose recurrent weights never change, to compare figures.
    """

    data_argument: ClassVar[str] = "vocabulary"
    noun: ClassVar[str] = "texts"

    text: str
    valid: str | None = None
    test: str | None = None
    level: Literal["word", "character"] = "word"
    vocabulary: int | None = None
    scale: Literal["published", "small"] = "published"
    space: str = "rnn"
    objective: str = "perplexity"
    epochs: int | None = None
    batch_size: int | None = None
    bptt: int | None = None
    learning_rate: float | None = None
    tune: bool | None = None
    fix: list[str] | str = field(default_factory=list)
    embedding: int | None = None
    hidden: int | None = None
    layers: int | None = None
    dropout: dict[str, float] = field(default_factory=dict)
    compat: bool = False

    def check(self, trials: int) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        self._require_positive(*_SCALES["published"])
        self._check_choices(self._choices(), self._evaluator(""), **self._arguments(vocabulary=1))

    def prepare(self, cache: Path, seed: int, trials: int) -> tuple[dict[str, Any], Evaluator]:
        """Write the text into a new folder; the arguments of the space, and the evaluator."""
        from nni_nasplus.data.text import prepare_text

        evaluator = self._evaluator(str(cache), seed=seed)
        vocabulary = self._value("vocabulary")
        prepare_text(self.text, self.valid, self.test, out=cache, level=self.level, vocabulary=vocabulary)
        try:
            evaluator.data()
        except UserError:
            shutil.rmtree(cache)
            raise
        return {**self._arguments(len(evaluator.preprocessing())), **self._choices()}, evaluator

    def _evaluator(self, cache: str, **arguments: Any) -> LanguageModelling:
        """What trains and scores."""
        from nni_nasplus.training.language import LanguageModelling

        chosen = ("epochs", "batch_size", "bptt", "learning_rate")
        training = {name: self._value(name) for name in chosen}
        return LanguageModelling(cache, objective=self.objective, compat=self.compat, **training, **arguments)

    def _choices(self) -> dict[str, Any]:
        """The arguments of the space that say what of the training is searched, and what is held."""
        options, rate = {"learning_rate": self.learning_rate}, self._value("learning_rate")
        usually = "tune" in _SCALES[self.scale]
        return choices(self.space_class(), self.space, rate, options, tune=self.tune, usually=usually, fix=self.fix)

    def _arguments(self, vocabulary: int) -> dict[str, Any]:
        """Those of the space, by the options that it knows."""
        sizes = {name: self._value(name) for name in ("embedding", "hidden", "layers")}
        known = signature(self.space_class()).parameters
        return {
            "vocabulary": vocabulary,
            **{name: size for name, size in sizes.items() if name in known},
            "regularisation": self.dropout or None,
        }

    def _value(self, name: str) -> Any:
        value = getattr(self, name)
        return _SCALES[self.scale].get(name) if value is None else value
