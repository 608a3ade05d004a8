"""Hosts: the experiment managers that run trials. Each adapter is a subpackage; the core knows none of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nni_nasplus.training.reporter import LogReporter

if TYPE_CHECKING:
    from nni_nasplus.training.reporter import Reporter

__all__ = ["current_reporter"]


def current_reporter() -> Reporter:
    """The reporter of the host that this process is a trial of; the Python log where there is none."""
    if os.environ.get("NNI_PLATFORM"):
        from nni_nasplus.hosts.nni.reporter import NniReporter

        return NniReporter()
    return LogReporter()
