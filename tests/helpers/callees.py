"""Which functions of the tests start processes, found by the names in their code."""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

TESTS = str(Path(__file__).parents[1])
STARTERS = {"Popen", "call", "run"}


def starts_processes(functions: list[Callable]) -> bool:
    """Whether one of them names :mod:`subprocess`'s functions, or what is of the tests and does."""
    seen: set[Any] = set()
    ahead = list(functions)
    while ahead:
        function = inspect.unwrap(ahead.pop())
        if function in seen:
            continue
        seen.add(function)
        starts, named = read(function)
        if starts:
            return True
        ahead += named
    return False


@functools.cache
def read(function: Any) -> tuple[bool, list[Any]]:
    """Whether a function itself starts a process, and the functions and classes of the tests that it names."""
    if inspect.isclass(function):
        methods = [method for method in vars(function).values() if inspect.isfunction(method)]
        return issubclass(function, subprocess.Popen), methods
    found = [(name, function.__globals__.get(name)) for code in codes(function.__code__) for name in code.co_names]
    modules = [value for _, value in found if inspect.ismodule(value)]
    starts = subprocess in modules and any(name in STARTERS for name, _ in found)
    return starts, [value for _, value in found if ours(value)]


def codes(code: CodeType) -> Iterator[CodeType]:
    """Of a function and of those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def ours(value: Any) -> bool:
    """Whether this is a function or a class of the tests."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    inside = str(getattr(module, "__file__", None)).startswith(TESTS)
    return inside and (inspect.isfunction(value) or inspect.isclass(value))
