"""The parent of the processes of ``processes.py``: imports what they may need, then forks one a request."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

import known_entry_points  # noqa: F401 - before Lightning, which takes the function by its name
from nni.tools.nnictl.config_utils import Experiments

from nni_nasplus.hosts.nni.preloaded.child import run_trial
from nni_nasplus.hosts.nni.preloaded.preload import preload

MODULES = (
    "matplotlib.pyplot",
    "nni.nas.experiment",
    "nni_nasplus.cli",
    "nni_nasplus.hosts.nni.experiment",
    "nni_nasplus.hosts.optuna.study",
    "nni_nasplus.run.run",
    "pyarrow.parquet",
    "sklearn.ensemble",
)
LONGEST_REQUEST = 1 << 18


def main() -> None:
    """Serve until the other end is closed."""
    requests = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload([])
    for module in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    while True:
        message, streams, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 3)
        if not message:
            return
        requests.send(str(orphan(json.loads(message), streams, requests)).encode())
        for stream in streams:
            os.close(stream)


def orphan(request: dict, streams: list[int], requests: socket.socket) -> int:
    """The id of a process whose parent is gone, so that it belongs to whoever reaps orphans."""
    ours, theirs = os.pipe()
    between = os.fork()
    if between == 0:
        requests.close()
        child = os.fork()
        if child:
            os.write(theirs, str(child).encode())
            os._exit(0)
        os.close(ours)
        os.close(theirs)
        become(request, streams)
    os.waitpid(between, 0)
    os.close(theirs)
    child = int(os.read(ours, 64))
    os.close(ours)
    return child


def become(request: dict, streams: list[int]) -> NoReturn:
    """Run the request's command line; a process of the package knows neither ``-c`` nor PYTHONPATH nor another HOME."""
    move(Path(request["environment"]["HOME"]))
    named = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in named if path and path not in sys.path[1:]]
    if request["arguments"][0] == "-c":
        request["arguments"] = [str(Path(__file__).with_name("run_code.py")), *request["arguments"][1:]]
    run_trial(request, streams, threads=1)


def move(home: Path) -> None:
    """Let NNI keep its experiments in another home; it reads where that is when it is imported."""
    folder = str(home / "nni-experiments")
    for module in list(sys.modules.values()):
        if "NNI_HOME_DIR" in vars(module):
            module.NNI_HOME_DIR = folder
    Experiments.__init__.__defaults__ = (folder,)


if __name__ == "__main__":
    main()
