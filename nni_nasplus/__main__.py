"""``python -m nni_nasplus`` is the ``nasplus`` command, which a signal ends in one line while it is imported, too."""

from nni_nasplus._signals import end_with_a_line


def main() -> None:
    """Import the command and run it."""
    end_with_a_line()
    from nni_nasplus.cli import main as run

    run()


if __name__ == "__main__":
    main()
