"""How fast recurrent cells train: ``python benchmarks/rnn_cells.py [--recipes N] [--data FILE]``.

Forward and backward over a batch of 20 sequences of 70 tokens, 400 inputs, 600 units, in tokens a second: the plain
interpreter, node by node and step by step, ours, and torch's own as the limit. The recipes are NAS-Bench-NLP's
(nbnlp_wikitext2.jsonl.gz), drawn at random; what is compared runs in turns. The bound is what a layer would reach whose
matrix products ran as fast as one large product does, and all else took no time.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from nni_nasplus.spaces.recurrent import PRESETS, Recipe, RecurrentCell

STEPS, BATCH, N_IN, N_OUT = 70, 20, 400, 600
REPEATS = 3


def tokens_a_second(layers: dict[str, nn.Module]) -> dict[str, float]:
    """The median over repeats, the layers in turns."""
    x = torch.randn(STEPS, BATCH, N_IN)
    times: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(REPEATS + 1):
        for name, layer in layers.items():
            times[name].append(_seconds(lambda layer=layer: layer(x)[0]))
    return {name: STEPS * BATCH / statistics.median(taken[1:]) for name, taken in times.items()}


def bound(recipe: Recipe) -> float:
    """Tokens a second of nothing but the recipe's products, at the rate of a large one: each forward, and backward for
    its weights and, but for those of the tokens, its input."""
    cell = RecurrentCell(recipe, N_IN, N_OUT)
    products = 2 * cell.weight_x.numel() + 3 * sum(weight.numel() for weight in cell.weights)
    return _rate() / (2 * products)


@functools.cache
def _rate() -> float:
    """Operations a second of a product of all steps with four matrices, the best of some."""
    x, weight = torch.randn(STEPS * BATCH, N_OUT), torch.randn(4 * N_OUT, N_OUT)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        x @ weight.t()
        times.append(time.perf_counter() - started)
    return 2 * x.numel() * len(weight) / min(times)


def _seconds(forward: Callable[[], torch.Tensor]) -> float:
    started = time.perf_counter()
    forward().sum().backward()
    return time.perf_counter() - started


def compared(recipe: Recipe, **others: nn.Module) -> dict[str, float]:
    """Tokens a second of a recipe and of other layers."""
    from recurrent_reference import InterpretedCell

    ours = RecurrentCell(recipe, N_IN, N_OUT)
    return tokens_a_second({"interpreter": InterpretedCell(ours.recipe, N_IN, N_OUT), "ours": ours, **others})


def recipes(data: Path, count: int) -> Iterator[Recipe]:
    """Some of the published ones, drawn without replacement."""
    with gzip.open(data, "rt", encoding="utf-8") as lines:
        texts = sorted({json.loads(line)["recipe"] for line in lines})
    yield from map(Recipe.parse, random.Random(0).sample(texts, count))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", type=int, default=50)
    parser.add_argument("--data", type=Path, help="nbnlp_wikitext2.jsonl.gz; without it the named cells only")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads; tokens a second, forward and backward")
    for name, own in (("lstm_sigmoid", nn.LSTM), ("gru", nn.GRU)):
        rates = compared(PRESETS[name], torch=own(N_IN, N_OUT))
        to_plain, to_torch = rates["ours"] / rates["interpreter"], rates["ours"] / rates["torch"]
        shares = f"{to_plain:.2f} of the interpreter, {to_torch:.2f} of torch's"
        print(f"{name}: " + ", ".join(f"{kind} {rate:,.0f}" for kind, rate in rates.items()) + f"; ours is {shares}")
    if options.data:
        drawn = list(recipes(options.data, options.recipes))
        rates = [compared(recipe) for recipe in drawn]
        _summary("ours", [r["ours"] / r["interpreter"] for r in rates])
        _summary("the bound", [bound(recipe) / r["interpreter"] for recipe, r in zip(drawn, rates, strict=True)])


def _summary(what: str, ratios: list[float]) -> None:
    print(
        f"{len(ratios)} recipes: {what} is {statistics.median(ratios):.2f} of the interpreter in the median, "
        f"{min(ratios):.2f} to {max(ratios):.2f}"
    )


if __name__ == "__main__":
    main()
