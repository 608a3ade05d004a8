"""What is installed, as tables and pages: names from the entry points, words from ``docs/catalogue.yml``.

``python docs/_extensions/catalogue.py`` writes the tables of the README anew.
"""

from __future__ import annotations

import re
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args

import yaml

from nni_nasplus import registry
from nni_nasplus.registry import Kind

DOCS = Path(__file__).parents[1]
README = DOCS.parent / "README.md"
KINDS: tuple[Kind, ...] = get_args(Kind)


@cache
def words(kind: Kind) -> dict[str, Any]:
    """What the catalogue says of a kind: ``columns``, and cells by name in ``entries``."""
    catalogue: dict[str, Any] = yaml.safe_load((DOCS / "catalogue.yml").read_text(encoding="utf-8"))
    return dict(catalogue[kind])


def names(kind: Kind) -> list[str]:
    """The installed names, those of the catalogue first, in its order."""
    order = list(words(kind)["entries"])
    return sorted(registry.available(kind), key=lambda name: order.index(name) if name in order else len(order))


def cells(kind: Kind, name: str) -> list[str]:
    """What the catalogue says of a name, or the first line of its docstring where another package brought it."""
    known = words(kind)["entries"].get(name)
    if known:
        return [str(cell) for cell in known]
    first = cleandoc(registry.load(kind, name).__doc__ or "").partition("\n\n")[0]
    return [" ".join(first.split()), *[""] * (len(words(kind)["columns"]) - 2)]


def table(kind: Kind, pages: str | None = None) -> str:
    """The table of a kind, in Markdown; with ``pages`` each name is a link to its page in that folder."""
    columns = words(kind)["columns"]
    rows = [[_name(_prefix(kind, name), pages, name), *cells(kind, name)] for name in names(kind)]
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _prefix(kind: Kind, name: str) -> str:
    """What stands before a name; a task of data whose option is another's is named by an option."""
    by_name = kind == "tasks" and registry.load(kind, name).by_name
    return "--task " if by_name else str(words(kind).get("prefix", ""))


def _name(prefix: str, pages: str | None, name: str) -> str:
    return f"`{prefix}{name}`" if pages is None else f"[`{prefix}{name}`]({pages}{name}.md)"


def with_tables(text: str) -> str:
    """A text with each ``<!-- table KIND -->`` … ``<!-- end -->`` filled anew."""
    return re.sub(
        r"(?<=<!-- table )(\w+)( -->\n).*?(?=<!-- end -->)",
        lambda found: f"{found[1]}{found[2]}{table(found[1])}\n",  # type: ignore[arg-type]
        text,
        flags=re.DOTALL,
    )


def strategy_names() -> list[str]:
    """What ``--strategy`` takes."""
    return list(dict.fromkeys([*names("strategies"), *names("one_shot")]))


def page_of(name: str) -> dict[str, Any]:
    """What the template of a page is filled with."""
    kind: Kind = "strategies" if name in registry.available("strategies") else "one_shot"
    what, source = cells(kind, name)
    notes = yaml.safe_load((DOCS / "strategies" / "notes.yml").read_text(encoding="utf-8"))[name]
    found = registry.load(kind, name)
    search = registry.load("one_shot", name) if name in registry.available("one_shot") else None
    options = getattr(search, "Options", None) if kind == "one_shot" else None
    return {"name": name, "kind": kind, "what": what, "source": source, "notes": notes} | {
        "object": f"{found.__module__}.{found.__qualname__}",
        "options": options and f"{options.__module__}.{options.__qualname__}",
    }


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
