"""Links that lead nowhere, on the pages as they were written: whatever made a link, here it is only an address."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["broken_links"]

_LINKS = {"a": "href", "img": "src", "script": "src", "link": "href"}
"""The attribute of an element that names another file."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at all pages once they are written."""
    app.connect("build-finished", require_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def require_links(app: Sphinx, error: Exception | None) -> None:
    """Fail with every link inside the site that leads to no file, or to no place in it."""
    from sphinx.errors import ExtensionError  # the tests look at links without Sphinx

    if error is None and app.builder.name == "html" and (broken := list(broken_links(Path(app.outdir)))):
        raise ExtensionError("links lead nowhere:\n" + "\n".join(broken))


def broken_links(site: Path) -> Iterator[str]:
    """Page and address of each link to a file of a site that is not there, or to an anchor that its page lacks."""
    pages = {path: _Page.read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else None
            is_there = target.exists() and (not parts.fragment or anchors is None or unquote(parts.fragment) in anchors)
            if not is_there:
                yield f"{path.relative_to(site)}: {address}"


class _Page(HTMLParser):
    """The addresses that a page names, and the places in it that can be named."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> _Page:
        """Of a file."""
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        return page

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the address of an element, and its name."""
        known = dict(attributes)
        self.anchors |= {name for key in ("id", "name") if (name := known.get(key))}
        if address := known.get(_LINKS.get(tag, "")):
            self.links.append(address)
