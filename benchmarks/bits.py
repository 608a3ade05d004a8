"""Few bits: score against bit operations, at the same bits everywhere and at those that are searched, trained alike.

    python benchmarks/bits.py
    python benchmarks/bits.py --images DATA/images/fashion_mnist_12k.npz --examples 3000
    python benchmarks/bits.py --photos

A cell of NAS-Bench-201 is trained as a float network by each seed, on another draw of the examples, by default of
scikit-learn's handwritten digits. Each network of few bits begins with those weights and is trained on for as many
epochs; EdMIPS searches the bits of the mixed ones.

With --photos it is super-resolution by two, on tiles of scikit-learn's two photographs, which are drawn once: some
train, others test; seeds draw weights and patches. All networks are trained from the beginning: residual ones of 3×3
convolutions with the same bits in all blocks, those with bits of each layer by EdMIPS, and those with operations and
bits by QuantNAS. The first and the last convolution are float in all of them, and not counted.

Every row is appended to ``rows.jsonl`` in --out, with --photos to ``photos.jsonl``, as soon as it is known, and what is
there is not trained again; the table has the mean over the seeds, the 95 % interval of that mean by Student's t, the
seconds of a processor that the search before the training took, and how many seeds there are.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import stats
from sklearn.datasets import load_digits, load_sample_images

from nni_nasplus import registry
from nni_nasplus.data.images import prepare_images
from nni_nasplus.data.photos import prepare_photos
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.weights import load_weights
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.registry import described
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.superresolution import SuperResolutionSpace
from nni_nasplus.spaces.superresolution.baselines import Bicubic
from nni_nasplus.tail.narrowed import Narrowed
from nni_nasplus.tail.quantised import Quantising
from nni_nasplus.tail.tested import Tested
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.superresolution.evaluator import SuperResolution
from nni_nasplus.training.trial_folder import WEIGHTS

Maker = Callable[[], dict[str, Any]]
"""Trains a network and says what is kept of it."""

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The best of CIFAR-10 in NAS-Bench-201 (arXiv 2001.00326, table 8 of the code), of 3×3 convolutions and one skip."""
_BLOCKS, _PATCH, _PATCHES = 3, 16, 640
"""Blocks of networks that enlarge pictures, the side of their small patches, and how many an epoch has: with eight
channels a training takes some ten seconds."""


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


def classifiers(options: argparse.Namespace, seed: int) -> Iterator[tuple[str, Maker]]:
    """What is trained of a seed, by name."""
    work = quantising(options, seed)
    space = work.bits(options.bits)
    yield "float", lambda: row(work.as_it_is())
    for bits in options.bits:
        yield f"{bits} bits", lambda bits=bits: row(work.trained(f"{bits} bits", space, space.uniform(bits)))
    for cost in options.costs:
        yield f"EdMIPS, cost {cost:g}", lambda cost=cost: _found(work, space, cost)


def _found(work: Quantising, space: QuantisedSpace, cost: float) -> dict[str, Any]:
    chosen, seconds = timed(lambda: work.searched(space, cost))
    return {**row(work.trained(f"EdMIPS {cost:g}", space, chosen)), "search_seconds": seconds}


def row(network: Narrowed) -> dict[str, Any]:
    """What is kept of a classifier."""
    return {
        "score": network.test.metrics["accuracy"],
        "bit_operations": network.bit_operations,
        "kibibytes": network.kibibytes,
        "bits": network.space.genotype(network.architecture).rpartition(" bits=")[2],
    }


