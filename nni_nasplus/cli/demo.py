"""``nasplus demo``: the search on real transactions, in a few minutes."""

from __future__ import annotations

__all__ = ["demo"]


def demo(
    *, trials: int = 12, strategy: str = "evolution", seed: int = 0, port: int = 8080, out: str | None = None
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
    from nni_nasplus.cli.search import Plan, search_tables
    from nni_nasplus.data.ready import complete_journey

    events, labels, columns = complete_journey()
    plan = Plan(
        "events",
        columns,
        preparation={"max_length": 128},
        training={"objective": "roc_auc", "epochs": 8, "batch_size": 32, "learning_rate": 3e-3},
        settings={"strategy": strategy, "options": {}, "trials": trials, "concurrency": 2, "seed": seed},
        network={"hidden": 32},
    )
    search_tables(events, labels, plan, port, out)
