"""Pictures that the package draws of itself when the site is built, into generated/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from concept_pictures import CHARTS
from landscape import SPACE, best, score
from sphinx.application import Sphinx

from nni_nasplus import Search, registry
from nni_nasplus.drawing.draw import draw
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.replay.curves import draw_curves
from nni_nasplus.search.strategy import make_strategy

DOCS = Path(__file__).parents[1]
GENERATED = DOCS / "generated"
SEEDS, TRIALS = 10, 40
STRATEGIES = ("thompson", "evolution", "random")


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before any page is read."""
    app.connect("builder-inited", draw_all)
    return {"parallel_read_safe": True}


def draw_all(app: Sphinx) -> None:
    """Draw what is not drawn yet; ``make clean`` takes all away."""
    GENERATED.mkdir(exist_ok=True)
    curves = GENERATED / "strategies.svg"
    if not curves.exists():
        draw_curves({"a made-up landscape of 729 architectures": regrets()}, curves, ours=STRATEGIES)
    for name, drawn in CHARTS.items():
        if not (picture := GENERATED / f"{name}.svg").exists():
            picture.write_text(drawn(), encoding="utf-8")
    draw_gallery()


def draw_gallery() -> None:
    """Draw each architecture of gallery/architectures.yml, and write the page that shows them."""
    sections = yaml.safe_load((DOCS / "gallery" / "architectures.yml").read_text(encoding="utf-8"))
    page = []
    for section in sections:
        page += [f"## {section['title']}\n", f"{section['text'].strip()}\n"]
        page += [card(section["space"], section.get("sizes", {}), entry) for entry in section["architectures"]]
    write(GENERATED / "gallery.md", "\n".join(page))


def card(name: str, sizes: dict[str, Any], entry: dict[str, str]) -> str:
    """A drawing with its title and its notation."""
    space = registry.load("spaces", name)(**sizes)
    architecture = space.parse_genotype(entry["genotype"])
    picture = GENERATED / f"{name}-{entry['title'].lower().replace(' ', '-')}.svg"
    if not picture.exists():
        draw(space.graph(architecture), picture)
    with torch.device("meta"):
        parameters = count_parameters(space.build(architecture))
    lines = [
        f"### {entry['title']}\n",
        f"{entry['text'].strip()} {parameters:,} parameters.\n",
        f"```{{image}} ../generated/{picture.name}\n:alt: {entry['title']}\n:class: drawing\n```\n",
        f"```text\n{entry['genotype']}\n```\n",
    ]
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Write what has changed, so that Sphinx reads no more than it has to."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def regrets() -> dict[str, np.ndarray]:
    """By strategy, how far the best so far is from the best of all; float [seeds, trials]."""
    return {name: np.array([regret(name, seed) for seed in range(SEEDS)]) for name in STRATEGIES}


def regret(strategy: str, seed: int) -> np.ndarray:
    """Of one search; float [trials]."""
    search, reached = Search(SPACE, make_strategy(strategy, {}), seed=seed), []
    for _ in range(TRIALS):
        trial = search.ask()
        reached.append(score(trial.architecture))
        search.tell(trial, reached[-1])
    return best() - np.maximum.accumulate(reached)
