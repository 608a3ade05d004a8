"""A package from outside: what it plugs in by entry points, in a folder of ``sys.path``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def plug_in(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Make a folder that, on the path, tells of entry points as an installed package would.

    ``groups`` has, by the end of the group's name, the object by the entry's name.
    """
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[nni_nasplus.{group}]", *(f"{entry} = {path}" for entry, path in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
