"""NasExperiment goes on where it was after a crash and after Ctrl-C, without NNI's pickled checkpoints."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from nas_functions import Digits
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.utils.serializer import TorchSerializer
from nni.runtime.tuner_command_channel import TunerCommandChannel
from nni.runtime.tuner_command_channel.command_type import CommandType, Terminate
from nni_server import free_port, trials
from places import HELPERS
from processes import PythonProcess
from resumed_experiment import EVOLUTION, ID, experiment_in, slow_worth

from nni_nasplus import History, Journal, Outcome, Search, UserError
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.hosts.nni.nas.experiment import NasEngine, NasExperiment, _Channel

pytestmark = [pytest.mark.nni, pytest.mark.filterwarnings("ignore::UserWarning")]


def start(directory: Path, count: int, port: int) -> subprocess.Popen[bytes]:
    tests = str(HELPERS)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]),
        "HOME": str(directory),
    }
    script = "import resumed_experiment as script; script.main()"
    log = (directory / "out.txt").open("ab")
    with log:
        return PythonProcess(
            ["-c", script, directory, count, port], env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def journal(directory: Path) -> Path:
    return directory / ID / "nasplus" / "journal.jsonl"


def history(directory: Path) -> History:
    return Journal.read(journal(directory)).history


def told_and_pending(directory: Path) -> tuple[int, int]:
    try:
        known = history(directory)
    except UserError:
        return 0, 0
    return len(known.finished), len(known.pending)


def wait_until_amid(directory: Path, process: subprocess.Popen[bytes], told: int) -> None:
    """Return when some trials are told and two are running."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        now = told_and_pending(directory)
        if now[0] >= told and now[1] == 2:
            time.sleep(0.8)
            return
        time.sleep(0.1)
    raise AssertionError((directory / "out.txt").read_text()[-3000:])


def end_managers(directory: Path) -> None:
    for manager in living_managers(directory):
        manager.end()


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    end_managers(tmp_path)


