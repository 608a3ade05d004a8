"""What stands between new data and a trained network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn
    from typing_extensions import Self

__all__ = ["Preprocessing"]


class Preprocessing(ABC):
    """Turns new data into a network's input, and its answers into a table; an exported network carries it."""

    source: ClassVar[str]
    """What new data are: the option of ``nasplus predict`` that names them."""

    @abstractmethod
    def save(self, folder: str | Path) -> None:
        """Write all that new data needs into a folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote; :class:`~nni_nasplus.UserError` where it is absent or of another format."""

    @abstractmethod
    def predict(self, network: nn.Module, data: Any) -> pd.DataFrame:
        """What a network, in evaluation mode, says of new data."""
