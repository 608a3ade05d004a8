"""What the command's messages say to somebody who writes Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from nni_nasplus.errors import UserError

__all__ = ["in_python"]

_OPTION = re.compile(r"--([a-z][a-z_-]*)")
_RESUME = re.compile(r"go on with: nasplus resume .*")
_OTHER_DATA = re.compile(r"(.+)/data was prepared from other (.+): delete it, or choose another folder")
_NAMES = {
    "seed": "random_state",
    "source": "images",
    "skip_damaged": "skip_damaged=True",
    "drop_unmatched": "drop_unmatched=True",
}
"""Options that are called otherwise, or take no value on the command line."""


@contextmanager
def in_python(*, is_kept: bool) -> Iterator[None]:
    """Let errors name parameters where they name options, and say how a search goes on.

    Parameters
    ----------
    is_kept
        Whether anything is left to go on with.
    """
    try:
        yield
    except UserError as error:
        message = _OTHER_DATA.sub(_other_search, str(error))
        remedy = "fit again to go on" if is_kept else "name a directory with out, and fit again goes on"
        raise UserError(_RESUME.sub(remedy, _OPTION.sub(_parameter, message))) from error


def _parameter(option: re.Match[str]) -> str:
    name = option.group(1).replace("-", "_")
    return _NAMES.get(name, name)


def _other_search(cache: re.Match[str]) -> str:
    """Of prepared data that lie in the directory of a search."""
    names = ", ".join(f"--{name}" for name in cache.group(2).split(", "))
    return f"{cache.group(1)} holds a search with other {names}; name another directory with --out"
