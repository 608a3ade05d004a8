"""Real NNI experiments for the tests: a free port, and what the manager's REST API says."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import requests


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port: int, resource: str) -> Any:
    """A resource of the manager."""
    return requests.get(f"http://127.0.0.1:{port}/api/v1/nni/{resource}", timeout=10).json()


def wait(port: int, limit_s: float = 280) -> str:
    """The status once the experiment is over."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        status = get(port, "check-status")["status"]
        if status in ("DONE", "ERROR", "STOPPED"):
            return status
        time.sleep(0.5)
    raise TimeoutError(f"the experiment is still {status} after {limit_s} s")


def trials(port: int) -> list[tuple[str, Any, dict[str, float] | None]]:
    """Status, submitted parameters and final metric of each trial."""
    return [
        (
            job["status"],
            json.loads(job["hyperParameters"][0])["parameters"],
            json.loads(json.loads(job["finalMetricData"][0]["data"])) if job.get("finalMetricData") else None,
        )
        for job in get(port, "trial-jobs")
    ]