class Enlargers:
    """Networks that enlarge pictures, of one seed."""

    def __init__(self, options: argparse.Namespace, seed: int) -> None:
        self.options, self.folder = options, options.out / f"photos {seed}"
        cache = prepare_photos(photographs(options.out), out=options.out / "photographs", patch=_PATCH)
        self.evaluator = SuperResolution(
            str(cache), epochs=options.photo_epochs, patches=_PATCHES, patch=_PATCH, seed=seed
        )
        sizes = {**self.evaluator.preprocessing().shape.to_json(), "channels": options.channels, "blocks": _BLOCKS}
        self.floats, self.space = SuperResolutionSpace(**sizes), SuperResolutionSpace(**sizes, bits=options.bits)
        self.costs = SuperResolutionSpace(**sizes, bits=[*options.bits, FLOAT]).supernet()
        convolutions = self.everywhere("conv3x3")
        macs = QuantisedSpace.of(self.floats, convolutions, options.bits).macs
        inner = {name: count for name, count in macs.items() if name.startswith("blocks.")}
        self.bits = QuantisedSpace(
            described(SuperResolutionSpace, self.floats.trace_kwargs), convolutions, inner, options.bits
        )

    def __iter__(self) -> Iterator[tuple[str, Maker]]:
        yield "bicubic", lambda: {"score": self.evaluator.test(Bicubic(2))["psnr"], "bit_operations": 0.0}
        yield "float", lambda: self.trained("float", self.floats, self.everywhere("conv3x3"))
        for bits in self.options.bits:
            everywhere = self.everywhere(f"conv3x3@{bits}")
            yield f"{bits} bits", lambda bits=bits, own=everywhere: self.trained(f"{bits} bits", self.space, own)
        for cost in self.options.photo_costs:
            yield f"EdMIPS, cost {cost:g}", lambda cost=cost: self.found("edmips", self.bits, cost)
        for cost in self.options.etas:
            yield f"QuantNAS, η {cost:g}", lambda cost=cost: self.found("quantnas", self.space, cost)

    def everywhere(self, operation: str) -> dict[str, str]:
        """The architecture with an operation in all blocks."""
        return {f"block_{number}": operation for number in range(1, _BLOCKS + 1)}

    def found(self, method: str, space: NetworkSpace, cost: float) -> dict[str, Any]:
        """Search, then train what was found."""
        own = {"eta": cost}
        if isinstance(space, QuantisedSpace):
            most = space.bit_operations(space.uniform(max(self.options.bits)))
            own = {"complexity": cost * next(iter(space.macs.values())) / most}
        kind = registry.load("one_shot", method)
        epochs = self.options.search_epochs
        search = made(kind, space, self.evaluator, seed=self.evaluator.seed, epochs=epochs, **own)
        (best, *_), seconds = timed(lambda: fit(search).architectures)
        return {**self.trained(f"{method} {cost:g}", space, best), "search_seconds": seconds}

    def trained(self, name: str, space: NetworkSpace, architecture: Mapping[str, Any]) -> dict[str, Any]:
        """Train a network, and say what is kept of it."""
        with self.evaluator.seeded():
            network = space.build(architecture)
        self.evaluator.fit(network, self.folder / name)
        return {
            "score": self.evaluator.test(network)["psnr"],
            "bit_operations": self.bit_operations(space, architecture),
            "bits": space.genotype(architecture).rpartition(" bits=")[2],
        }

    def bit_operations(self, space: NetworkSpace, architecture: Mapping[str, Any]) -> float:
        """Of the blocks."""
        if isinstance(space, QuantisedSpace):
            return space.bit_operations(architecture)
        named = {name: _at_some_bits(str(one)) for name, one in architecture.items()}
        return float(self.costs.bit_operations(self.costs.path(named)))


def _at_some_bits(operation: str) -> str:
    return operation if "@" in operation or operation == "skip" else f"{operation}@{FLOAT}"


def photographs(out: Path) -> Path:
    """The two of scikit-learn in twelve tiles each, by split: of each photograph six train, two validate, four test."""
    folder, rng = out / "tiles", np.random.default_rng(0)
    for name, pixels in zip(("temple", "flower"), load_sample_images().images, strict=True):
        rows, columns = (side // count for side, count in zip(pixels.shape, (3, 4), strict=False))
        splits = rng.permutation(["train"] * 6 + ["valid"] * 2 + ["test"] * 4)
        for place, split in enumerate(splits):
            top, left = (place // 4) * rows, (place % 4) * columns
            path = folder / split / f"{name}_{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                Image.fromarray(pixels[top : top + rows, left : left + columns]).save(path)
    return folder


def timed(search: Callable[[], Any]) -> tuple[Any, float]:
    """What a search finds, and the seconds of a processor that it took."""
    began = time.process_time()
    return search(), time.process_time() - began


def print_table(found: Sequence[dict[str, Any]], score: str) -> None:
    """Mean, interval and number of seeds of each."""
    groups = defaultdict(list)
    for one in found:
        groups[one["name"]].append(one)
    sizes = "kibibytes" in found[0]
    print(f"| bits | million bit operations |{' KiB |' * sizes} {score} | 95 % of the mean | search, s | seeds |")
    print("|---" * (6 + sizes) + "|")
    for name, ones in groups.items():
        scores = [one["score"] for one in ones]
        half = math.nan if len(scores) < 2 else stats.t.ppf(0.975, len(scores) - 1) * stdev(scores) / len(scores) ** 0.5
        cost = f"{fmean(one['bit_operations'] for one in ones) / 1e6:,.1f}"
        size = [f"{fmean(one['kibibytes'] for one in ones):,.1f}"] if sizes else []
        searched = "".join({f"{fmean(one.get('search_seconds', 0.0) for one in ones):.0f}"} - {"0"})
        row = (name, cost, *size, f"{fmean(scores):.4f}", f"± {half:.4f}", searched, str(len(ones)))
        print(f"| {' | '.join(row)} |")


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
    parser.add_argument("--photos", action="store_true", help="enlarge scikit-learn's photographs")
    parser.add_argument("--photo-epochs", type=int, default=20, help="of 640 patches, of each training with --photos")
    parser.add_argument("--search-epochs", type=int, default=5, help="of each search with --photos")
    parser.add_argument("--photo-costs", type=float, nargs="+", default=[1e-4, 1e-3], help="of bits in EdMIPS there")
    parser.add_argument("--etas", type=float, nargs="+", default=[1e-4, 1e-3], help="of QuantNAS")
    parser.add_argument("--out", type=Path, default=Path("build/bits"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / ("photos.jsonl" if options.photos else "rows.jsonl")
    found = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for seed in range(options.seeds):
        known = {one["name"] for one in found if one["seed"] == seed}
        for name, make in Enlargers(options, seed) if options.photos else classifiers(options, seed):
            if name not in known:
                found.append({"seed": seed, "name": name, **make()})
                with kept.open("a") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    print_table(found, "test PSNR, dB" if options.photos else "test accuracy")


if __name__ == "__main__":
    main()
