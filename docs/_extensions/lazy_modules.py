"""What autodoc has to be told of this package: names that come on first use, and those without a place on the site."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PACKAGE = "nni_nasplus."


def setup(app: Sphinx) -> dict[str, Any]:
    """Hear of the beginning, and of references that Sphinx cannot resolve."""
    app.connect("builder-inited", load_names)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}


def load_names(app: Sphinx) -> None:
    """Import the names that the modules of the reference load on first use: autodoc sees only what is there."""
    for page in (Path(app.srcdir) / "reference").glob("*.md"):
        for name in re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8")):
            module = importlib.import_module(name)
            for public in getattr(module, "__all__", ()):
                setattr(module, public, getattr(module, public))


def resolve(app: Sphinx, environment: Any, reference: Any, content: nodes.Node) -> nodes.Node | None:
    """The text of a reference to something that exists, on the site or not; None, which Sphinx warns of, for others."""
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
