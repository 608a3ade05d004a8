"""Few bits: score against bit operations, at the same bits everywhere and at those that EdMIPS finds, trained alike.

    python benchmarks/bits.py
    python benchmarks/bits.py --images DATA/images/fashion_mnist_12k.npz --examples 3000

A cell of NAS-Bench-201 is trained as a float network by each seed, on another draw of the examples, by default of
scikit-learn's handwritten digits. Each network of few bits begins with those weights and is trained on for as many
epochs. Every row is appended to ``rows.jsonl`` in --out as soon as it is known, and what is there is not trained again;
the table has the mean over the seeds, the 95 % interval of that mean by Student's t, and how many seeds there are.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn.datasets import load_digits

from nni_nasplus.data.images import prepare_images
from nni_nasplus.networks.weights import load_weights
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.tail.quantised import Narrowed, Quantising
from nni_nasplus.tail.tested import Tested
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.trial_folder import WEIGHTS

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The best of CIFAR-10 in NAS-Bench-201 (arXiv 2001.00326, table 8 of the code), of 3×3 convolutions and one skip."""


def quantising(options: argparse.Namespace, seed: int) -> Quantising:
    """The float network of a seed, trained unless it lies there."""
    folder = options.out / str(seed)
    cache = str(prepared(options, folder, seed))
    evaluator = ImageClassification(cache, epochs=options.epochs, seed=seed, batch_size=64, flip=False, crop=0)
    sizes = evaluator.preprocessing().shape.to_json()
    space = NasBench201Space(**sizes, channels=options.channels, cells=1)
    architecture = space.parse_genotype(CELL)
    with evaluator.seeded():
        network = space.build(architecture)
    if (folder / "float" / WEIGHTS).is_file():
        load_weights(network, folder / "float" / WEIGHTS)
    else:
        evaluator.fit(network, folder / "float")
    return Quantising(
        evaluator, space, architecture, network, folder, lambda trained: Tested(evaluator.test(trained), None)
    )


def prepared(options: argparse.Namespace, folder: Path, seed: int) -> Path:
    """The cache of the examples that a seed draws, with as many of each split as there are of hundred."""
    if not (folder / "some.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole, rng, drawn = _whole(options.images), np.random.default_rng(seed), {}
        total = sum(len(labels) for name, labels in whole.items() if name.startswith("y"))
        for part in (name[2:] for name in whole if name.startswith("y_")):
            count = len(whole[f"y_{part}"])
            chosen = rng.permutation(count)[: round(options.examples * count / total)]
            drawn |= {f"{what}_{part}": whole[f"{what}_{part}"][chosen] for what in ("x", "y")}
        np.savez(folder / "some.npz", **drawn)
    return prepare_images(folder / "some.npz", out=folder / "data", progress=False, seed=seed)


def _whole(archive: Path | None) -> dict[str, np.ndarray]:
    if archive is not None:
        return dict(np.load(archive))
    digits = load_digits()
    return {"x_train": (digits.images * 15).astype(np.uint8), "y_train": digits.target}


def rows(options: argparse.Namespace, seed: int, known: set[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    """What is not known of a seed yet."""
    names = ["float", *(f"{bits} bits" for bits in options.bits), *(f"EdMIPS, cost {cost:g}" for cost in options.costs)]
    if all((seed, name) in known for name in names):
        return
    work = quantising(options, seed)
    space = work.bits(options.bits)
    if (seed, "float") not in known:
        yield row(seed, "float", work.as_it_is())
    for bits in options.bits:
        if (seed, name := f"{bits} bits") not in known:
            yield row(seed, name, work.trained(name, space, space.uniform(bits)))
    for cost in options.costs:
        if (seed, name := f"EdMIPS, cost {cost:g}") not in known:
            yield row(seed, name, work.trained(name, space, work.searched(space, cost)))


def row(seed: int, name: str, network: Narrowed) -> dict[str, Any]:
    """What is kept of a network."""
    return {
        "seed": seed,
        "name": name,
        "accuracy": network.test.metrics["accuracy"],
        "bit_operations": network.bit_operations,
        "kibibytes": network.kibibytes,
        "bits": network.space.genotype(network.architecture).rpartition(" bits=")[2],
    }


def print_table(found: Sequence[dict[str, Any]]) -> None:
    """Mean, interval and number of seeds of each."""
    groups = defaultdict(list)
    for one in found:
        groups[one["name"]].append(one)
    print(
        "| bits | million bit operations | KiB | test accuracy | 95 % of the mean | seeds |\n|---|---|---|---|---|---|"
    )
    for name, ones in groups.items():
        scores = [one["accuracy"] for one in ones]
        half = math.nan if len(scores) < 2 else stats.t.ppf(0.975, len(scores) - 1) * stdev(scores) / len(scores) ** 0.5
        costs = fmean(one["bit_operations"] for one in ones) / 1e6, fmean(one["kibibytes"] for one in ones)
        print(f"| {name} | {costs[0]:,.1f} | {costs[1]:,.1f} | {fmean(scores):.4f} | ± {half:.4f} | {len(ones)} |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=Path, help="an archive of images and labels, in place of the digits")
    parser.add_argument("--examples", type=int, default=1500, help="of all splits")
    parser.add_argument("--epochs", type=int, default=6, help="of each training, and of each search")
    parser.add_argument("--channels", type=int, default=8, help="of the first stage")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 4, 3, 2])
    parser.add_argument("--costs", type=float, nargs="+", default=[0.3, 3.0], help="of bits in EdMIPS")
    parser.add_argument("--out", type=Path, default=Path("build/bits"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "rows.jsonl"
    found = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for seed in range(options.seeds):
        for one in rows(options, seed, {(one["seed"], one["name"]) for one in found}):
            with kept.open("a") as file:
                file.write(json.dumps(one) + "\n")
            found.append(one)
    print_table(found)


if __name__ == "__main__":
    main()
