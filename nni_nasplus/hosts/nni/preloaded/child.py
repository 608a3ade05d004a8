"""The trial's process, right after the fork: becomes what an interpreter of this command line would be."""

from __future__ import annotations

import atexit
import io
import os
import runpy
import signal
import sys
import threading
import types
import warnings
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from nni_nasplus._signals import ignore_from_now_on
from nni_nasplus.hosts.nni.preloaded.refresh import refresh

__all__ = ["run_trial"]

_ACTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


def run_trial(request: dict[str, Any], streams: list[int], threads: int) -> NoReturn:
    """Run the request's command line and end this process as an interpreter would end."""
    code = 1
    try:
        _become(request, streams)
        code = _status(request["arguments"], threads)
        code = _finish(code)
    finally:
        if code < 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(code)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Take the trial's process group, default actions of signals, streams, directory and environment."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in _ACTIONS:
        signal.signal(number, signal.SIG_DFL)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])


def _status(arguments: list[str], threads: int) -> int:
    """Run the command line; its exit code, or -2 if it was interrupted."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        refresh(threads)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if arguments[0] == "-m":
            _run_module(arguments[1], arguments[1:])
        else:
            _run_script(arguments)
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:  # noqa: BLE001
        trace = _own_part(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _run_module(name: str, arguments: list[str]) -> None:
    sys.argv = arguments
    sys.path[0] = str(Path.cwd())
    warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning, "runpy")
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_script(arguments: list[str]) -> None:
    """Run a script as ``__main__``; a folder or an archive, which has one inside, by :mod:`runpy`."""
    path = Path(arguments[0])
    sys.argv = arguments
    sys.path[0] = str(path.resolve().parent)
    if path.is_dir() or zipfile.is_zipfile(path):
        del sys.path[0]
        runpy.run_path(arguments[0], run_name="__main__")
        return
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    main.__file__ = str(path.absolute())
    with io.open_code(str(path)) as file:
        code = compile(file.read(), main.__file__, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _own_part(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _exit_code(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _finish(code: int) -> int:
    """What an interpreter does at its end: wait for threads, unless interrupted, run exit functions, flush."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        code = -signal.SIGINT
    ignore_from_now_on()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    return code
