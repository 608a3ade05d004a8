"""What a trial of NasExperiment imports: it is sent the names of space and evaluator, not their code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nni_nasplus.errors import UserError

__all__ = ["require_importable"]

_SCRIPT = "__main__"


def require_importable(*parts: Any) -> None:
    """Raise :class:`UserError` if the script that runs defines a part, or a class or function that a part has.

    Trials import nothing from a script. NNI sends such a class pickled, as a text in which it then takes ``//`` for the
    start of a comment; trials die of that without a result, one after the other.
    """
    for part in parts:
        for symbol in _symbols(part):
            if getattr(symbol, "__module__", None) == _SCRIPT:
                name = symbol.__name__
                raise UserError(
                    f"{name} is defined in the script that runs, from which trials cannot import it; "
                    f"move it to a module beside the script, and there: from that_module import {name}"
                )


def _symbols(part: Any) -> Iterator[Any]:
    """The class of a part, and the classes and functions among its attributes."""
    yield type(part)
    for value in vars(part).values():
        yield value if hasattr(value, "__name__") else type(value)
