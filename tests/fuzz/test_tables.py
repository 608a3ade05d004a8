"""Tables of events and labels: whatever is in the file, it is read, or a line says what is wrong with it."""

from __future__ import annotations

import io
import shutil

import pandas as pd
import pytest
from exports import ENCODER
from fuzzing import fuzzed
from mutations import BYTES, Choices, mutated

from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.preparation import prepare

_VALUES = (b";", b"\t", b"1e400", b"-0.0", b"99999999999999999999", b"2024-01-31", b"nan", b"True", b"user", b"  ")
USERS = range(1, 21)
EVENTS = pd.DataFrame(
    {
        "user": [user for user in USERS for _ in range(3)],
        "day": [float(day) for day in range(3 * len(USERS))],
        "shop": ["a", "b", None] * len(USERS),
        "amount": [1.5, None, -2e9] * len(USERS),
        "at": ["2024-01-31 12:00:00", "2023-05-06", None] * len(USERS),
    }
)
LABELS = pd.DataFrame({"user": list(USERS), "loyal": ["yes", "no"] * (len(USERS) // 2), "age": [1.5, None, -2, 3] * 5})


def written(table: pd.DataFrame, suffix: str) -> bytes:
    file = io.BytesIO()
    if suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    return file.getvalue()


FILES = {
    (name, suffix): written(table, suffix)
    for name, table in (("events", EVENTS), ("labels", LABELS))
    for suffix in (".csv", ".parquet")
}


def damaged(name: str, suffix: str, choices: Choices) -> bytes:
    return mutated(FILES[name, suffix], choices, [*BYTES, *_VALUES])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@fuzzed(share=0.2)
def test_new_events_are_encoded_or_refused(suffix, room, choices):
    """A fifth of the inputs, for a table is read twice and its columns are kept in files meanwhile."""
    path = room.path / f"events{suffix}"
    path.write_bytes(damaged("events", suffix, choices))
    with room.input():
        for ids, batch in ENCODER.batches(path):
            assert len(ids) == len(batch.row)
            assert batch.time.isfinite().all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@fuzzed(share=0.02)
def test_tables_are_prepared_or_refused(suffix, room, choices):
    """A fiftieth of the inputs, for what is prepared is written and read again."""
    out = room.path / "out"
    paths = [room.path / f"{name}{suffix}" for name in ("events", "labels")]
    for path in paths:
        path.write_bytes(FILES[path.stem, suffix])
    path = choices.one_of(paths)
    path.write_bytes(damaged(path.stem, suffix, choices))
    with room.input():
        names = {"id": "user", "time": "day", "target": "loyal", "static": ["age"]}
        prepare(*paths, **names, out=out, min_count=1, progress=False)
        encoder = EventEncoder.load(out)
        for _, batch in encoder.batches(paths[0], attributes=paths[1] if encoder.static else None):
            assert batch.numeric.isfinite().all()
    shutil.rmtree(out, ignore_errors=True)
