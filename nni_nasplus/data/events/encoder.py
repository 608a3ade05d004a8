"""Raw event columns to model input: what ``prepare`` fits on training users and applies to all, new ones too."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nni_nasplus._files import damage_named, typed
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.clock import Clock
from nni_nasplus.data.events.columns import CategoricalColumn, NumericColumn
from nni_nasplus.data.events.overview import ColumnSummary
from nni_nasplus.data.events.tables.column import Wanted
from nni_nasplus.data.events.tables.histories import Histories, times_of, users_of
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import Spool, spool
from nni_nasplus.data.events.tables.users import UserColumns
from nni_nasplus.data.link import Link
from nni_nasplus.data.preprocessing import Preprocessing, read_versioned, require_classes, require_equal
from nni_nasplus.data.targets import Target, target_of
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FORMAT", "EventEncoder"]

Table = str | Path | pd.DataFrame
FORMAT = 4
"""Of caches and of ``preprocessing.json``; to be counted up when those of before can no longer be read."""
_FILE = "preprocessing.json"
_LONGEST = 2**31 - 1
"""Events that any history can have: a number of more bits is damage."""
_FIXED = ("cardinalities", "n_numeric", "n_classes")
"""The sizes that are a network's own too; it takes sequences of any length."""


@dataclass(frozen=True)
class EventEncoder(Preprocessing):
    """The fitted encoding of every column.

    Parameters
    ----------
    id
        The column that names the user.
    clock
        The encoding of the time column.
    categorical, numeric
        The encoding of each other column.
    target
        What is predicted.
    max_length
        The number of most recent events that are kept of a user.
    columns
        What every column of the training events was taken for, for people.
    static
        Those of the columns that are of users: new data have them in a table of users.
    """

    source: ClassVar[str] = "events"

    id: str
    clock: Clock
    categorical: tuple[CategoricalColumn, ...]
    numeric: tuple[NumericColumn, ...]
    target: Target
    max_length: int
    columns: tuple[ColumnSummary, ...] = field(default=(), compare=False)
    static: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What is predicted, the columns, and how much of a history is read."""
        return {
            **self.target.facts,
            "user": self.id,
            "time": self.clock.name,
            "categories": [column.name for column in self.categorical],
            "numbers": [column.name for column in self.numeric],
            **({"attributes of users": list(self.static)} if self.static else {}),
            "most recent events read": self.max_length,
        }

    @property
    def shape(self) -> EventShape:
        """The constants that fix a model's sizes."""
        return EventShape(
            cardinalities=tuple(c.cardinality for c in self.categorical),
            n_numeric=sum(c.width for c in self.numeric),
            n_classes=len(self.target.names),
            max_length=self.max_length,
            periods=self.clock.periods,
            link=self.target.link,
        )

    def batches(
        self,
        events: Table,
        batch_size: int = 128,
        attributes: Table | None = None,
        *,
        complete: bool = True,
    ) -> Iterator[tuple[NDArray[np.generic], EventBatch]]:
        """Encode new events: yield ids [B] and a batch, with the users in order of their first event in the table.

        ``EventBatch.row`` counts the users from 0 and ``label`` is −1.

        Parameters
        ----------
        events
            A table of one row per event, in any order, stored in any of the ways that ``prepare`` reads.
        batch_size
            The number B of users in a batch; the last one may have fewer.
        attributes
            A table of one row per user with the id and the static columns, where there are any.
        complete
            Whether each user must be in ``attributes``; else those of others are taken for missing.

        Raises
        ------
        UserError
            If a column of the training events is missing, the table is empty, a value does not parse, or the attributes
            of a user are missing or given in vain.
        """
        with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
            of_users = self._read_attributes(attributes, Path(folder))
            spooled = self._read(Source(events, "events"), Path(folder))
            ids, user = users_of(spooled, self.id)
            if complete:
                of_users.require(spooled[self.id].texts, self.id)
            of_users.of(spooled[self.id].texts).spread(spooled, user)
            histories = Histories.of(user, times_of(spooled, self.clock.name), len(ids), self.max_length)
            for start in range(0, len(ids), batch_size):
                stop = min(start + batch_size, len(ids))
                batch = self.encode(spooled, histories.part(start, stop), ids[start:stop])
                rows = batch.batch(np.arange(stop - start), self.max_length)
                yield ids[start:stop], rows._replace(row=rows.row + start)

    def logits(
        self, network: nn.Module, events: Table, attributes: Table | None = None, *, complete: bool = True
    ) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        """Ids [U] in order of first appearance, and a network's logits [U, C]."""
        import torch

        ids, logits = [], []
        with torch.inference_mode():
            for part, batch in self.batches(events, attributes=attributes, complete=complete):
                ids.append(part)
                logits.append(network(batch).numpy())
        return np.concatenate(ids), np.concatenate(logits)

    def predict(
        self, network: nn.Module, data: Table, attributes: Table | None = None, *, complete: bool = True
    ) -> pd.DataFrame:
        """A row a user: the id, and what is predicted of it; of classes ``p_<class>`` for each.

        Parameters
        ----------
        network
            A network in evaluation mode.
        data, attributes, complete
            Events, and attributes of users, as :meth:`batches` takes them.

        Raises
        ------
        UserError
            If a column of the training data is missing or does not parse, or the attributes of a user are missing.
        """
        ids, logits = self.logits(network, data, attributes, complete=complete)
        return pd.DataFrame({self.id: ids, **self.target.answers(logits)})

    @property
    def link(self) -> Link:
        """That of the target."""
        return self.target.link

    def require_fit(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        """Give a network one user with one event, of the last code of each column."""
        import torch

        if not 1 <= self.max_length <= _LONGEST:
            raise ValueError(f"max_length is {self.max_length}")
        shape = replace(self.shape, max_length=1)
        sizes = shape.to_json()
        require_equal({name: sizes[name] for name in _FIXED}, arguments)
        last = torch.tensor([[shape.cardinalities]], dtype=torch.long) - 1
        with torch.inference_mode():
            require_classes(network(shape.example()._replace(categorical=last)), self.target.names)

    def encode(self, spooled: Spool, histories: Histories, ids: NDArray[np.generic]) -> EventArrays:
        """The encoded events of some users [U], without labels or splits."""
        order = histories.order
        time, gap = self.clock.encode(spooled[self.clock.name].values[order], histories.first)
        categorical = [c.encode(spooled[c.name].take(order))[:, None] for c in self.categorical]
        numeric = [c.encode(spooled[c.name].take(order)) for c in self.numeric]
        return EventArrays(
            categorical=np.concatenate([np.empty((len(order), 0), np.int32), *categorical], axis=1),
            numeric=np.concatenate([np.empty((len(order), 0), np.float32), *numeric], axis=1),
            time=time,
            gap=gap,
            offsets=histories.offsets,
            label=np.full(len(ids), -1, dtype=np.int64),
            split=np.full(len(ids), -1, dtype=np.int8),
            ids=ids,
        )

    def save(self, folder: str | Path) -> None:
        """Write ``preprocessing.json``: all that new data needs, and for people what every column was taken for."""
        state = {
            "format": FORMAT,
            "id": self.id,
            "clock": self.clock.to_json(),
            "categorical": [c.to_json() for c in self.categorical],
            "numeric": [c.to_json() for c in self.numeric],
            "target": self.target.to_json(),
            "max_length": self.max_length,
            "columns": [c.to_json() for c in self.columns],
            "static": list(self.static),
        }
        text = json.dumps(state, indent=1, ensure_ascii=False, allow_nan=False)
        (Path(folder) / _FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> EventEncoder:
        """Read ``preprocessing.json``; UserError where it is absent or of another format."""
        path = Path(folder) / _FILE
        absent = f"no {path}: make it by nni_nasplus.data.events.prepare"
        state = read_versioned(path, "format", FORMAT, absent, "events")
        with damage_named(path):
            encoder = typed(cls._made(state))
            for part in (encoder.clock, encoder.target, *encoder.categorical, *encoder.numeric):
                typed(part)
        return encoder

    @classmethod
    def _made(cls, state: dict[str, Any]) -> EventEncoder:
        clock = state.pop("clock")
        return cls(
            id=state["id"],
            clock=Clock(**{**clock, "periods": tuple(clock["periods"])}),
            categorical=tuple(CategoricalColumn(**{**c, "values": tuple(c["values"])}) for c in state["categorical"]),
            numeric=tuple(NumericColumn(**c) for c in state["numeric"]),
            target=target_of(state["target"]),
            max_length=state["max_length"],
            columns=tuple(ColumnSummary(**c) for c in state["columns"]),
            static=tuple(state["static"]),
        )

    def _read(self, events: Source, folder: Path) -> Spool:
        """The columns of new events."""
        wanted = {name: one for name, one in self._wanted().items() if name not in self.static}
        events.require(list(wanted))
        spooled = spool(events, wanted, folder, progress=False)
        if not spooled.rows:
            raise UserError("events: the table is empty: give one row per event")
        return spooled

    def _read_attributes(self, attributes: Table | None, folder: Path) -> UserColumns:
        """The static columns of new users."""
        if attributes is None and self.static:
            names = ", ".join(map(repr, self.static))
            raise UserError(f"the network reads {names} of each user too: name the table that has them with --static")
        if attributes is None:
            return UserColumns()
        if not self.static:
            raise UserError("the network reads no attributes of users: leave their table out")
        wanted = self._wanted()
        source = Source(attributes, "attributes")
        return UserColumns.read(source, self.id, {name: wanted[name] for name in self.static}, folder)

    def _wanted(self) -> dict[str, Wanted]:
        return {
            self.id: Wanted("text"),
            self.clock.name: Wanted(self.clock.kind, self.clock.style, complete=True),
            **{c.name: Wanted("text") for c in self.categorical},
            **{c.name: Wanted(c.kind, c.style) for c in self.numeric},
        }
