"""Other people's searches, each its authors' own code, behind the two methods of a strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from nni_nasplus import UserError
from nni_nasplus.replay.replay import Table

from .base import Peer

__all__ = ["NAMES", "Peer", "make_peer"]

_MODULES = {
    "nni_evolution": "of_nni",
    "nni_tpe": "of_nni",
    "optuna_tpe": "of_optuna",
    "optuna_gp": "of_optuna",
    "sampler": "of_optuna",
    "smac": "of_smac",
    "catboost": "of_catboost",
    "catboost_pool": "of_catboost",
}
NAMES = list(_MODULES)


def make_peer(name: str, table: Table, seed: int, budget: int, options: Mapping[str, Any]) -> Peer:
    """A peer by name, new, for one replay of at most ``budget`` evaluations.

    Raises
    ------
    UserError
        If there is no such peer, or what it needs is not installed.
    """
    if name not in _MODULES:
        raise UserError(f"unknown peer '{name}'; peers: {', '.join(NAMES)}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ImportError as error:
        raise UserError(f"'{name}' needs {error.name}; pip install nni-nasplus[bench]") from None
    make: Callable[..., Peer] = getattr(module, name)
    return make(table, seed, budget, **options)
