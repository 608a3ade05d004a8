"""How well do zero-cost proxies order the cells of NAS-Bench-201 (arXiv 2001.00326)?

Computes the proxies of random cells before training, and compares their order with that of the published accuracies on
CIFAR-10 after 200 epochs, beside that of parameters and FLOPs; then our values with those that others published of the
same cells.

    python benchmarks/proxies.py --data DATA --images fashion_mnist_12k.npz

DATA has ``nb201_200ep.npz``, ``nb201_zen_naswot.npz`` and ``nb201_zc725.npz``. The images need not be those of
CIFAR-10: grey ones are put into the middle of 32×32 pixels, alike in three colours. Without --images they are random.
The networks have the published size, but for the kernel (3 channels, 1 cell a stage) and the linear regions (1 channel,
1 cell, patches of 3×3 pixels), which have those of TE-NAS (arXiv 2102.11535).
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap, kendalltau, spearmanr
from torch import Tensor, nn

from nni_nasplus import registry
from nni_nasplus.data.images import ImageBatch
from nni_nasplus.proxies import proxy_named
from nni_nasplus.spaces.images import ChainMacro, NasBench201Space, NasBench201Supernet
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, OPERATIONS, decision

SIZE, PATCH, PATCHES = 32, 3, 1000
FULL, THIN = NasBench201Space(channels=16, cells=5), NasBench201Space(channels=3, cells=1)
PATCHED = ChainMacro(channels=1, cells=1, in_channels=1, stages=1, stem=False)
PUBLISHED = {"synflow": "synflow", "naswot": "nwot", "grad_norm": "grad_norm", "snip": "snip", "jacob_cov": "jacov"}
NASLIB = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))

Cell = dict[str, str]


class Examples:
    """The batches that all proxies are computed on."""

    def __init__(self, archive: Path | None, count: int, generator: torch.Generator) -> None:
        images = torch.randn(PATCHES, 3, SIZE, SIZE, generator=generator)
        label = torch.randint(10, (PATCHES,), generator=generator)
        if archive is not None:
            images, label = _read(archive, generator)
        self.images = ImageBatch(images[:count], label[:count])
        corners = (torch.randint(last, (PATCHES,), generator=generator) for last in (3, 30, 30))
        rows = zip(images, *corners, strict=True)
        patches = [image[colour, y : y + PATCH, x : x + PATCH] for image, colour, y, x in rows]
        self.patches = torch.stack(patches).unsqueeze(1)


NAMES = registry.available("proxies")


def _read(archive: Path, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random training images [1000, 3, 32, 32] of mean 0 and variance 1, and their labels."""
    with np.load(archive, allow_pickle=False) as data:
        images, label = torch.from_numpy(data["x_train"]), torch.from_numpy(data["y_train"]).long()
    drawn = torch.randperm(len(images), generator=generator)[:PATCHES]
    images = images[drawn].float().reshape(PATCHES, *images.shape[1:3], -1).movedim(3, 1)
    edge = SIZE - images.shape[-1]
    images = nn.functional.pad(images, (edge // 2, edge - edge // 2) * 2).expand(-1, 3, -1, -1)
    return (images - images.mean()) / images.std(), label[drawn]


def network_of(cell: Cell, proxy: str, seed: int) -> nn.Module:
    """A freshly initialised network of the size that the proxy is defined for."""
    torch.manual_seed(seed)
    if proxy == "linear_regions":
        return _patched(cell)
    space = THIN if proxy.startswith("ntk") else FULL
    return space.build(cell)


def _patched(cell: Cell) -> nn.Module:
    """A network of patches, which is a supernet with one operation left on each edge."""
    supernet = NasBench201Supernet(PATCHED)
    for row, edge in zip(supernet.masks["cell"], EDGES, strict=True):
        row.copy_(torch.tensor([name == cell[decision(*edge)] for name in OPERATIONS]))
    return supernet


def computed(cells: Iterable[Cell], names: list[str], examples: Examples, seed: int, minutes: float) -> dict[str, Any]:
    """Values [cells, proxies] of as many cells as there is time for, and the mean seconds of each proxy."""
    values, seconds, started = [], [], time.monotonic()
    for cell in cells:
        if time.monotonic() - started > 60 * minutes:
            break
        row = [_one(cell, name, examples, seed) for name in names]
        values.append([value for value, _ in row])
        seconds.append([spent for _, spent in row])
    return {"values": np.array(values), "seconds": np.mean(seconds, axis=0)}


def _one(cell: Cell, name: str, examples: Examples, seed: int) -> tuple[float, float]:
    network = network_of(cell, name, seed)
    batch: Any = examples.patches if name == "linear_regions" else examples.images
    started = time.perf_counter()
    value = proxy_named(name)(network, batch, torch.Generator().manual_seed(seed))
    return value, time.perf_counter() - started


def ranks(name: str, values: np.ndarray) -> np.ndarray:
    """Values in whose order higher is better, and what is not a number the worst."""
    utility = np.array([proxy_named(name).utility(value) for value in values])
    return np.unique(np.nan_to_num(utility, nan=-np.inf, posinf=np.inf, neginf=-np.inf), return_inverse=True)[1]


def table_cells(table: Any) -> list[Cell]:
    """Every cell of the published table, in its order."""
    names = [decision(*edge) for edge in EDGES]
    return [dict(zip(names, (str(table["ops"][op]) for op in row), strict=True)) for row in table["arch"]]


def naslib_cell(text: str) -> Cell:
    """The cell of NASLib's six numbers."""
    return {decision(*e): NASLIB[op] for e, op in zip(NASLIB_EDGES, ast.literal_eval(text), strict=True)}


def correlate(names: list[str], found: dict[str, Any], accuracy: np.ndarray, seed: int) -> None:
    """Print how each proxy orders the cells, with a bootstrap interval of Kendall's tau."""
    print(f"{'proxy':16s} {'Kendall tau':>22s} {'Spearman':>9s} {'s/cell':>8s}")
    for column, name in enumerate(names):
        order = ranks(name, found["values"][:, column])
        interval = bootstrap(
            (order, accuracy),
            lambda a, b: kendalltau(a, b).statistic,
            paired=True,
            vectorized=False,
            n_resamples=500,
            method="percentile",
            rng=seed,
        ).confidence_interval
        tau, rho = kendalltau(order, accuracy).statistic, spearmanr(order, accuracy).statistic
        bounds = f"{tau:6.3f} [{interval.low:.3f}, {interval.high:.3f}]"
        print(f"{name:16s} {bounds:>22s} {rho:9.3f} {found['seconds'][column]:8.3f}")


def main() -> None:
    """Compute, and print the rank correlations."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--images", type=Path, help="an .npz archive with x_train and y_train; random images without")
    parser.add_argument("--cells", type=int, default=500, help="the most cells to look at")
    parser.add_argument("--published", type=int, default=100, help="the most cells to look at of NASLib's 725")
    parser.add_argument("--minutes", type=float, default=60, help="when to stop, for fewer cells than asked for")
    parser.add_argument("--batch", type=int, default=32, help="images")
    parser.add_argument("--proxies", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    examples = Examples(options.images, options.batch, torch.Generator().manual_seed(options.seed))
    with np.load(options.data / "nb201_200ep.npz", allow_pickle=False) as table:
        cells, accuracy = table_cells(table), np.nanmean(table["val_acc_cifar10"], axis=1)
    drawn = np.random.default_rng(options.seed).choice(len(cells), options.cells, replace=False)
    found = computed((cells[i] for i in drawn), options.proxies, examples, options.seed, options.minutes)
    drawn = drawn[: len(found["values"])]
    print(f"{len(drawn)} cells, {options.batch} {'random images' if options.images is None else options.images.name}")
    correlate(options.proxies, found, accuracy[drawn], options.seed)
    if "naswot" in options.proxies:
        with np.load(options.data / "nb201_zen_naswot.npz", allow_pickle=False) as other:
            theirs = other["naswot_score_cifar10"][drawn]
        print("naswot, another's, Spearman with ours; Kendall of theirs and ours with accuracy")
        compare("naswot", found["values"][:, options.proxies.index("naswot")], theirs, accuracy[drawn])
    against_naslib(options, examples)


def against_naslib(options: argparse.Namespace, examples: Examples) -> None:
    """Print how alike our values and NASLib's order the first cells of its 725."""
    names = [name for name in options.proxies if name in PUBLISHED]
    with np.load(options.data / "nb201_zc725.npz", allow_pickle=False) as other:
        texts, columns = other["cifar10|arch"], list(other["cifar10|proxies"])
        theirs, accuracy = other["cifar10|score"], other["cifar10|val_acc"]
    chosen = [naslib_cell(str(text)) for text in texts[: options.published]]
    found = computed(chosen, names, examples, options.seed, options.minutes)
    count = len(found["values"])
    print(
        f"as NASLib published, for {count} of its cells: Spearman with ours, Kendall of theirs and ours with accuracy"
    )
    for column, name in enumerate(names):
        compare(name, found["values"][:, column], theirs[:count, columns.index(PUBLISHED[name])], accuracy[:count])


def compare(name: str, ours: np.ndarray, theirs: np.ndarray, accuracy: np.ndarray) -> None:
    """Print how alike two orders of the same cells are, where the other is known."""
    known = np.isfinite(theirs)
    order, theirs, accuracy = ranks(name, ours[known]), theirs[known], accuracy[known]
    rho, taus = spearmanr(order, theirs).statistic, [kendalltau(one, accuracy).statistic for one in (theirs, order)]
    print(f"{name:16s} {rho:6.3f} {taus[0]:6.3f} {taus[1]:6.3f}   {known.sum()} cells")


if __name__ == "__main__":
    main()
