"""Whatever is killed, a search goes on: every result counted once, everything in flight tried again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time

import psutil
import pytest
from digits_search import complete, create, going_on
from places import HELPERS
from processes import command_of, run_python

from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.search.journal import JOURNAL

pytestmark = pytest.mark.nni


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))


def stop(run) -> str:
    return run_python(["-m", "nni_nasplus", "stop", run.directory], check=True).stdout


def steps(run) -> list:
    """What was proposed and what it earned, in order, without what was proposed beyond the last trial."""
    events = [json.loads(line) for line in (run.directory / JOURNAL).read_text().splitlines()[1:]]
    trials = run.settings.trials
    return [(e["event"], e["number"], e.get("architecture"), e.get("score")) for e in events if e["number"] < trials]


def family(main: subprocess.Popen, run) -> dict[str, list[psutil.Process]]:
    """The living processes of a search, by their part."""
    managers = [m.process for m in living_managers(run.directory / NNI)]
    found = {"main": [psutil.Process(main.pid)], "manager": managers, "tuner": []}
    for manager in managers:
        for child in manager.children(recursive=True):
            if "--exp_params" in command_of(child):
                found["tuner"].append(child)
    return found


def crash(run, part: str, after_s: float, number: int = signal.SIGKILL) -> bool:
    """Go on, kill one part after a while, and leave nothing behind; whether it still ran."""
    main = going_on(run)
    deadline = time.monotonic() + after_s
    while main.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    while main.poll() is None and not (found := family(main, run)[part]):
        time.sleep(0.05)
    alive = main.poll() is None
    if alive:
        for process in found:
            process.send_signal(number)
    if part == "main" and number == signal.SIGKILL:
        main.wait()
        stop(run)
    out, _ = main.communicate(timeout=280)
    assert "Traceback" not in out, out
    assert living_managers(run.directory / NNI) == []
    return alive


def kills(count: int, seed: int) -> list[tuple[str, float]]:
    rng = random.Random(seed)
    return [(rng.choice(["main", "manager", "tuner"]), rng.uniform(2, 16)) for _ in range(count)]


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([("main", 8.0)], id="once", marks=pytest.mark.system),
        pytest.param([("manager", 8.0), ("main", 8.0)], id="twice", marks=pytest.mark.slow),
        pytest.param(kills(20, seed=1), id="20 random moments", marks=[pytest.mark.slow, pytest.mark.timeout(2400)]),
    ],
)
def test_a_search_that_is_killed_again_and_again_ends_like_one_that_never_was(tmp_path, moments):
    trials, seconds = (6, 0.5) if len(moments) < 3 else (70, 1.5)
    whole, broken = (create(tmp_path / name, trials, seconds=seconds) for name in ("whole", "broken"))
    complete(whole, 600)
    for part, after_s in moments:
        assert crash(broken, part, after_s), "the search was over before it could be killed"
    complete(broken, 600)
    assert steps(broken) == steps(whole)
    told = [number for event, number, *_ in steps(broken) if event == "tell"]
    assert sorted(told) == list(range(trials))


@pytest.mark.system
def test_a_manager_that_is_killed_as_it_starts_is_named(tmp_path):
    run = create(tmp_path / "run", 2)
    main = going_on(run)
    while not (managers := living_managers(run.directory / NNI)):
        time.sleep(0.02)
    managers[0].process.kill()
    out, _ = main.communicate(timeout=280)
    assert main.returncode == 2, out
    assert "the NNI manager was ended" in " ".join(out.split())
    assert "Traceback" not in out
    assert "ERROR" not in out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_keeps_what_it_had_and_goes_on(tmp_path, number):
    run = create(tmp_path / "run", 3)
    crash(run, "main", 9, number)
    complete(run)
    assert sorted(t.status for t in run.history().finished) == ["done"] * 3


@pytest.mark.slow
def test_a_second_resume_while_one_lives_is_refused(tmp_path):
    run = create(tmp_path / "run", 3, seconds=30)
    first = going_on(run)
    while not living_managers(run.directory / NNI):
        time.sleep(0.1)
    second = going_on(run)
    out, _ = second.communicate(timeout=280)
    assert second.returncode == 2
    assert "another process searches in, or shows," in out
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    third = going_on(run)
    out, _ = third.communicate(timeout=280)
    assert third.returncode == 2
    assert "still runs as process" in " ".join(out.split())
    assert "ended the NNI manager" in stop(run)
    assert stop(run) == "nothing runs\n"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        pytest.param("raise ValueError('no such layer')", "ValueError: no such layer", marks=pytest.mark.system),
        pytest.param("import os; os._exit(3)", "ended without a result", marks=pytest.mark.slow),
        pytest.param("import os; os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL)", marks=pytest.mark.slow),
        pytest.param("time.sleep(60)", "timed out after 3 s", marks=pytest.mark.slow),
        pytest.param("self.kept = bytearray(2**31); time.sleep(60)", "out of memory", marks=pytest.mark.slow),
    ],
)
def test_after_failures_in_a_row_for_one_reason_the_search_stops_with_it(tmp_path, mode, reason):
    limits = {"trial_seconds": 3.0} if "timed" in reason else {"trial_mib": 1024.0} if "memory" in reason else {}
    run = create(tmp_path / "run", 9, **limits, bad="0123456789", mode=mode)
    process = going_on(run)
    out, _ = process.communicate(timeout=280)
    assert process.returncode == 2
    assert f"the search stopped after 3 trials in a row failed: {reason}" in " ".join(out.split()) or reason in out
    finished = run.history().finished
    assert {t.status for t in finished} == {"failed"}
    assert len(finished) in (3, 4), "NNI may ask for one more before it tells that the third has ended"
    assert all(reason in t.reason for t in finished)


def test_the_web_ui_listens_on_loopback_only(tmp_path):
    run = create(tmp_path / "run", 2)
    main = going_on(run)
    try:
        while not (managers := living_managers(run.directory / NNI)):
            time.sleep(0.1)
        deadline = time.monotonic() + 20
        while not (listening := sockets(managers[0].process)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert {address.ip for address in listening} == {"127.0.0.1"}
    finally:
        main.terminate()
        main.communicate(timeout=280)


def sockets(process: psutil.Process) -> list:
    return [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]


KILLS_ITSELF_ONCE = """
import os, signal
directory.mkdir(parents=True, exist_ok=True)
if not (directory / "killed").exists():
    (directory / "killed").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.system
