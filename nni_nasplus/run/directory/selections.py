"""``selected.json``: what the tail of a search has selected to be exported, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nni_nasplus._files import damage_named, read_json, write_json

__all__ = ["keep_selections", "selected_in", "selections_in"]

_SELECTED = "selected.json"
_ENTRIES = ("members", "metrics", "temperature", "test")
"""What every selection has."""


def selections_in(directory: Path) -> dict[str, Any]:
    """By name all that is selected; empty before anything is.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    path = directory / _SELECTED
    return read_json(path, _made_again(directory)) if path.is_file() else {}


def selected_in(directory: Path, name: str) -> dict[str, Any] | None:
    """What is selected under a name; None where nothing is.

    Returns
    -------
    ``members``, each as :meth:`nni_nasplus.run.run.Run.member` gives them, ``metrics`` of validation, ``temperature``,
    and ``test``, the objective on the test examples with its interval; of what was trained again also ``refit``: what
    it was before, by its ``name``, and its ``test``. Members that are bagged have each its ``fold``, and metrics are
    then out of fold.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    with damage_named(directory / _SELECTED, _made_again(directory)):
        found = selections_in(directory).get(name)
        further = ("refit",) if found and "refit" in found else ()
        return found and {entry: found[entry] for entry in (*_ENTRIES, *further)}


def keep_selections(directory: Path, selections: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep these, and nothing else, for the two above to give."""
    write_json(directory / _SELECTED, dict(selections))


def _made_again(directory: Path) -> str:
    return f"remove it, and have it made again by: nasplus resume {directory}"
