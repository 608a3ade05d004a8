"""TE-NAS (arXiv 2102.11535) on NAS-Bench-201 (arXiv 2001.00326): what it costs, and what it finds.

    python benchmarks/tenas.py --data DATA --images fashion_mnist_12k.npz

DATA has ``nb201_200ep.npz`` and ``nb201_zen_naswot.npz``. First the CPU seconds of κ and of R for a network and for a
whole search, as a plain loop takes them and as ours does, on the same networks and examples, with the same results. A
plain loop goes backwards through the whole batch once for each image, compares each two patterns of units, and scores
for each candidate both the supernet and the supernet without it, copied anew; its time for a whole search is that of
one candidate in each round, times their number. Then the accuracy on CIFAR-10 after 200 epochs, from the tables, of
what several seeds find, beside random cells, the best of 100 by NASWOT (arXiv 2006.04647) and by the number of
parameters, and what was published. The images are not those of CIFAR-10: grey ones are put into the middle of 32×32
pixels, alike in three colours. Without --images they are random.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nni_nasplus.proxies import condition_number, linear_regions
from nni_nasplus.proxies.activation_patterns import patterns
from nni_nasplus.proxies.networks import fix_statistics, scored_copy
from nni_nasplus.proxies.ntk import Statistics
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, decision
from nni_nasplus.strategies.te_nas import TENAS, networks_of
from nni_nasplus.strategies.te_nas.pruning import Cut

SIZE, POOL, BEST_OF, DRAWS = 32, 1000, 100, 1000
SPACE = NasBench201Space(size=SIZE)
PUBLISHED = {"NASWOT, published": (91.78, 1.45), "TE-NAS, published": (93.9, 0.47)}


def examples(archive: Path | None, generator: torch.Generator) -> Tensor:
    """1000 images [1000, 3, 32, 32] of mean 0 and variance 1."""
    if archive is None:
        return torch.randn(POOL, 3, SIZE, SIZE, generator=generator)
    with np.load(archive, allow_pickle=False) as data:
        images = torch.from_numpy(data["x_train"])
    images = images[torch.randperm(len(images), generator=generator)[:POOL]].float()
    images = images.reshape(POOL, *images.shape[1:3], -1).movedim(3, 1)
    edge = SIZE - images.shape[-1]
    images = nn.functional.pad(images, (edge // 2, edge - edge // 2) * 2).expand(-1, 3, -1, -1)
    return (images - images.mean()) / images.std()


def looped_kappa(network: nn.Module, batch: Tensor, statistics: Statistics) -> float:
    """κ by one backward pass through the whole batch for each image."""
    network, batch = scored_copy(network), batch.double()
    if statistics == "fixed":
        fix_statistics(network, batch)
    weights = [weight for name, weight in network.named_parameters() if "weight" in name]
    rows = []
    for value in network(batch).sum(1):
        gradients = torch.autograd.grad(value, weights, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return condition_number(torch.stack(rows))


def compared_regions(network: nn.Module, batch: Tensor) -> float:
    """R by comparing each two patterns."""
    on = torch.cat(patterns(network, batch), 1).float()
    alike = on @ (1 - on).T
    equal = (alike + alike.T) == 0
    return float((1 / equal.sum(1)).sum().round())


def seconds(function: Callable[[], float], times: int = 1) -> tuple[float, float]:
    """Of all threads in a call, and what it gives."""
    started = time.process_time()
    for _ in range(times):
        result = function()
    return (time.process_time() - started) / times, result


class Timing(TENAS):
    """A search that keeps the time of each round, and one candidate of each."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.timed: list[tuple[int, list[nn.Module]]] = []

    def on_train_epoch_start(self) -> None:
        """Note the number of candidates, and the supernets with and without the first."""
        cuts = self.cuts
        self.timed.append((len(cuts), [*self._both(None), *self._both(cuts[0])]))

    def _both(self, cut: Cut | None) -> list[nn.Module]:
        nets = [copy.deepcopy(net) for net in self.scorer.networks.both]
        for net in nets if cut else []:
            net.prune(*cut)  # type: ignore[misc]
        return nets


def searched(images: Tensor, seed: int, **settings: Any) -> tuple[Timing, float]:
    """A search that is over, and its seconds."""
    search = Timing(networks_of(SPACE), images, seed=seed, **settings)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", max_epochs=-1, enable_progress_bar=False, **quiet)  # type: ignore[arg-type]
    started = time.process_time()
    trainer.fit(search)
    return search, time.process_time() - started


def time_networks(images: Tensor, statistics: Statistics) -> None:
    """Print the seconds of κ and R for the whole supernet."""
    scorer = TENAS(networks_of(SPACE), images, statistics=statistics).scorer
    scorer.begin(0, 0)
    kernel, regions = scorer.networks.both
    print(f"{'':42s} {'loop':>9s} {'ours':>9s} {'times':>6s}  {'apart':>6s}")
    slow, fast = seconds(lambda: looped_kappa(kernel, scorer._batch, statistics)), seconds(scorer._kappa, 5)
    line(f"κ of the supernet, {len(scorer._batch)} images", slow, fast)
    slow = seconds(lambda: compared_regions(regions, scorer._patches))
    line(f"R, {len(scorer._patches)} patches", slow, seconds(lambda: linear_regions(scorer._thin, scorer._patches), 5))


