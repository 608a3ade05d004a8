"""``python -m nni_nasplus.hosts.nni RUN``: a trial of an experiment; a signal ends it silently while it is imported."""

from nni_nasplus._signals import end_at_once


def main() -> None:
    """Import the trial and run it."""
    end_at_once()
    from nni_nasplus.hosts.nni.trial import main as run

    run()


if __name__ == "__main__":
    main()
