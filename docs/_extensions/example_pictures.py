"""Pictures that tutorials draw: a scraper of sphinx-gallery for what a block of code writes into its ``folder``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

PATTERNS = ("*.svg", "*.png", "model/*.svg")
"""Below ``folder``: what is drawn there, and what an export draws of its networks."""


class ExamplePictures:
    """Shows each picture once, below the block that has made it."""

    def __init__(self) -> None:
        self._shown: set[Path] = set()

    def __repr__(self) -> str:
        return "ExamplePictures"

    def __call__(self, block: Any, variables: dict[str, Any], gallery: dict[str, Any]) -> str:
        """Copy what is new to where sphinx-gallery keeps pictures; the text that shows it."""
        folder = variables["example_globals"].get("folder")
        if not isinstance(folder, Path):
            return ""
        found = [path for pattern in PATTERNS for path in sorted(folder.glob(pattern)) if path not in self._shown]
        self._shown.update(found)
        return "".join(_shown(path, Path(next(variables["image_path_iterator"])), gallery) for path in found)


def _shown(picture: Path, place: Path, gallery: dict[str, Any]) -> str:
    place = place.with_suffix(picture.suffix)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(picture, place)
    return figure_rst([str(place)], gallery["src_dir"], picture.stem.replace("_", " "))
