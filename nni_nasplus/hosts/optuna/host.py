"""Optuna as host: a run's trials as a study."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.host import Host, RunningSearch
from nni_nasplus.run.presearch import needs_presearch, presearch
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings

__all__ = ["OptunaHost"]


class OptunaHost(Host):
    """Optuna: a study that workers on this machine and on others take trials from.

    Without Optuna it can still be imported, to say so.
    """

    def check(self, settings: Settings) -> None:
        """Raise :class:`UserError` if Optuna is missing, a trial is limited, or the storage cannot be reached."""
        _require_optuna()
        if settings.trial_seconds is not None or settings.trial_mib is not None:
            raise UserError("--trial_seconds and --trial_mib need --host nni, which gives each trial a process")
        if settings.storage:
            from nni_nasplus.hosts.optuna.study import open_storage

            open_storage(settings.storage)

    @contextmanager
    def search(self, run: Run) -> Iterator[RunningSearch]:
        """Start workers, once the strategy has looked for what it needs; they are ended on exit.

        Raises
        ------
        UserError
            On entry, if the storage cannot be reached or holds another study of that name.
        """
        _require_optuna()
        from nni_nasplus.hosts.optuna.ownership import with_own_study
        from nni_nasplus.hosts.optuna.search import OptunaSearch

        run = with_own_study(run)
        presearch(run)
        with OptunaSearch(run) as search:
            yield search

    def work(self, run: Run) -> None:
        """Train trials of the run's study until none is left.

        Raises
        ------
        UserError
            If the presearch is not done, the study is another run's, or the storage cannot be reached.
        """
        _require_optuna()
        if needs_presearch(run):
            raise UserError(f"the presearch of {run.directory} is not done; do it with: nasplus resume {run.directory}")
        from nni_nasplus.hosts.optuna.ownership import require_own_study
        from nni_nasplus.hosts.optuna.worker import work

        require_own_study(run)
        work(run)

    def conclude(self, run: Run) -> None:
        """Say it on the page of the study in optuna-dashboard, for which it takes Optuna."""
        if importlib.util.find_spec("optuna") is not None:
            from nni_nasplus.hosts.optuna.study import open_study
            from nni_nasplus.hosts.optuna.study_page import tell_result

            tell_result(run, open_study(run))

    def viewer(self, run: Run) -> str:
        """Optuna's own dashboard too, which has a study wherever it is kept."""
        _require_optuna()
        from nni_nasplus.hosts.optuna.artifacts import ARTIFACTS
        from nni_nasplus.hosts.optuna.study import storage_url

        storage, artifacts = storage_url(run).removeprefix("journal:"), str(run.directory / ARTIFACTS)
        dashboard = shlex.join(["optuna-dashboard", storage, "--artifact-dir", artifacts])
        return f"{super().viewer(run)}, or {dashboard}"


def _require_optuna() -> None:
    if importlib.util.find_spec("optuna") is None:
        raise UserError('--host optuna needs Optuna; pip install "nni-nasplus[optuna]"')
