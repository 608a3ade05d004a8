"""Whether the tuner and the assessor of an experiment can be imported, before NNI starts it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import yaml
from nni.tools.package_utils import config_manager

from nni_nasplus.errors import UserError

__all__ = ["require_algorithms"]

_KINDS = ("tuner", "advisor", "assessor")
_ALIKE = {"tpe_legacy": "anneal"}
"""Which other algorithm has the extra that one needs."""


def require_algorithms(config: Path) -> None:
    """Look at the algorithms that an experiment's config file names; one that is no such file is left to NNI.

    Raises
    ------
    UserError
        If NNI knows none of such a name, or its module cannot be imported: what it needs is not installed.
    """
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError, yaml.YAMLError):
        return
    for kind, described in _described(content):
        _require_import(kind, described, config.parent)


def _described(content: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in _KINDS:
        described = content.get(kind) if isinstance(content, Mapping) else None
        if isinstance(described, Mapping):
            yield kind, described


def _require_import(kind: str, described: Mapping[str, Any], folder: Path) -> None:
    name = described.get("name") or described.get(f"builtin{kind.capitalize()}Name")
    if name:
        _import(f"{kind} {name}", _class_of(kind, str(name)), _extra(str(name)))
    elif described.get("className") and isinstance(code := described.get("codeDirectory", "."), str) and code:
        sys.path.append(str(folder / code))
        try:
            _import(f"{kind} {described['className']}", str(described["className"]))
        finally:
            sys.path.pop()


def _class_of(kind: str, name: str) -> str:
    known = config_manager.get_algo_meta(name)
    if known is None:
        names = sorted(algorithm.name for algorithm in config_manager.get_all_algo_meta())
        raise UserError(f"NNI knows no {kind} {name}; it has {', '.join(names)}")
    return str(known.class_name)


def _import(what: str, qualified: str, extra: str | None = None) -> None:
    """Import a class's module, which may fail in any way: in a package of another time, or in a file of the user's."""
    try:
        importlib.import_module(qualified.rpartition(".")[0])
    except Exception as error:
        remedy = f'; what it needs is in NNI\'s extra: pip install "nni[{extra}]"' if extra else ""
        raise UserError(f"{what} cannot be imported: {type(error).__name__}: {error}{remedy}") from error


def _extra(name: str) -> str | None:
    """NNI's extra of an algorithm's name, which may lack the word tuner."""
    known = {extra.lower(): extra for extra in metadata("nni").get_all("Provides-Extra") or []}
    short = _ALIKE.get(name.lower(), name.lower()).removesuffix("tuner")
    return known.get(short) or known.get(f"{short}tuner")
