"""How a trial ended without a result, as the manager tells it: a last word where the trial left none itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from nni_nasplus.search.trial import Outcome

__all__ = ["api_of", "last_error_line", "post_mortem"]

_BY_STATUS = {
    "EARLY_STOPPED": Outcome(
        failure="cancelled", reason="stopped early by the assessor, or over NNI's maxTrialDuration"
    ),
    "USER_CANCELED": Outcome(failure="cancelled", reason="cancelled by the user, or ended by a signal"),
    "SYS_CANCELED": Outcome(failure="interrupted", reason="ended from outside"),
}
_UNKNOWN = Outcome(failure="error", reason="the trial ended without a result; see its log in the web UI")
_OWN = re.compile(r"^(nasplus|nni_nasplus\.errors\.UserError): ")
_EXCEPTION = re.compile(r"^[\w.]+(Error|Exception|Exit|Interrupt|Warning|Failed|Lost)\b(: .*)?$")


def api_of(channel: str) -> str:
    """The REST API of the manager that a tuner's command channel, ``ws://host:port/prefix/tuner``, belongs to."""
    url = urlsplit(channel)
    return f"http://{url.hostname}:{url.port}{url.path.removesuffix('/tuner')}/api/v1/nni"


def post_mortem(parameter_id: int, api: str) -> Outcome:
    """How the latest trial of a parameter was ended, or what the last line of its standard error says of that."""
    try:
        job = _job(parameter_id, api)
        if job is None:
            return _UNKNOWN
        return _BY_STATUS.get(job["status"]) or _by_log(_text(f"{api}/trial-file/{job['trialJobId']}/stderr"))
    except (requests.RequestException, ValueError):
        return _UNKNOWN


def _job(parameter_id: int, api: str) -> Mapping[str, Any] | None:
    jobs = requests.get(f"{api}/trial-jobs", timeout=10).json()
    of_it = [job for job in jobs if json.loads(job["hyperParameters"][0])["parameter_id"] == parameter_id]
    return max(of_it, key=lambda job: job.get("sequenceId", -1), default=None)


def _by_log(stderr: str) -> Outcome:
    line = last_error_line(stderr)
    return Outcome(failure="error", reason=line) if line else _UNKNOWN


def last_error_line(log: str) -> str | None:
    """The last line of a log that names an exception, or that this package wrote; None if there is none."""
    for line in reversed([line.strip() for line in log.splitlines()]):
        if _OWN.match(line) or _EXCEPTION.match(line):
            return _OWN.sub("", line)
    return None


def _text(url: str) -> str:
    response = requests.get(url, timeout=10)
    return response.text if response.ok else ""
