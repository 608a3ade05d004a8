"""How well do predictors order NAS-Bench-NLP's published losses after a few of its trainings?

    python benchmarks/recipe_ranks.py --data DATA

DATA has ``nbnlp_wikitext2.jsonl.gz`` (arXiv 2006.07116). Kendall's τ on the recipes held back: the mean and its
standard error over random splits.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from nlp_rank import published
from scipy.stats import kendalltau

from nni_nasplus import registry
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.recurrent import RecipeSpace

SPLITS = 12
TRAINED = (10, 20, 40, 200)


def rank_correlation(
    predictor: str, space: RecipeSpace, architectures: list[Architecture], losses: np.ndarray, trained: int, seed: int
) -> float:
    """Of a predictor that has seen ``trained`` random recipes."""
    order = np.random.default_rng(seed).permutation(len(losses))
    seen, held_back = order[:trained], order[trained:]
    model = registry.load("predictors", predictor)(space, seed=seed)
    model.fit([architectures[i] for i in seen], -losses[seen])
    mean, _ = model.predict([architectures[i] for i in held_back])
    return float(kendalltau(mean, -losses[held_back]).statistic)


def main() -> None:
    """Print a line for each predictor and number of trainings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of nbnlp_wikitext2.jsonl.gz")
    recipes, losses = zip(*published(parser.parse_args().data / "nbnlp_wikitext2.jsonl.gz").values(), strict=True)
    space, reached = RecipeSpace(), np.array(losses)
    architectures = [space.architecture(recipe) for recipe in recipes]
    for predictor in ("gp", "forest"):
        for trained in TRAINED:
            found = [
                rank_correlation(predictor, space, architectures, reached, trained, seed) for seed in range(SPLITS)
            ]
            error = np.std(found) / SPLITS**0.5
            print(f"{predictor} after {trained}: {np.mean(found):.2f} ± {error:.2f} of {len(reached)} recipes")


if __name__ == "__main__":
    main()
