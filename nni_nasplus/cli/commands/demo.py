"""``nasplus demo``: the search on real transactions, in a few minutes."""

from __future__ import annotations

from nni_nasplus.cli.commands.search import search
from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.data.events.ready import complete_journey
from nni_nasplus.run.settings import Settings

__all__ = ["demo"]

_TAIL_MINUTES = 1.25
"""So that people see the whole within four minutes on two cores."""


def demo(
    *, trials: int = 8, strategy: str = "evolution", seed: int = 0, port: int = 8080, out: str | None = None
) -> None:
    """Search on Complete Journey: does a household's shopping tell whether its head is 55 or older?

    Parameters
    ----------
    trials
        Architectures to train.
    strategy
        How to search.
    seed
        Fixes split, search and training.
    port
        Of the web UI.
    out
        The directory to keep everything in; by default a new one under runs/.
    """
    events, labels, columns = complete_journey()
    data = {"events": "Complete Journey", "labels": "Complete Journey", **columns, "ready": (events, labels)}
    task = ReadyEvents(**data, epochs=6, batch_size=32, max_length=96)  # type: ignore[arg-type]
    search(task, Settings(strategy=strategy, trials=trials, seed=seed, port=port, tail_minutes=_TAIL_MINUTES), out)
