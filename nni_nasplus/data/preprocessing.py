"""What stands between new data and a trained network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nni_nasplus._files import read_json
from nni_nasplus.data.link import Link
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd
    from torch import Tensor, nn

__all__ = ["Preprocessing", "read_versioned", "require_classes", "require_equal"]


class Preprocessing(ABC):
    """Turns new data into a network's input, and its answers into a table; an exported network carries it."""

    source: ClassVar[str]
    """What new data are: the option of ``nasplus predict`` that names them."""
    gives_pictures: ClassVar[bool] = False
    """Whether answers are pictures, for which :meth:`predict` takes a folder as ``pictures``."""

    @property
    def link(self) -> Link:
        """How a network's outputs stand for what it says: those of classes by the softmax."""
        return "softmax"

    @property
    def facts(self) -> dict[str, Any]:
        """What is to be known of the data, by name, for people; lists of names may be long."""
        return {}

    @abstractmethod
    def save(self, folder: str | Path) -> None:
        """Write all that new data needs into a folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote; :class:`~nni_nasplus.UserError` where it is absent or of another format."""

    @abstractmethod
    def require_fit(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        """Give a network one input of the kind that this makes, with its largest codes, and look at the answer.

        Parameters
        ----------
        network
            A network in evaluation mode.
        arguments
            What its space was made with, as JSON values: a network may take an input for another without a word.

        Raises
        ------
        ValueError
            If sizes do not fit each other; whatever else the network raises.
        """

    @abstractmethod
    def predict(self, network: nn.Module, data: Any) -> pd.DataFrame:
        """What a network, in evaluation mode, says of new data."""


def read_versioned(path: Path, name: str, version: int, absent: str, data: str) -> dict[str, Any]:
    """The JSON object that a preprocessing has saved, without its version.

    Parameters
    ----------
    name, version
        What the version is called in the file, and the one that can be read.
    absent
        The message where there is no file.
    data
        What is prepared, such as "events".

    Raises
    ------
    UserError
        If the file is absent, of another version or damaged.
    """
    if not path.is_file():
        raise UserError(absent)
    content = read_json(path)
    if content.pop(name, None) != version:
        raise UserError(f"{path} is of another version: prepare the {data} anew in a new folder")
    return content


def require_equal(sizes: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Raise :class:`ValueError` if arguments of the same names are of other sizes than these."""
    for name, size in sizes.items():
        if (known := arguments.get(name, size)) != size:
            raise ValueError(f"{name} is {size}, and {known} of the network")


def require_classes(logits: Tensor, classes: Sequence[Any]) -> None:
    """Raise :class:`ValueError` if outputs [B, C] are not one of each class, or two of these have one name."""
    if len({str(value).encode() for value in classes}) < len(classes):
        raise ValueError(f"a class is there twice in {classes}")
    if logits.shape[1:] != (len(classes),):
        raise ValueError(f"there are {len(classes)} classes, and {logits.shape[-1]} of the network")