def interrupt(directory: Path, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(280)


def crash(directory: Path, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(280)
    with pytest.raises(UserError, match="still run by process"):
        experiment_in(directory, 8).resume(free_port())
    end_managers(directory)


def crash_and_let_trials_finish(directory: Path, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(280)
    (manager,) = living_managers(directory)
    deadline = time.monotonic() + 120
    while any(status == "RUNNING" for status, *_ in trials(manager.port)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    end_managers(directory)


def damage_the_list_of_experiments(directory: Path) -> None:
    found = list(directory.rglob(".experiment"))
    assert found, "NNI keeps its list of experiments elsewhere; has_checkpoint may trust it again"
    for path in found:
        path.write_text('{"resum')


@pytest.mark.slow
@pytest.mark.parametrize("end", [crash, crash_and_let_trials_finish, interrupt])
def test_an_experiment_that_ended_amid_goes_on_as_if_it_never_had(folder, end):
    count = 8
    process = start(folder, count, free_port())
    wait_until_amid(folder, process, told=3)
    end(folder, process)
    before = history(folder)
    interrupted = [trial.number for trial in before.trials if trial.status == "pending"]
    assert interrupted
    damage_the_list_of_experiments(folder)

    process = start(folder, count, free_port())
    assert process.wait(280) == 0, (folder / "out.txt").read_text()[-3000:]

    after = history(folder)
    assert [trial.status for trial in after.trials] == ["done"] * count
    for trial in after.trials:
        assert trial.score == trial.architecture["tens"] * 10 + trial.architecture["ones"]
    assert [t.architecture for t in after.trials[: len(before.trials)]] == [t.architecture for t in before.trials]
    assert all(told == 1 for told in Counter(trial.number for trial in after.by_time).values())
    check_proposals(journal(folder))
    check_records(folder, [trial.architecture for trial in after.trials], count)


def check_proposals(path: Path) -> None:
    """One search that was never stopped proposes the same after the same results."""
    search = Search(Journal.read(path).history.space, EVOLUTION, seed=0, direction="minimize")
    for event in map(json.loads, path.read_text().splitlines()[1:]):
        kind, number = event.pop("event"), event.pop("number")
        if kind == "ask":
            assert search.ask().architecture == event["architecture"]
        else:
            search.tell(number, Outcome.from_json(event))


def check_records(folder: Path, architectures: list[dict[str, int]], count: int) -> None:
    """Each trial that the manager shows has its own metric; each architecture finished once."""
    records = json.loads((folder / "trials.json").read_text())
    shown = [(status, parameters["mutation_summary"], metric) for status, parameters, metric in records]
    finished = [(digits, metric) for status, digits, metric in shown if metric is not None]
    for digits, metric in finished:
        assert metric == digits["tens"] * 10 + digits["ones"]
    assert sorted(str(dict(digits)) for digits, _ in finished) == sorted(map(str, architectures))
    assert not [status for status, *_ in shown if status in ("WAITING", "RUNNING")]
    assert len(finished) == count


class Scripted:
    """A connection to the manager that gives out commands."""

    def __init__(self, *commands: tuple[str, str]) -> None:
        self.commands = [{"type": kind, "content": content} for kind, content in commands]

    def receive(self):
        return self.commands.pop(0)


def scripted(kind: type[TunerCommandChannel]) -> TunerCommandChannel:
    channel = kind("ws://localhost:1/tuner")
    channel._channel = Scripted(("FD", "[]"), ("AD", "[]"), ("PI", ""), ("??", ""), ("TE", ""))
    return channel


def test_commands_that_are_not_for_the_engine_are_passed_over():
    assert scripted(_Channel).receive() == Terminate()


def test_nni_still_needs_the_channel_that_passes_over_commands():
    with pytest.raises(ValueError, match="Unknown command type"):
        pytest.fail(f"NNI now takes {scripted(TunerCommandChannel).receive()}: _Channel is no longer needed")
    assert CommandType("FD") is CommandType.ImportData


class State:
    """What a strategy of NNI may keep in a checkpoint."""


def test_nni_still_cannot_load_its_own_checkpoints(tmp_path):
    TorchSerializer().save({"version": 1, "strategy": {"history": State()}}, tmp_path / "state.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        TorchSerializer().load(tmp_path / "state.ckpt")
        pytest.fail("NNI now loads its own checkpoints: NasExperiment need not do without any longer")


def test_no_state_is_pickled_and_damaged_settings_do_not_matter(tmp_path, caplog):
    experiment = experiment_in(tmp_path, 3)
    experiment._engine = object()
    experiment.save_checkpoint()
    checkpoint = tmp_path / ID / "checkpoint"
    assert [path.name for path in checkpoint.iterdir()] == ["config.json"]
    experiment.load_checkpoint()
    assert not [record for record in caplog.records if record.levelname != "INFO"]
    experiment.config.trial_concurrency = 3
    experiment.load_checkpoint()
    assert "trialConcurrency" in caplog.text
    (checkpoint / "config.json").write_text("{")
    experiment.load_checkpoint()
    assert "cannot be read" in caplog.text


def test_the_database_tells_whether_there_is_something_to_resume(tmp_path):
    experiment = experiment_in(tmp_path, 3)
    assert not experiment.has_checkpoint()
    (tmp_path / ID / "db").mkdir(parents=True)
    (tmp_path / ID / "db" / "nni.sqlite").touch()
    assert experiment.has_checkpoint()


def test_a_strategy_of_nni_is_refused():
    from nni.nas.strategy import Random

    with pytest.raises(UserError, match="NasStrategy"):
        NasExperiment(Digits(), FunctionalEvaluator(slow_worth), Random())


def test_a_broken_connection_is_an_error_and_no_hang():
    engine = object.__new__(NasEngine)
    thread = type("Dead", (), {"is_alive": lambda self: False})()
    event = type("Unset", (), {"is_set": lambda self: False})()
    engine._stopped, engine._channel_listen_thread, engine._channel_listen_stop_event = False, thread, event
    with pytest.raises(RuntimeError, match="connection to the NNI manager broke"):
        engine._check_running()
