"""``nasplus nnictl``: NNI's own command, whose managers have this package's workarounds."""

from __future__ import annotations

import subprocess
import sys
from argparse import REMAINDER, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from nni_nasplus.hosts.nni.dispatcher.algorithms import require_algorithms
from nni_nasplus.hosts.nni.manager import LOOPBACK, manager_environment, warn_of

__all__ = ["run"]

_DESCRIPTION = """NNI's nnictl, for any experiment and tuner; experiments that it creates or resumes

  give every trial its own parameters, where NNI swaps them;
  start trials as soon as others end;
  end with the reason, in the web UI, where the tuner ends;
  listen on this machine only, unless --bind widens it;
  on resume, leave what was interrupted to the tuner;
  on other machines, go on without one that is lost.
"""
_NNICTL = """
import sys
from nni_nasplus._signals import end_at_once
end_at_once()
from nni.tools.nnictl.nnictl import parse_args
from nni_nasplus.cli.surroundings import nni_folders
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.manager import patient_start
try:
    with patient_start(), nni_folders():
        parse_args()
except UserError as error:
    sys.stderr.write(f"nasplus: error: {error}\\n")
    sys.exit(2)
"""


def run(arguments: Sequence[str]) -> None:
    """Run nnictl and end with its exit code."""
    parser = ArgumentParser("nasplus nnictl", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--bind", default=LOOPBACK, help="an address to listen on besides; 0.0.0.0 is every one")
    parser.add_argument("arguments", nargs=REMAINDER, help="nnictl's: create --config FILE, resume ID, stop, ...")
    options = parser.parse_args(arguments)
    if not options.arguments:
        parser.error("name what nnictl is to do: create, resume, stop, ...")
    warn_of(options.bind)
    if options.arguments[0] == "create":
        _require_algorithms(options.arguments[1:])
    with manager_environment(bind=options.bind):
        sys.exit(subprocess.call([sys.executable, "-c", _NNICTL, *options.arguments]))


def _require_algorithms(arguments: Sequence[str]) -> None:
    """Name a tuner that cannot be imported at once, rather than when the experiment runs."""
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--config", "-c", type=Path)
    if (config := parser.parse_known_args(arguments)[0].config) is not None:
        require_algorithms(config)
