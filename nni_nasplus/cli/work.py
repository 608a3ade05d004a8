"""``nasplus work``: another worker for a search of the Optuna host."""

from __future__ import annotations

from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run

__all__ = ["work"]


def work(directory: str) -> None:
    """Train trials of a search of the Optuna host until none is left, beside its own workers.

    On another machine the directory must be on a shared file system, and the storage a database that both reach.

    Parameters
    ----------
    directory
        The directory given to --out.
    """
    run = Run.open(directory)
    if run.settings.get("host") != "optuna":
        raise UserError(f"{directory} is a search of the NNI host, which starts its own trials")
    from nni_nasplus.hosts.optuna.worker import work as train

    train(run)
