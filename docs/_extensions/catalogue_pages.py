"""The catalogue on the site: the directive ``{catalogue} KIND``, and a page for each strategy."""

from __future__ import annotations

from typing import Any

from catalogue import DOCS, page_of, strategy_names, table
from docutils import nodes
from jinja2 import Environment
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive, and write the pages of strategies before any page is read."""
    app.add_directive("catalogue", Catalogue)
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}


class Catalogue(SphinxDirective):
    """``{catalogue} spaces``: the table of a kind."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the table as Markdown of the page."""
        self.env.note_dependency(str(DOCS / "catalogue.yml"))
        kind = self.arguments[0]
        pages = "pages/" if kind in ("strategies", "one_shot") and self.env.docname == "strategies/index" else None
        return self.parse_text_to_nodes(table(kind, pages), allow_section_headings=False)


def write_pages(app: Sphinx) -> None:
    """A page for each strategy and each one-shot search, in strategies/pages."""
    template = Environment(trim_blocks=True, lstrip_blocks=True).from_string(
        (DOCS / "strategies" / "page.md.jinja").read_text(encoding="utf-8")
    )
    folder = DOCS / "strategies" / "pages"
    folder.mkdir(exist_ok=True)
    pages = {f"{name}.md": template.render(page_of(name)) for name in strategy_names()}
    for old in set(folder.iterdir()) - {folder / name for name in pages}:
        old.unlink()
    for name, text in pages.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")
