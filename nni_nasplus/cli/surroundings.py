"""What a machine may withhold: a home, a folder for temporary files, a way to itself past a proxy, room."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nni_nasplus._localhost import reach_localhost_directly
from nni_nasplus.errors import UserError

__all__ = ["explained", "live_within", "nni_folders", "settle"]

_CACHE = ".cache"
"""The folder in a run directory for what else goes into the home directory or the system's temporary one."""
_REMEDIES = {
    errno.ENOSPC: "make room on that disk, or set TMPDIR to a folder on another",
    errno.EDQUOT: "make room within your quota, or set TMPDIR to a folder elsewhere",
    errno.EACCES: "name a place where you may read and write",
    errno.EPERM: "name a place where you may read and write",
    errno.ENOTDIR: "name a place in a directory",
    errno.EROFS: "name a place that is not read-only",
    errno.ENAMETOOLONG: "name a shorter path",
}


def settle() -> None:
    """Let this process and all that it starts reach this machine directly, and have a home directory to look into.

    A user whom the system does not know, as in containers, has none unless HOME names one.
    """
    reach_localhost_directly()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"


def live_within(directory: Path) -> None:
    """Give this process and all that it starts places in a run directory for those that the machine withholds."""
    if not all(map(_is_usable, _matplotlib_folders())):
        os.environ["MPLCONFIGDIR"] = str(directory / _CACHE / "matplotlib")
    if not _has_temporary_folder():
        os.environ["TMPDIR"] = tempfile.tempdir = str(directory / _CACHE)
        (directory / _CACHE).mkdir(parents=True, exist_ok=True)


def explained(error: OSError) -> str | None:
    """What a fault of the surroundings is and what helps, in a line; None for any other, which is ours."""
    if error.filename is None and error.errno == errno.ENOENT and "temporary directory" in str(error):
        return "no folder for temporary files can be written; set TMPDIR to one"
    remedy = _REMEDIES.get(error.errno or 0)
    what = "the output, or a file," if error.filename is None else error.filename
    return None if remedy is None else f"{what} cannot be read or written ({error.strerror}); {remedy}"


@contextlib.contextmanager
def nni_folders() -> Iterator[None]:
    """While this is open, a folder of NNI's own that cannot be used is named with the variables that say where it is.

    Raises
    ------
    UserError
        In place of the error of the system.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        raise UserError(
            f"{error.filename} cannot be read or written ({error.strerror}): NNI keeps its experiments below HOME and "
            "its settings in NNI_CONFIG_DIR; set these to folders where you may write"
        ) from None


def _matplotlib_folders() -> list[Path]:
    """It complains of them when it is imported, which torchmetrics does, and makes its list of fonts anew each time."""
    if own := os.environ.get("MPLCONFIGDIR"):
        return [Path(own)]
    homes = [os.environ.get(f"XDG_{kind.upper()}_HOME") or f"~/.{kind}" for kind in ("config", "cache")]
    return [Path(home).expanduser() / "matplotlib" for home in homes]


def _is_usable(folder: Path) -> bool:
    nearest = next(place for place in [folder, *folder.parents] if os.path.lexists(place))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _has_temporary_folder() -> bool:
    try:
        return os.access(tempfile.gettempdir(), os.W_OK | os.X_OK)
    except FileNotFoundError:
        return False
