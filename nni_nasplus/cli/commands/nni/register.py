"""``nasplus register``: make the strategies known to ``nnictl`` by name."""

from __future__ import annotations

import sys

from nni.tools.package_utils import AlgoMeta, register_algo_meta

from nni_nasplus.cli.surroundings import nni_folders

__all__ = ["register"]

NAME = "NasPlus"


def register() -> None:
    """Register the tuner NasPlus in this environment's NNI; a second time changes nothing."""
    meta = {
        "algoType": "tuner",
        "builtinName": NAME,
        "className": "nni_nasplus.hosts.nni.tuner.NasTuner",
        "source": "nni-nasplus",
    }
    with nni_folders():
        register_algo_meta(AlgoMeta.load(meta, "tuner"))
    sys.stdout.write(f"registered: use it as tuner name '{NAME}' in a config for nnictl create\n")
