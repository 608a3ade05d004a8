"""What a trial leaves of its architecture in its folder, for the web UI to show (``web_patch.js``)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from nni_nasplus._files import write_json, write_text
from nni_nasplus.drawing.draw import draw
from nni_nasplus.hosts.nni.results import BUDGET
from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["axes_of", "leave_architecture"]

logger = logging.getLogger(__name__)

_NAME = "architecture"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; color: #111827; max-width: 70em; margin: 2em auto; padding: 0 1em; }}
code {{ overflow-wrap: anywhere; }}
img {{ display: block; max-width: 100%; margin: 1.5em auto; }}
th, td {{ text-align: left; padding: 0.15em 1.5em 0.15em 0; font-weight: normal; }}
th {{ color: #6b7280; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p><code>{genotype}</code></p>
{picture}
<table>
{rows}
</table>
</body>
</html>
"""


def axes_of(space: NetworkSpace, *, is_budgeted: bool = False) -> list[str]:
    """What the web UI compares trials of a space by; with a budget also how far they were trained."""
    axes = list(space.summary({name: choices[0] for name, choices in space.search_space.decisions.items()}))
    return [*axes, BUDGET] if is_budgeted else axes


def leave_architecture(space: NetworkSpace, architecture: Mapping[str, Any], folder: Path, title: str) -> None:
    """Write ``architecture.json`` with the axes to compare trials by, a picture if there is one, and a page.

    A trial is worth more than its picture: what goes wrong is a warning in its log.

    Parameters
    ----------
    space, architecture
        What the trial trains.
    folder
        Where the web UI looks for files of the trial.
    title
        Of the page.
    """
    try:
        write_json(folder / f"{_NAME}.json", space.summary(architecture))
        with suppress(NotImplementedError):
            draw(space.graph(architecture), folder / f"{_NAME}.svg")
        write_text(folder / f"{_NAME}.html", _page(space, architecture, (folder / f"{_NAME}.svg").is_file(), title))
    except Exception as error:  # noqa: BLE001  # spaces are other people's too
        logger.warning("the architecture cannot be shown: %s", error)


def _page(space: NetworkSpace, architecture: Mapping[str, Any], drawn: bool, title: str) -> str:
    rows = {**space.summary(architecture), **space.search_space.validate(architecture)}
    return _PAGE.format(
        title=escape(title),
        genotype=escape(space.genotype(architecture)),
        picture=f'<img src="{_NAME}.svg" alt="the architecture">' if drawn else "",
        rows="\n".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items()
        ),
    )