def line(title: str, slow: tuple[float, float], fast: tuple[float, float]) -> None:
    """Print two times, and how far the results are apart."""
    apart = abs(slow[1] - fast[1]) / slow[1]
    print(f"{title:42s} {slow[0]:8.3f}s {fast[0]:8.3f}s {slow[0] / fast[0]:6.1f}  {apart:6.0e}", flush=True)


def time_search(images: Tensor, statistics: Statistics) -> Timing:
    """Print the seconds of a whole search; the search."""
    search, ours = searched(images, 0, statistics=statistics)
    batch, crops = search.scorer._batch, search.scorer._patches
    looped = 0.0
    for count, nets in search.timed:
        kappas = [seconds(partial(looped_kappa, net, batch, statistics))[0] for net in nets[::2]]
        regions = [seconds(partial(compared_regions, net, crops))[0] for net in nets[1::2]]
        looped += search.repeats * count * (sum(kappas) + sum(regions))
    title = f"a search, {sum(count for count, _ in search.timed)} candidates, {search.repeats} times"
    print(f"{title:42s} {looped:8.0f}s {ours:8.0f}s {looped / ours:6.1f}")
    return search


def time_released(images: Tensor) -> None:
    """Print the seconds of κ as the authors' code has it."""
    scorer = TENAS(networks_of(SPACE), images, as_released=True).scorer
    scorer.begin(0, 0)
    spent, _ = seconds(lambda: looped_kappa(scorer.networks.kernel, scorer._batch, "batch"))
    print(f"{'κ as released: 72 images, batch statistics':42s} {spent:8.3f}s", flush=True)


class Table:
    """Accuracies of all cells."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "nb201_200ep.npz", allow_pickle=False) as data:
            names = [str(name) for name in data["ops"]]
            self.rows = {tuple(names[op] for op in row): i for i, row in enumerate(data["arch"])}
            self.validation = np.nanmean(data["val_acc_cifar10"], axis=1)
            self.parameters = data["model_size_cifar10"]
        with np.load(folder / "nb201_zen_naswot.npz", allow_pickle=False) as data:
            self.test, naswot = data["test_top1_cifar10_200ep"], data["naswot_score_cifar10"]
        self.naswot = np.nan_to_num(naswot, nan=-np.inf)

    def show(self, title: str, rows: NDArray[np.intp]) -> None:
        """Print means and standard deviations over some cells."""
        columns = [f"{values[rows].mean():6.2f} ± {values[rows].std():4.2f}" for values in (self.test, self.validation)]
        print(f"{title:34s} {columns[0]:>16s} {columns[1]:>16s} {self.parameters[rows].mean():8.2f}M")

    def best_of(self, score: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.intp]:
        """The best by a score of 100 cells each time."""
        drawn = np.array([rng.choice(len(score), BEST_OF, replace=False) for _ in range(DRAWS)])
        return drawn[np.arange(DRAWS), score[drawn].argmax(1)]


def find(table: Table, images: Tensor, seeds: int, first: Timing) -> None:
    """Search by each seed, and print how good the cells are."""
    rows = []
    for seed in range(seeds):
        search = searched(images, seed, statistics=first.scorer.how.statistics)[0] if seed else first
        cell = search.architecture
        rows.append(table.rows[tuple(cell[decision(*edge)] for edge in EDGES)])
        print(f"  seed {seed}: {SPACE.genotype(cell)} {table.test[rows[-1]]:.2f}", flush=True)
    rng = np.random.default_rng(0)
    print(f"{'':34s} {'test':>16s} {'validation':>16s} {'weights':>9s}")
    table.show(f"TE-NAS, {seeds} seeds", np.array(rows))
    table.show("random", np.arange(len(table.test)))
    table.show(f"NASWOT, best of {BEST_OF}, as published", table.best_of(table.naswot, rng))
    table.show(f"parameters, best of {BEST_OF}", table.best_of(table.parameters, rng))
    for title, (mean, deviation) in PUBLISHED.items():
        print(f"{title:34s} {f'{mean:6.2f} ± {deviation:4.2f}':>16s}")
    print(f"{'the best there is':34s} {table.test.max():9.2f}")


def main() -> None:
    """Time, search, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--images", type=Path, help="an .npz archive with x_train; random images without")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--statistics", choices=["fixed", "batch"], default="fixed", help="of the batch norms, for κ")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = examples(options.images, torch.Generator().manual_seed(0))
    source = "random images" if options.images is None else options.images.name
    print(f"{source}, {options.threads} threads, {options.statistics} statistics of the batch norms")
    time_networks(images, options.statistics)
    search = time_search(images, options.statistics)
    time_released(images)
    find(Table(options.data), images, options.seeds, search)


if __name__ == "__main__":
    main()
