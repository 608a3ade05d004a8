"""What a step of a search by gradients costs, beside the passes that it cannot do without, and beside NNI's DARTS.

    python benchmarks/one_shot_steps.py [--space nb201] [--channels 8] [--batch 64] [--threads 1]

Images are noise of 16×16 pixels. Printed are, for each method, seconds of CPU of a step, in the least of ``--times``,
how much that is of its passes alone (one mixture on each half) and of DARTS, and what a mixture keeps for its
gradients, in MiB; for GDAS also how much it is of one network of 3×3 convolutions, twice. NNI's DARTS trains NNI's own
supernet of the same cells, where it has them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from timed import seconds_of
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import registry
from nni_nasplus.data.images import prepare_images
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.fit import made
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.training.images import ImageClassification

SIZE, CLASSES = 16, 10
METHODS = ("darts", "pc-darts", "gdas")
_CONVOLUTIONS = ("nor_conv_3x3", "sep_conv_3x3")
LAYERS = 4
"""Of cells of DARTS, two of which reduce."""


def space_of(options: argparse.Namespace) -> NetworkSpace:
    """A small one of the cells that are asked for."""
    if options.space == "darts":
        return DartsSpace(channels=options.channels, layers=LAYERS, classes=CLASSES, size=SIZE)
    return NasBench201Space(options.channels, 1, classes=CLASSES, size=SIZE)


def noise(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Coloured pictures, with labels."""
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(images, SIZE, SIZE, 3), dtype=np.uint8), np.arange(images) % CLASSES


def kept_for_gradients(forward: Callable[[], object]) -> float:
    """MiB of what a forward pass keeps, each storage once."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive = forward()  # what is kept must not be freed while it is counted
    del alive
    return sum(kept.values()) / 2**20


class Steps:
    """A search in the middle of an epoch: a whole step, its passes alone, and one mixture."""

    def __init__(self, name: str, space: NetworkSpace, evaluator: ImageClassification) -> None:
        search = made(registry.load("one_shot", name), space, evaluator)
        assert isinstance(search, Differentiable)
        search.options = type(search.options)(**{**vars(search.options), "warm_up": 0.0})
        search.step = 1
        optimizers = search.configure_optimizers()
        for optimizer in optimizers:
            optimizer.optimizer = optimizer  # type: ignore[attr-defined]  # as Lightning wraps them
        search.optimizers = lambda: optimizers  # type: ignore[method-assign,assignment,misc]
        search.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign,assignment,misc]
        self.search = search
        self.train, self.valid = (next(iter(loader)) for loader in search.loaders)

    def whole(self) -> None:
        """A step of α and one of the weights."""
        self.search.training_step({"train": self.train, "valid": self.valid}, 1)
        self.search.step = 1

    def passes(self) -> None:
        """A forward and a backward pass of one mixture on each half."""
        alphas = self.search.architecture_parameters
        torch.autograd.grad(self.search.expected_loss(self.valid, "alphas"), alphas, allow_unused=True)
        self.mixture().backward()

    def mixture(self) -> torch.Tensor:
        """The loss of one."""
        with torch.no_grad():
            draws = self.search.draws("weights")
        return self.search.loss(self.train, draws[0][1])


def nni_seconds(options: argparse.Namespace) -> float:
    """CPU seconds of a step of NNI's DARTS: an epoch of some steps less an epoch of one."""
    few, many = (min(_nni_epoch(options, steps) for _ in range(2)) for steps in (1, 1 + options.times))
    return (many - few) / options.times


def _nni_epoch(options: argparse.Namespace, steps: int) -> float:
    from nni.nas.evaluator.pytorch import Classification
    from nni.nas.execution import SequentialExecutionEngine
    from nni.nas.hub.pytorch import DARTS as Hub
    from nni.nas.space import RawFormatModelSpace
    from nni.nas.strategy import DARTS

    images, labels = noise(steps * options.batch)
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels)
    loader = DataLoader(TensorDataset(*tensors), batch_size=options.batch)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    evaluator = Classification(
        num_classes=CLASSES,
        max_epochs=1,
        enable_model_summary=False,
        train_dataloaders=loader,
        val_dataloaders=loader,
        **quiet,  # type: ignore[arg-type]
    )
    space, strategy = Hub(width=options.channels, num_cells=LAYERS, dataset="cifar"), DARTS()
    strategy.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    started = time.process_time()
    strategy.run()
    return time.process_time() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--space", choices=("darts", "nb201"), default="darts")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    space = space_of(options)
    with tempfile.TemporaryDirectory() as folder:
        source, cache = Path(folder) / "noise.npz", Path(folder) / "data"
        images, labels = noise(8 * options.batch)
        np.savez(source, x_train=images, y_train=labels)
        prepare_images(str(source), out=cache, size=SIZE, seed=0)
        evaluator = ImageClassification(str(cache), epochs=10, batch_size=options.batch, crop=1, seed=0)
        rows = {name: measured(Steps(name, space, evaluator), options.times) for name in METHODS}
        alone = stand_alone(space, evaluator, options.times)
    show(rows, alone, nni_seconds(options) if options.space == "darts" else None)


def measured(steps: Steps, times: int) -> tuple[float, float, float]:
    """Seconds of a step and of its passes, and the MiB of a mixture."""
    return seconds_of(steps.whole, times), seconds_of(steps.passes, times), kept_for_gradients(steps.mixture)


def stand_alone(space: NetworkSpace, evaluator: ImageClassification, times: int) -> float:
    """Seconds of a forward and a backward pass of one network, of what the cells have of 3×3 convolutions."""
    decisions = space.search_space.decisions
    wanted = {name: [one for one in choices if str(one) in _CONVOLUTIONS] for name, choices in decisions.items()}
    chosen = {name: (wanted[name] or list(choices))[0] for name, choices in decisions.items()}
    network, batch = space.build(chosen), next(iter(evaluator.data().train_dataloader()))
    return seconds_of(lambda: network(batch.images).square().mean().backward(), times)


def show(rows: dict[str, tuple[float, float, float]], alone: float, nni: float | None) -> None:
    """Print what was measured."""
    step, _, memory = rows["darts"]
    print("| | seconds a step | of its passes | of DARTS | MiB kept | of DARTS |\n|---|---|---|---|---|---|")
    for name, (whole, passes, kept) in rows.items():
        cells = (
            f"{whole:.3f}",
            f"{whole / passes:.2f}×",
            f"{whole / step:.2f}×",
            f"{kept:.0f}",
            f"{kept / memory:.2f}×",
        )
        print(f"| {name} | {' | '.join(cells)} |")
    if nni is not None:
        print(f"| NNI's DARTS | {nni:.3f} | | {nni / step:.2f}× | | |")
    print(f"gdas is {rows['gdas'][0] / alone / 2:.2f}× of one network of 3×3 convolutions, twice ({alone:.3f} s)")


if __name__ == "__main__":
    main()
