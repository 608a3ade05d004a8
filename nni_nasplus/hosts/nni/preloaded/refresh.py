"""Make a forked process what a fresh interpreter with the trial's environment would be.

What NNI 3.0 reads from the environment when it is imported, and where it keeps it:

* ``nni.runtime.env_vars.trial_env_vars``, a named tuple which ``nni.trial``, ``nni.runtime.log`` and the command
  channels import by name;
* ``nni.trial``: the ids of experiment and trial, and the sequence number;
* ``nni.runtime.log``: a trial logs to ``trial.log`` and prints through a wrapper, any other process logs to stdout;
* ``nni.runtime.trial_command_channel._channel``, made when first used.

The generators of random numbers are seeded anew. Torch is given the threads that it would have taken.
"""

from __future__ import annotations

import os
import random
import sys

import nni
import nni.runtime.env_vars
import nni.runtime.log
import nni.runtime.trial_command_channel
import nni.trial
import numpy as np
import torch

__all__ = ["refresh"]


def refresh(threads: int) -> None:
    """Bring NNI, the random generators and torch up to date with ``os.environ``.

    Parameters
    ----------
    threads
        Torch's threads, unless the environment has ``OMP_NUM_THREADS``.
    """
    _refresh_nni()
    random.seed()
    np.random.seed()
    torch.default_generator.seed()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(asked) if asked.isdigit() and int(asked) else threads)


def _refresh_nni() -> None:
    stale = nni.runtime.env_vars.trial_env_vars
    fresh = nni.runtime.env_vars._load_env_vars(nni.runtime.env_vars._trial_env_var_names)
    for name, module in list(sys.modules.items()):
        if name.startswith("nni.") and vars(module).get("trial_env_vars") is stale:
            module.trial_env_vars = fresh  # type: ignore[attr-defined]
    trial = sys.modules["nni.trial"]
    trial._params = None  # type: ignore[attr-defined]
    trial._experiment_id = fresh.NNI_EXP_ID or "STANDALONE"  # type: ignore[attr-defined]
    trial._trial_id = fresh.NNI_TRIAL_JOB_ID or "STANDALONE"  # type: ignore[attr-defined]
    trial._sequence_id = int(fresh.NNI_TRIAL_SEQ_ID or 0)  # type: ignore[attr-defined]
    nni.runtime.trial_command_channel._channel = None
    nni.silence_stdout()
    nni.runtime.log._init_logger()