def test_a_trial_that_was_killed_is_tried_again_and_costs_no_trial(tmp_path):
    whole = create(tmp_path / "whole", 3)
    broken = create(tmp_path / "broken", 3, bad="0123456789", mode=KILLS_ITSELF_ONCE)
    complete(whole)
    complete(broken)
    assert steps(broken) == steps(whole)
    assert len(list((broken.directory / "trials").glob("*/killed"))) == 3


@pytest.mark.slow
def test_a_trial_whose_process_was_killed_from_outside_is_tried_again(tmp_path):
    run = create(tmp_path / "run", 2, seconds=4)
    main = going_on(run)
    client = None
    while client is None:
        assert main.poll() is None
        with contextlib.suppress(psutil.Error):
            processes = [p for m in living_managers(run.directory / NNI) for p in m.process.children(recursive=True)]
            client = next((p for p in processes if any(word.endswith("client.py") for word in command_of(p))), None)
    time.sleep(2)
    client.kill()
    out, _ = main.communicate(timeout=280)
    assert main.returncode == 0, out
    assert [trial.status for trial in run.history().trials[:2]] == ["done"] * 2


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount a small disk")
def test_a_disk_that_fills_is_named_and_loses_nothing(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
    try:
        run = create(disk / "run", 12, seconds=1)
        main = going_on(run)
        journal = run.directory / JOURNAL
        while not journal.exists() or len(journal.read_text().splitlines()) < 5:
            assert main.poll() is None
            time.sleep(0.1)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        out, _ = main.communicate(timeout=280)
        assert main.returncode == 2, out
        assert "no space left on the disk of" in out, out
        (disk / "filler").unlink()
        complete(run)
        assert [trial.status for trial in run.history().trials[:12]] == ["done"] * 12
    finally:
        stop(run)
        subprocess.run(["umount", "--lazy", disk], check=True)
