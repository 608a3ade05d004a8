"""A search as an Optuna study: several workers, killed ones, a real PostgreSQL, and what optuna-dashboard shows."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from crashing import create
from nni_server import free_port

from nni_nasplus import Journal, SearchSpace, UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.search.strategy import make_strategy

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import NasSampler, suggest, worker  # noqa: E402
from nni_nasplus.hosts.optuna.imported import as_study, draw_study  # noqa: E402
from nni_nasplus.hosts.optuna.search import OptunaSearch  # noqa: E402
from nni_nasplus.hosts.optuna.study import fill_queue, open_storage, open_study  # noqa: E402

HERE = Path(__file__).parent
POSTGRES = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.syspath_prepend(str(HERE))


def going_on(run) -> subprocess.Popen:
    command = [sys.executable, HERE / "crashing.py", run.directory, str(free_port())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def complete(run, limit_s: float = 120) -> str:
    process = going_on(run)
    out, _ = process.communicate(timeout=limit_s)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    return out


def workers(main: subprocess.Popen) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(main.pid).children(recursive=True)
        return [p for p in found if "nni_nasplus.hosts.optuna.worker" in p.cmdline()]
    return []


def worth(architecture) -> float:
    return architecture["tens"] * 10 + architecture["ones"]


def require_whole(run, trials: int) -> list:
    """Every trial of the study and of the journal is done, once, and right."""
    study = open_study(run)
    done = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert len(done) == trials
    assert len({str(t.params) for t in done}) == trials
    assert all(t.value == worth(t.params) for t in done)
    archive = Journal.read(run.directory / JOURNAL)
    assert [t.status for t in archive.trials] == ["done"] * trials
    assert all(t.score == worth(t.architecture) for t in archive.trials)
    return study.trials


def test_two_workers_train_as_many_trials_as_asked(tmp_path):
    run = create(tmp_path / "run", 7, concurrency=2, host="optuna")
    assert "study run in sqlite:///" in complete(run)
    assert len(require_whole(run, 7)) == 7
    Run.rewrite(run.directory, {**run.settings, "trials": 9})
    complete(Run.open(run.directory))
    assert len(require_whole(run, 9)) == 9


def test_a_trial_that_waits_in_sqlite_is_taken_by_one_worker_alone(tmp_path):
    run = create(tmp_path / "run", 60, concurrency=3, host="optuna")
    fill_queue(open_study(run), 60)
    together = threading.Barrier(3)

    def take(number: int) -> list[int]:
        study, mine = open_study(run), []
        for _ in range(20):
            together.wait()
            mine.append(study._pop_waiting_trial_id())
        return mine

    with ThreadPoolExecutor(3) as workers:
        taken = [trial for trials in workers.map(take, range(3)) for trial in trials]
    assert sorted(taken) == list(range(1, 61))


def test_one_worker_proposes_what_the_nni_host_would(tmp_path):
    run = create(tmp_path / "run", 6, host="optuna")
    complete(run)
    strategy = open_study(run).sampler.strategy
    for trial in Journal.read(run.directory / JOURNAL).trials:
        proposal = strategy.propose()
        assert proposal == (trial.architecture, trial.origin)
        strategy.tell(proposal.architecture, trial.score)


def test_failures_in_a_row_end_the_search_with_their_reason(tmp_path):
    run = create(tmp_path / "run", 9, host="optuna", bad="0123456789", mode="raise ValueError('no such layer')")
    process = going_on(run)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 2
    assert "3 trials in a row failed: ValueError: no such layer" in " ".join(out.split())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_search_that_was_ended_goes_on(tmp_path, number):
    run = create(tmp_path / "run", 12, concurrency=2, host="optuna", seconds=1)
    main = going_on(run)
    journal = run.directory / JOURNAL
    while not journal.exists() or len(journal.read_text().splitlines()) < 8:
        assert main.poll() is None
        time.sleep(0.1)
    for process in [*workers(main), psutil.Process(main.pid)]:
        process.send_signal(number)
    out, _ = main.communicate()
    assert "Traceback" not in out
    complete(run)
    require_whole(run, 12)


def test_workers_end_with_a_search_that_was_killed_and_their_trials_are_tried_again(tmp_path):
    run = create(tmp_path / "run", 4, concurrency=2, host="optuna", seconds=2)
    main = going_on(run)
    while not open_study(run).get_trials(states=(TrialState.RUNNING,)):
        assert main.poll() is None
        time.sleep(0.1)
    orphans = workers(main)
    main.kill()
    _, alive = psutil.wait_procs(orphans, timeout=20)
    assert (len(orphans), alive) == (2, [])
    assert not open_study(run).get_trials(states=(TrialState.RUNNING,))
    main.communicate()
    complete(run)
    require_whole(run, 4)


def test_a_proposal_that_is_interrupted_is_made_again(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 3, host="optuna")
    study = open_study(run)
    fill_queue(study, 3)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(worker, "suggest", interrupted)
        worker.work(run)
    worker.work(run)
    states = [trial.state for trial in study.get_trials()]
    assert sorted(states) == [TrialState.COMPLETE] * 3 + [TrialState.FAIL]


def interrupted(*arguments):
    raise KeyboardInterrupt


def as_postgres(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.getuid() == 0 else list(command)


@pytest.fixture
def postgres(tmp_path) -> Iterator[str]:
    """The URL of an empty database of a server of its own."""
    programs, folder, port = Path(POSTGRES).resolve().parent, tmp_path / "postgres", free_port()
    folder.mkdir()
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        for parent in [folder, *folder.parents][:-2]:
            parent.chmod(parent.stat().st_mode | 0o011)
    data, options = str(folder / "data"), f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(as_postgres(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "nas"), **quiet)
    log = str(folder / "log")
    subprocess.run(as_postgres(str(programs / "pg_ctl"), "-D", data, "-l", log, "-o", options, "-w", "start"), **quiet)
    try:
        yield f"postgresql+psycopg://nas@127.0.0.1:{port}/postgres"
    finally:
        stop = as_postgres(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        subprocess.run(stop, **(quiet | {"check": False}))


def has_postgres_user() -> bool:
    return any(entry.pw_name == "postgres" for entry in pwd.getpwall())


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(POSTGRES is None or not has_postgres_user(), reason="Debian's postgresql is not installed")
def test_four_workers_on_postgresql_one_of_them_killed(tmp_path, postgres):
    pytest.importorskip("psycopg")
    run = create(tmp_path / "run", 40, concurrency=4, host="optuna", storage=postgres, seconds=1)
    main = going_on(run)
    journal = run.directory / JOURNAL
    while not journal.exists() or len(journal.read_text().splitlines()) < 16:
        assert main.poll() is None
        time.sleep(0.1)
    workers(main)[0].kill()
    out, _ = main.communicate(timeout=240)
    assert main.returncode == 0, out
    trials = require_whole(run, 40)
    (lost,) = [t for t in trials if t.state == TrialState.FAIL]
    (again,) = [t for t in trials if t.system_attrs.get("failed_trial") == lost.number]
    assert again.params == lost.params
    assert again.state == TrialState.COMPLETE


def test_a_storage_that_cannot_be_reached_is_named(tmp_path):
    with pytest.raises(UserError, match=r"the storage postgresql.* cannot be reached"):
        open_storage(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(UserError, match=r"the storage sqlite:////none/study.db cannot be reached"):
        open_storage("sqlite:////none/study.db")


def test_a_study_of_another_space_is_refused(tmp_path):
    run = create(tmp_path / "run", 3, host="optuna")
    study = optuna.create_study(
        study_name="run", storage=f"sqlite:///{run.directory / 'study.db'}", direction="maximize"
    )
    space = SearchSpace({"tens": list(range(5)), "ones": list(range(10))})
    study.sampler = NasSampler(make_strategy("random", space, seed=0, direction="maximize", options={}))
    study.optimize(lambda trial: worth(suggest(trial, space)), n_trials=1)
    with (
        pytest.raises(UserError, match=r"another space: decision 'tens' is \[0, 1, 2, 3, 4\] there"),
        OptunaSearch(run),
    ):
        pass


def test_a_study_of_another_direction_is_refused(tmp_path):
    run = create(tmp_path / "run", 3, host="optuna")
    url = f"sqlite:///{run.directory / 'study.db'}"
    optuna.create_study(study_name="run", storage=url, direction="minimize")
    with pytest.raises(UserError, match="study run is to minimize, the strategy to maximize"), OptunaSearch(run):
        pass


CHROMIUM = shutil.which("chromium")


@pytest.fixture
def dashboard(tmp_path) -> Iterator[tuple[Run, str]]:
    """A finished search of events and the address of optuna-dashboard over it."""
    from conftest import shopping
    from test_command import asking, nasplus

    events, labels = shopping()
    events.to_csv(tmp_path / "events.csv", index=False)
    labels.to_parquet(tmp_path / "labels.parquet")
    distill = ("--distill", "--distillation.n_skip", "2", "--distillation.n_teachers", "1")
    done = nasplus(*asking(tmp_path, tmp_path / "run"), "--host", "optuna", *distill)
    assert done.returncode == 0, done.stderr
    run, port = Run.open(tmp_path / "run"), free_port()
    command = [Path(sys.executable).with_name("optuna-dashboard"), f"sqlite:///{run.directory}/study.db"]
    command += ["--port", str(port), "--artifact-dir", run.directory / "artifacts"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield run, f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_optuna_dashboard_shows_the_architectures(dashboard):
    pytest.importorskip("optuna_dashboard")
    sync_api = pytest.importorskip("playwright.sync_api")
    from test_browser import ARGUMENTS

    run, url = dashboard
    best = run.archive().best()[0]
    assert any(trial.teachers for trial in run.archive().trials), "distillation works here too"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        deadline = time.monotonic() + 60
        while True:
            try:
                page.goto(f"{url}/dashboard/studies/1/trials?numbers={best.number}")
                break
            except sync_api.Error:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        expect = sync_api.expect
        expect(page.get_by_text(run.space.genotype(best.architecture)).first).to_be_visible(timeout=30_000)
        for text in ("architecture.json", "architecture.svg", "parameters", "flops", "seconds"):
            expect(page.get_by_text(text).first).to_be_visible()
        picture = page.get_by_role("img", name=re.compile("the architecture")).first
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") > 100
        browser.close()


def test_any_run_is_a_study_too(tmp_path):
    run = finished(tmp_path / "run")
    url = f"sqlite:///{tmp_path}/copy.db"
    study = as_study(run, url)
    stored = optuna.load_study(study_name="run", storage=url)
    assert [(t.state, t.value, t.params) for t in stored.trials] == [
        (TrialState.FAIL if t.score is None else TrialState.COMPLETE, t.score, t.architecture)
        for t in run.archive().trials
    ]
    assert stored.trials[0].user_attrs["parameters"] == 10.0
    assert "boom" in next(t.user_attrs["reason"] for t in stored.trials if t.state == TrialState.FAIL)
    with pytest.raises(UserError, match="has a study 'run' already"):
        as_study(run, url)
    pytest.importorskip("plotly")
    pages = draw_study(study, tmp_path / "plots")
    assert [page.stem for page in pages] == ["best_so_far", "parallel_coordinates", "importances", "pareto_front"]
    assert all('src="plotly.min.js"' in page.read_text() for page in pages), "they need no network"


def finished(directory: Path) -> Run:
    """A run with a journal of five trials, one of them failed."""
    run = create(directory, 5)
    space = run.space.search_space
    header = {"strategy": "evolution", "seed": 3, "direction": "maximize", "space": space.to_json()}
    archive = Journal.create(directory / JOURNAL, header)
    for number in range(5):
        trial = archive.ask({"tens": number, "ones": 9 - number}, "random")
        failed = number == 2
        archive.tell(
            trial.number,
            None if failed else worth(trial.architecture),
            metrics={} if failed else {"parameters": 10.0 * (number + 1)},
            reason="ValueError: boom" if failed else None,
        )
    archive.close()
    return run


def test_pruners_are_honoured_and_metrics_kept(tmp_path, cache):
    from nni_nasplus.data.events import EventDataModule
    from nni_nasplus.hosts.optuna.reporter import OptunaReporter
    from nni_nasplus.spaces.events import EventSequenceSpace
    from nni_nasplus.training.events import EventClassification

    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    evaluator = EventClassification(str(cache), objective="accuracy", epochs=3)

    def objective(trial):
        architecture = suggest(trial, space.search_space)
        reporter = OptunaReporter(trial)
        return evaluator.evaluate(space, architecture, tmp_path / str(trial.number), reporter)["accuracy"]

    strategy = make_strategy("random", space.search_space, seed=0, direction="maximize", options={})
    study = optuna.create_study(direction="maximize", sampler=NasSampler(strategy))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.COMPLETE
    assert list(study.trials[0].intermediate_values) == [1, 2, 3]
    assert study.trials[0].user_attrs["parameters"] > 0
    study.pruner = optuna.pruners.ThresholdPruner(lower=2.0)
    study.optimize(objective, n_trials=1)
    assert study.trials[1].state == TrialState.PRUNED
    assert list(study.trials[1].intermediate_values) == [1]


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_limits_of_size_are_kept_before_training(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 5, host="optuna")
    run = Run.rewrite(run.directory, {**run.settings, "model_limits": {"parameters": 10.0}})
    monkeypatch.setattr(Limits, "excess", lambda self, space, a: "too large" if a["tens"] > 2 else None)
    study = open_study(run)
    for _ in range(9):
        study.enqueue_trial({})
        assert suggest(study.ask(), run.space.search_space)["tens"] <= 2


def test_a_worker_that_dies_while_it_proposes_leaves_a_heartbeat(tmp_path):
    """Without one, Optuna would take its trial as running for ever."""
    run = create(tmp_path / "run", 1, host="optuna")
    study = open_study(run)
    fill_queue(study, 1)
    trial_id = study._pop_waiting_trial_id()
    study._storage._backend.grace_period = 1
    time.sleep(2.1)
    assert study._storage._get_stale_trial_ids(study._study_id) == [trial_id]
