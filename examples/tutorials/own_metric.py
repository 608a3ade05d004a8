"""
Your own metric and evaluator
=============================

An *evaluator* trains a network and scores it. You say which data, which Lightning module and which metric; the
package does the rest: checkpoints of the best epoch, early stopping, seeds, limits, results on disk, and the same
on every host.
"""

# %%
# A metric by its name
# --------------------
#
# Where only the metric is yours to choose, nothing has to be written: ``--objective`` takes any metric of
# torchmetrics by its import path, such as ``torchmetrics.classification.MulticlassMatthewsCorrCoef``.
#
# A metric of your own
# --------------------
#
# Suppose that confusing classes costs more the farther apart they are, as of grades. A Lightning module trains as
# usual and logs the metric as ``val_cost`` and ``test_cost``:

from dataclasses import dataclass
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Graded(pl.LightningModule):
    """A classifier of grades whose mistakes cost as much as they are far."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        rows, grades = batch
        return nn.functional.cross_entropy(self.network(rows), grades)

    def validation_step(self, batch: list[Tensor], index: int) -> None:
        self._measure(batch, "val")

    def test_step(self, batch: list[Tensor], index: int) -> None:
        self._measure(batch, "test")

    def _measure(self, batch: list[Tensor], split: str) -> None:
        rows, grades = batch
        cost = (self.network(rows).argmax(1) - grades).abs().float().mean()
        self.log(f"{split}_cost", cost, batch_size=len(grades))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), 0.01)


# %%
# Data
# ----
#
# A Lightning data module; here five grades that depend on eight numbers.


class Grades(pl.LightningDataModule):
    """Made-up rows, a fifth of them for validation and a fifth for the test."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn(500, 8, generator=generator)
        merit = rows[:, 0] * rows[:, 1] + rows[:, 2]
        grades = torch.bucketize(merit, torch.quantile(merit, torch.tensor([0.2, 0.4, 0.6, 0.8])))
        self.parts = {
            name: TensorDataset(rows[part], grades[part])
            for name, part in {"train": slice(300), "val": slice(300, 400), "test": slice(400, 500)}.items()
        }

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["train"], 32, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["val"], 100)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["test"], 100)


# %%
# The evaluator
# -------------
#
# A frozen dataclass whose fields are plain values, so that it can travel to any trial. ``directions`` says of each
# metric whether it is to be maximised or minimised.

from nni_nasplus.training.evaluator import Evaluator


@dataclass(frozen=True, kw_only=True)
class GradeEvaluator(Evaluator):
    """Trains classifiers of grades."""

    directions: ClassVar = {"cost": "minimize"}
    objective: str = "cost"
    epochs: int = 5

    def data(self) -> pl.LightningDataModule:
        return Grades(self.seed)

    def task(self, network: nn.Module) -> pl.LightningModule:
        return Graded(network)


# %%
# One training
# ------------
#
# Any space of networks for such rows will do; this one has two decisions. ``evaluate`` trains an architecture and
# leaves its weights and its result in a folder.

import tempfile
from pathlib import Path

from nni_nasplus import SearchSpace
from nni_nasplus.networks.network_space import NetworkSpace


class Rows(NetworkSpace):
    """One hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.decide(SearchSpace({"width": [2, 8, 32], "activation": ["relu", "tanh"]}))

    def _network(self, architecture: Any) -> nn.Module:
        activation = nn.ReLU() if architecture["activation"] == "relu" else nn.Tanh()
        return nn.Sequential(nn.Linear(8, architecture["width"]), activation, nn.Linear(architecture["width"], 5))

    def example(self) -> Tensor:
        return torch.zeros(1, 8)


space, evaluator, folder = Rows(), GradeEvaluator(), Path(tempfile.mkdtemp())
metrics = evaluator.evaluate(space, {"width": 8, "activation": "relu"}, folder / "one")
{name: round(metrics[name], 2) for name in ("cost", "parameters")}

# %%
# A search
# --------
#
# The search asks and is told; ``direction`` comes from the evaluator. All six architectures are trained:

from nni_nasplus import Search
from nni_nasplus.strategies import AgingEvolution

search = Search(space.search_space, AgingEvolution(population_size=3, sample_size=2), direction=evaluator.direction)
for number in range(6):
    trial = search.ask()
    metrics = evaluator.evaluate(space, trial.architecture, folder / str(number))
    search.tell(trial, metrics["cost"])
for best in search.history.best[:3]:
    print(f"{best.score:.2f}", space.genotype(best.architecture))

# %%
# In a module that can be imported (not in a notebook or a script itself), the same two objects go to NNI:
# ``NasExperiment(space, evaluator, NasStrategy(AgingEvolution(), direction="minimize"))``, see :doc:`/how_to/nni`.
