"""Does a minute of training order recurrent cells as fifty epochs do?

Trains recipes of NAS-Bench-NLP (arXiv 2006.07116) at a small size on a small text, and compares the order of their
validation losses with that of the published ones, which are of three large layers on WikiText-2.

    python benchmarks/nlp_rank.py --data DATA --text tinyshakespeare.txt

DATA has ``nbnlp_wikitext2.jsonl.gz``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap, spearmanr

from nni_nasplus.data.text import Vocabulary, prepare_text
from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import Recipe, RecurrentCellSpace
from nni_nasplus.training.language import LanguageModelling

VOCABULARY, SIZE, LAYERS = 2000, 64, 1


def published(path: Path) -> dict[str, tuple[Recipe, float]]:
    """Each cell once, by its key: its recipe and its lowest validation loss, the mean over its trainings."""
    found: dict[str, tuple[Recipe, list[float]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            losses = [loss for loss in row["val"] if loss is not None and np.isfinite(loss)]
            recipe = Recipe.parse(row["recipe"])
            if losses:
                found.setdefault(recipe.key, (recipe, []))[1].append(min(losses))
    return {key: (recipe, float(np.mean(losses))) for key, (recipe, losses) in found.items()}


def reached(recipe: Recipe, cache: Path, epochs: int, seed: int, compat: bool) -> float:
    """The validation loss of a recipe after some epochs; NaN where it diverges."""
    space = RecurrentCellSpace(len(Vocabulary.load(cache)), SIZE, SIZE, LAYERS)
    training = {"epochs": epochs, "batch_size": 32, "bptt": 35, "learning_rate": 5e-3, "compat": compat, "seed": seed}
    evaluator = LanguageModelling(str(cache), objective="loss", **training)
    torch.manual_seed(seed)
    network = space.build(space.search_space.architecture(recipe))
    with tempfile.TemporaryDirectory() as folder:
        try:
            metrics = evaluator.fit(network, folder)
        except TrialFailed:
            return float("nan")
    print(f"{metrics['loss']:8.4f} {count_parameters(network):9,} {metrics['seconds']:6.1f} s  {recipe.notation}")
    return metrics["loss"]


def main() -> None:
    """Train, and print the rank correlation with its bootstrap interval."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of nbnlp_wikitext2.jsonl.gz")
    parser.add_argument("--text", type=Path, required=True, help="a plain text")
    parser.add_argument("--recipes", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compat", action="store_true", help="train as the published code does")
    options = parser.parse_args()
    for chatty in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(f"{chatty}.utilities.rank_zero").setLevel(logging.WARNING)
    cells = list(published(options.data / "nbnlp_wikitext2.jsonl.gz").values())
    drawn = np.random.default_rng(options.seed).choice(len(cells), min(options.recipes, len(cells)), replace=False)
    with tempfile.TemporaryDirectory() as folder:
        cache = prepare_text(options.text, out=Path(folder) / "text", vocabulary=VOCABULARY, progress=False)
        ours = np.array([reached(cells[i][0], cache, options.epochs, options.seed, options.compat) for i in drawn])
    theirs = np.array([cells[i][1] for i in drawn])
    ended = np.isfinite(ours)
    ours, theirs = ours[ended], theirs[ended]
    interval = bootstrap(
        (ours, theirs), lambda a, b: spearmanr(a, b).statistic, paired=True, vectorized=False, rng=options.seed
    ).confidence_interval
    print(
        f"Spearman {spearmanr(ours, theirs).statistic:.2f} [{interval.low:.2f}, {interval.high:.2f}] "
        f"of {len(ours)} recipes; {int((~ended).sum())} diverged"
    )


if __name__ == "__main__":
    main()
