"""Classifiers of images, as scikit-learn has them of rows."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from nni_nasplus import registry
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.images.given import GivenImages
from nni_nasplus.data.images.preparation import prepare_images
from nni_nasplus.data.images.source import read_images
from nni_nasplus.errors import UserError
from nni_nasplus.estimators.base import SearchingEstimator, chosen, well_typed
from nni_nasplus.estimators.wording import in_python
from nni_nasplus.registry import described
from nni_nasplus.run.image_scales import NETWORK, SCALES, TRAINING
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.images import ImageClassification

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ImageClassifier"]

_OF_DATA = ("classes", "in_channels", "size")
"""The arguments of a space that the data give."""


class ImageClassifier(ClassifierMixin, SearchingEstimator):
    """Search for a network that classifies images, and be that network.

    ``fit`` splits the images into those that networks are trained on, those that the search compares networks by, and
    those that it never sees, by class: 70, 15 and 15 %.

    Parameters
    ----------
    size
        The height and width to bring images to; where None, 16 at the small scale, as they are at the published.
    trials
        Architectures to train; where None, 20, or with minutes as many as fit.
    minutes
        How long the search may take, without what follows its last trial; where None, until all trials have ended.
    strategy, strategy_options
        How to search: thompson, evolution, random or another installed strategy, and its own settings.
    space
        What to search: darts, nb201 or another installed space of images.
    scale
        The size of networks and training where no parameter says: ``small``, or as ``published``, which takes a GPU.
    tune
        Whether the training is searched together with the architecture; where None, at the small scale.
    objective
        What the search optimises on validation images: accuracy or loss.
    epochs
        Passes over the training images; where None, those of the scale.
    skip_damaged
        Leave out pictures that cannot be read in ``fit``, instead of stopping.
    network
        Further arguments of the space, such as ``{"channels": 16, "cells": 2}``.
    training
        Further arguments of the evaluator, such as ``{"batch_size": 64, "flip": False}``.
    search
        Further settings of the search, such as ``{"max_parameters": 1e6}``.
    host
        What runs the trials: nni or optuna, or another installed host; where None, this process, one at a time.
    out
        A directory to keep the search in, for ``nasplus show`` and the like. A further ``fit`` with the same data and
        parameters goes on with what is there, also after an interruption, and takes it as it is if it is complete;
        with more trials it adds them.
    random_state
        Fixes split, search and training: a number, a generator of NumPy's to draw one from, or None for any.
    verbose
        Whether to show on standard error how the search goes.

    Attributes
    ----------
    classes_
        [C] the labels, in ascending order, as they were given; of folders their names.
    model_, history_, best_genotype_, run_
        What was found; a table of all trials; the best architecture; the directory of the search, if it is kept.

    Examples
    --------
    >>> classifier = ImageClassifier(trials=20).fit("pictures/train")
    >>> classifier.predict(["new/1.png", "new/2.png"])
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        trials: int | None = None,
        minutes: float | None = None,
        strategy: str = "thompson",
        strategy_options: Mapping[str, Any] | None = None,
        space: str = "darts",
        scale: Literal["small", "published"] = "small",
        tune: bool | None = None,
        objective: str = "accuracy",
        epochs: int | None = None,
        skip_damaged: bool = False,
        network: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
        host: str | None = None,
        out: str | Path | None = None,
        random_state: Any = 0,
        verbose: bool = True,
    ) -> None:
        self.size = size
        self.trials = trials
        self.minutes = minutes
        self.strategy = strategy
        self.strategy_options = strategy_options
        self.space = space
        self.scale = scale
        self.tune = tune
        self.objective = objective
        self.epochs = epochs
        self.skip_damaged = skip_damaged
        self.network = network
        self.training = training
        self.search = search
        self.host = host
        self.out = out
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Search for a network.

        Parameters
        ----------
        X
            An array uint8 [N, S, S] or [N, S, S, C] of C = 1 or 3 channels; the paths of N pictures; or the path of a
            folder with a folder of pictures for each class, or of an ``.npz`` archive, as ``nasplus search`` takes.
        y
            [N] whole numbers or texts; None where X is such a path, which says them.

        Returns
        -------
        The estimator.

        Raises
        ------
        UserError
            If the data or a parameter is bad, ``out`` holds a search of other data or parameters, or no trial succeeds.
        """
        with in_python(is_kept=self.out is not None):
            source, seed = _source(X, y), self._seed()
            self._search(lambda cache: self._prepared(cache, source, seed), seed)
        classes = np.asarray(self._encoder.classes)
        known = source.labels if isinstance(source, GivenImages) else None
        self.classes_: NDArray[Any] = classes if known is None else classes.astype(known.dtype)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """The probability of each class [N, C], in the order of ``classes_``.

        Parameters
        ----------
        X
            An array or paths as ``fit`` takes them; or the path of a picture, of an archive with ``x`` or ``x_test``,
            or of a folder, whose pictures are taken in the order of their names.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If an image cannot be read, or differs from those of training in size or channels.
        """
        check_is_fitted(self)
        with in_python(is_kept=False):
            return self.model_.predict(_source(X)).iloc[:, 1:].to_numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each image [N]; see :meth:`predict_proba`."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of images that are classified rightly, whatever the objective is.

        Parameters
        ----------
        X, y
            As ``fit`` takes them; of a folder or an archive that has parts, all of them.
        sample_weight
            [N] how much each image counts.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If labels are missing, or an image cannot be read.
        """
        check_is_fitted(self)
        with in_python(is_kept=False):
            source = _source(X, y)
            if isinstance(source, GivenImages):
                if source.labels is None:
                    raise UserError("y is None: give a label for each image")
                return float(accuracy_score(source.labels, self.predict(X), sample_weight=sample_weight))
            found = read_images(source, self._encoder.size if self._encoder.resized else None)
        truths = np.array(found.classes)[found.label]
        return float(accuracy_score(truths, self.predict(found.images), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn that what it takes are images, no array of rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        tags.input_tags.string = True
        tags.target_tags.required = False
        tags.no_validation = True
        return tags

    def _prepared(self, cache: Path, source: Path | GivenImages, seed: int) -> tuple[dict[str, Any], Evaluator]:
        """The data in a folder, the space over their sizes, and what trains on them."""
        kind, training = self._space(), self._training(ImageClassification, self._own(), seed)
        network = self._network(kind, training["learning_rate"])
        evaluator = well_typed(ImageClassification(str(cache), **training))
        prepare_images(
            source,
            out=cache,
            size=self._scale.get("size") if self.size is None else self.size,
            seed=seed,
            skip_damaged=bool(self.skip_damaged),
            progress=bool(self.verbose),
        )
        return described(kind, {**evaluator.data().shape.to_json(), **network}), evaluator

    def _space(self) -> type:
        """The installed space; UserError if it is of other data."""
        kind = registry.load("spaces", self.space)
        if "in_channels" not in signature(kind).parameters:
            raise UserError(f"space '{self.space}' is not for images; use darts, densenas, mobile or nb201")
        return kind

    @property
    def _scale(self) -> dict[str, Any]:
        if self.scale not in SCALES:
            raise UserError(f"unknown scale {self.scale!r}; use {' or '.join(SCALES)}")
        return SCALES[self.scale]

    def _own(self) -> dict[str, Any]:
        """The arguments of the evaluator that the parameters and the scale give."""
        scale = {name: value for name, value in self._scale.items() if name in TRAINING}
        return {**scale, "objective": self.objective, **({} if self.epochs is None else {"epochs": self.epochs})}

    def _network(self, kind: Any, learning_rate: float) -> dict[str, Any]:
        """The arguments of the space but those of the data."""
        known = signature(kind).parameters
        further = chosen("network", self.network, known, besides=_OF_DATA)
        sizes = {name: value for name, value in self._scale.items() if name in NETWORK and name in known}
        is_tuned = self._scale.get("tune", False) if self.tune is None else self.tune
        searched = kind.recommended(learning_rate) if is_tuned and hasattr(kind, "recommended") else {}
        return {**sizes, **searched, **further}

    @property
    def _encoder(self) -> ImageEncoder:
        encoder = self.model_.preprocessing
        assert isinstance(encoder, ImageEncoder)
        return encoder


def _source(X: Any, y: Any = None) -> Path | GivenImages:
    """The place of images that say their classes themselves, or what is given.

    Raises
    ------
    UserError
        If labels are given beside a place that says them, or the images are none.
    """
    if not isinstance(X, str | Path):
        return GivenImages.of(X, y)
    if y is not None:
        raise UserError(f"{X} says the classes of its images; leave y out, or give a list of pictures")
    return Path(X).expanduser()
