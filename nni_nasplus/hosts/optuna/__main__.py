"""``python -m nni_nasplus.hosts.optuna RUN PARENT``: a worker, which a signal ends silently while it is imported."""

from nni_nasplus._signals import end_at_once


def main() -> None:
    """Import the worker and run it."""
    end_at_once()
    from nni_nasplus.hosts.optuna.worker import main as run

    run()


if __name__ == "__main__":
    main()
