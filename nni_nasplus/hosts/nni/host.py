"""NNI as a host of runs: a manager with a web UI, and a process for each trial."""

from __future__ import annotations

from contextlib import AbstractContextManager

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.host import Host, RunningSearch
from nni_nasplus.hosts.nni.experiment import NniSearch, require_dead, require_idle
from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.manager import living_managers, warn_of
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings

__all__ = ["NniHost"]


class NniHost(Host):
    """Runs a search as an NNI experiment of this machine."""

    def check(self, settings: Settings) -> None:
        """Refuse a storage, which is Optuna's, and a port that something listens on."""
        if settings.storage is not None:
            raise UserError("--storage has no effect; add --host optuna")
        require_idle(settings.port)

    def require_idle(self, run: Run) -> None:
        """Refuse a run whose NNI manager lives."""
        require_dead(run)

    def search(self, run: Run) -> AbstractContextManager[RunningSearch]:
        """The run as an NNI experiment, started or resumed on entry and stopped on exit."""
        require_idle(run.settings.port)
        warn_of(run.settings.bind)
        return NniSearch(run)

    def stop(self, run: Run) -> list[str]:
        """End the managers that a killed search left behind."""
        lines = []
        for manager in living_managers(run.directory / NNI):
            manager.end()
            lines.append(f"ended the NNI manager {manager.experiment}, process {manager.process.pid}")
        return lines
