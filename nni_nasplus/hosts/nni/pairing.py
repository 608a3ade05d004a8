"""Give each trial its own parameters.

NNI 3.0's manager hands parameters out in the order in which trials ask, not to the trial that they were
submitted for (``nni_node/training_service/v3/compat.js``, ``onRequestParameter``): with two workers, or after a
trial that died before asking, records, web UI and export show another trial's metrics. Here a trial reads its
own record from the manager's REST API instead, and reports under that record's parameter id.

A trial on another machine cannot reach that API; there the patched manager (``manager_patch.js``) writes whose they are
into the parameters that it hands out.
"""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit

import nni
import requests

from nni_nasplus._localhost import reach_localhost_directly

__all__ = ["PairingError", "is_remote", "manager_api", "own_parameter_record", "take_own_parameters"]

_PATIENCE_S = 60.0
_POLL_S = 0.2


class PairingError(RuntimeError):
    """The manager did not tell this trial its parameters."""


def take_own_parameters() -> Any:
    """This trial's parameters; NNI's report functions use its parameter id from now on.

    Raises
    ------
    PairingError
        If the manager does not answer with this trial's record within a minute; on another machine, if it is not
        patched.
    """
    reach_localhost_directly()
    if is_remote():
        return _addressed_parameters()
    record = own_parameter_record()
    nni.trial._params = record
    return record["parameters"]


def is_remote() -> bool:
    """Whether this trial runs on another machine than its manager."""
    return os.environ.get("NNI_PLATFORM") == "remote"


def _addressed_parameters() -> Any:
    if nni.trial._params is None:
        nni.get_next_parameter()
    record: dict[str, Any] = nni.trial._params or {}
    if record.get("trial_job_id") != os.environ["NNI_TRIAL_JOB_ID"]:
        raise PairingError("NNI may have swapped this trial's parameters; start the experiment with: nasplus nnictl")
    return record["parameters"]


def own_parameter_record() -> dict[str, Any]:
    """The record that was submitted for this trial: ``parameter_id``, ``parameters`` and more."""
    trial = os.environ["NNI_TRIAL_JOB_ID"]
    url = manager_api(f"trial-jobs/{trial}")
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        response = requests.get(url, timeout=10)
        known = response.json() if response.ok and response.content else {}  # empty until NNI has stored the trial
        if submitted := known.get("hyperParameters"):
            return nni.load(submitted[0])
        time.sleep(_POLL_S)
    raise PairingError(f"the NNI manager has no parameters for trial {trial} after {_PATIENCE_S:.0f} s")


def manager_api(path: str) -> str:
    """The URL of a resource of this trial's manager."""
    channel = urlsplit(os.environ["NNI_TRIAL_COMMAND_CHANNEL"])
    return f"http://{channel.hostname}:{channel.port}/api/v1/nni/{path}"
