"""Values of a proxy in a file, so that an interrupted ranking goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from nni_nasplus._files import write_text
from nni_nasplus.errors import UserError

__all__ = ["KeptValues"]

_EVERY = 20
"""Values between two writings: a crash costs seconds of work, and writing costs little of the time."""


class KeptValues:
    """The values of a proxy by genotype, as a context manager that writes all of them at its end.

    Parameters
    ----------
    path
        The CSV file, with a column ``genotype`` and one called as the proxy; it need not exist. None keeps the values
        in memory alone.
    name
        The name of the proxy.

    Raises
    ------
    UserError
        If the file exists and holds no values of this proxy.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self.path, self.name = path, name
        self.values = _read(path, name) if path is not None and path.exists() else {}

    def __enter__(self) -> KeptValues:
        return self

    def add(self, genotype: str, value: float) -> None:
        """Keep a value, infinite and NaN ones too; the file has it after 20 more at the latest."""
        self.values[genotype] = value
        if len(self.values) % _EVERY == 0:
            self._write()

    def _write(self) -> None:
        if self.path is not None:
            table = pd.DataFrame({"genotype": self.values.keys(), self.name: self.values.values()})
            write_text(self.path, table.to_csv(index=False, na_rep="nan"))

    def __exit__(self, *_: object) -> None:
        self._write()


def _read(path: Path, name: str) -> dict[str, float]:
    # A genotype may be the text "nan" or "None", which pandas would take for a gap.
    table = pd.read_csv(path, dtype={"genotype": str}, keep_default_na=False, na_values={name: ["nan"]})
    if not {"genotype", name} <= set(table.columns):
        raise UserError(f"{path} holds no values of {name}; name another file, or remove it")
    return dict(zip(table["genotype"], table[name].astype(float), strict=True))
