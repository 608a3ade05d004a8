"""A cache of events is prepared once, whoever asks, and another is refused."""

from __future__ import annotations

import json
import multiprocessing

import pytest
from event_tables import cached, make_events, make_labels, same_cache

from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError


def test_a_ready_cache_is_kept_and_another_refused(tmp_path):
    out = cached(make_events(), make_labels(), tmp_path / "c")
    before = (out / "meta.json").stat().st_mtime_ns
    assert cached(make_events(), make_labels(), out) == out
    assert (out / "meta.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="prepared from other max_length: delete it"):
        cached(make_events(), make_labels(), out, max_length=9)
    with pytest.raises(UserError, match="prepared from other events: delete it"):
        cached(make_events(seed=1), make_labels(), out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(UserError, match="is no prepared cache"):
        cached(make_events(), make_labels(), tmp_path / "full")


def test_no_cache_is_told(tmp_path):
    with pytest.raises(UserError, match=r"make it by nni_nasplus\.data\.events\.prepare"):
        EventDataModule(tmp_path)


def test_another_format_is_told(cache, tmp_path):
    state = json.loads((cache / "preprocessing.json").read_text())
    (tmp_path / "preprocessing.json").write_text(json.dumps({**state, "format": 999}))
    with pytest.raises(UserError, match="another version"):
        EventEncoder.load(tmp_path)


def _prepare_at_once(events, out):
    return cached(events, make_labels(), out)


def test_processes_may_prepare_at_once(cache, tmp_path):
    make_events().to_csv(tmp_path / "e.csv", index=False)
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=_prepare_at_once, args=(tmp_path / "e.csv", tmp_path / "c")) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0, 0]
    same_cache(cache, tmp_path / "c")
