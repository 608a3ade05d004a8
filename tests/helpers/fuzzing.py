"""Targets that are given inputs nobody would write, and all that they may do with them: take or refuse them."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import Choices

from nni_nasplus import UserError

__all__ = ["Room", "fuzzed"]

_INPUTS = int(os.environ.get("FUZZ_INPUTS", "0"))
"""Of each target, as ``make fuzz`` asks; without it they are few and always the same."""
_FEW = 200
_BYTES = 64
"""As many as some ten mutations take."""
_SECONDS = 10
"""Of computing for one input: the slowest take a tenth of a second."""
_LINE = 700
"""Characters that a message may have: it names what was given, and does not repeat all of it."""


def fuzzed(share: float = 1.0) -> Callable[[Callable], Callable]:
    """Call a test with many ``choices``.

    Parameters
    ----------
    share
        Of the inputs, for a target that takes long.
    """
    how = settings(
        max_examples=max(1, round((_INPUTS or _FEW) * share)),
        derandomize=not _INPUTS,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    drawn = given(choices=st.binary(max_size=_BYTES).map(Choices))
    return lambda test: how(drawn(test))


@dataclass(frozen=True)
class Room:
    """A folder for inputs and outputs; whatever else a program writes to by habit lies in empty folders beside it.

    Parameters
    ----------
    path
        The folder.
    elsewhere
        The current folder, the home and the folder of temporary files.
    """

    path: Path
    elsewhere: tuple[Path, ...]

    @contextlib.contextmanager
    def input(self) -> Iterator[None]:
        """Let what is done with one input end by a ``UserError`` of one line, soon, and leave nothing elsewhere."""
        signal.setitimer(signal.ITIMER_PROF, _SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                yield
        except UserError as error:
            message = str(error)
            assert message
            assert len(message.splitlines()) == 1
            assert len(message) <= _LINE
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        assert [list(folder.iterdir()) for folder in self.elsewhere] == [[] for _ in self.elsewhere]
        assert {*self.path.parent.iterdir()} == {self.path, *self.elsewhere}
