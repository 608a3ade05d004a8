"""Run what is left of a search, on whatever host it names."""

from __future__ import annotations

from rich.console import Console

from nni_nasplus import registry
from nni_nasplus.hosts.host import Host
from nni_nasplus.hosts.progress import TrialProgress
from nni_nasplus.networks.costs.smallest import require_reachable
from nni_nasplus.networks.limits import Limits
from nni_nasplus.run.directory.clock import counted
from nni_nasplus.run.presearch import needs_presearch
from nni_nasplus.run.run import Run
from nni_nasplus.search.summary import size_in_words

__all__ = ["complete", "host_of"]


def host_of(run: Run) -> Host:
    """What runs the trials of a run."""
    host: Host = registry.load("hosts", run.settings.host)()
    return host


def complete(run: Run, console: Console, *, is_kept: bool = True) -> bool:
    """Run what is left of a search, and show how it goes; whether anything was left.

    Parameters
    ----------
    is_kept
        Whether people will find the results where they are.

    Raises
    ------
    UserError
        If it runs already, or it cannot go on.
    """
    run.require_whole()
    host = host_of(run)
    with run.exclusive():
        host.require_idle(run)
        if run.is_over:
            return False
        _search(run, host, console, is_kept=is_kept)
        return True


def _search(run: Run, host: Host, console: Console, *, is_kept: bool) -> None:
    if run.settings.max_latency_ms is not None and run.latency is not None:
        console.print(run.latency.note, highlight=False, soft_wrap=True)
    if run.settings.max_latency_ms is not None and not run.has_trials:
        require_reachable(run.space, Limits(max_latency_ms=run.settings.max_latency_ms), run.latency, run.timing)
    if needs_presearch(run):
        run.settings.make_strategy().check_space(run.space)
    note = f"presearch of {run.settings.strategy}" if needs_presearch(run) else ""
    with counted(run.directory), host.search(run) as running:
        results = f"; results in {run.directory}" if is_kept else ""
        console.print(f"searching {size_in_words(run.space.search_space)}{results}", highlight=False, soft_wrap=True)
        console.print(running.where, highlight=False, soft_wrap=True)
        with TrialProgress(console, run, note) as progress:
            running.wait(progress.update)
