"""``python -m nni_nasplus`` is the ``nasplus`` command."""

from nni_nasplus.cli import main

main()
