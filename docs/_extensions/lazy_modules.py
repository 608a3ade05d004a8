"""References to what the package has and the site does not show: plain text if it is there, a warning if it is not."""

from __future__ import annotations

import importlib
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PACKAGE = "nni_nasplus."


def setup(app: Sphinx) -> dict[str, Any]:
    """Hear of references that Sphinx cannot resolve."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}


def resolve(app: Sphinx, environment: Any, reference: Any, content: nodes.Node) -> nodes.Node | None:
    """The text of a reference to something that exists; None, which Sphinx warns of, for any other."""
    target = str(reference.get("reftarget", ""))
    if reference.get("refdomain") == "py" and target.startswith(PACKAGE) and exists(target):
        return content
    return None


def exists(target: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one, such as a method of a class."""
    module, names = target, []
    while module:
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, name = module.rpartition(".")
            names.insert(0, name)
            continue
        return _has(found, names)
    return False


def _has(found: Any, names: list[str]) -> bool:
    for name in names:
        fields = getattr(found, "__annotations__", {})
        if not hasattr(found, name):
            return name in fields
        found = getattr(found, name)
    return True
