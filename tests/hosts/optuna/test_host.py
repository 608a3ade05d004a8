"""What the Optuna host refuses before a search, and that it can say so without Optuna."""

from __future__ import annotations

import subprocess
import sys

import pytest
from digits_search import create

from nni_nasplus import UserError, registry
from nni_nasplus.cli.commands.ui import trials_of
from nni_nasplus.hosts.optuna import OptunaHost
from nni_nasplus.run.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_it_is_found_by_name():
    assert registry.load("hosts", "optuna") is OptunaHost


def test_without_optuna_the_remedy_is_named():
    code = "import sys; sys.modules['optuna'] = None; from nni_nasplus import registry; "
    code += "from nni_nasplus.run.settings import Settings; registry.load('hosts', 'optuna')().check(Settings())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith('--host optuna needs Optuna; pip install "nni-nasplus[optuna]"')


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trial_seconds": 1.0}, "--trial_seconds and --trial_mib need --host nni"),
        ({"trial_mib": 1.0}, "--trial_seconds and --trial_mib need --host nni"),
        ({"storage": "sqlite:////none/study.db"}, r"the storage sqlite:////none/study.db cannot be reached"),
    ],
)
def test_what_it_cannot_do_is_refused(settings, message):
    pytest.importorskip("optuna")
    with pytest.raises(UserError, match=message):
        OptunaHost().check(Settings(host="optuna", **settings))


def test_a_worker_waits_for_no_presearch(tmp_path):
    run = create(tmp_path / "run", 3, host="optuna").with_settings(strategy="proxy", strategy_options={})
    with pytest.raises(UserError, match=r"the presearch of .*run is not done; do it with: nasplus resume"):
        OptunaHost().work(run)


@pytest.mark.parametrize(
    ("storage", "shown"),
    [
        (None, "sqlite:///{folder}/run/study.db"),
        ("sqlite:///other.db", "sqlite:///{folder}/other.db"),
        ("journal:study.log", "{folder}/study.log"),
        ("postgresql+psycopg://me@host/studies", "postgresql+psycopg://me@host/studies"),
    ],
)
def test_the_command_that_shows_the_report_names_what_shows_a_study(tmp_path, monkeypatch, storage, shown):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    run = create(tmp_path / "run", 3, host="optuna", storage=storage)
    dashboard = f"optuna-dashboard {shown.format(folder=tmp_path)} --artifact-dir {tmp_path}/run/artifacts"
    with trials_of(run, port=0) as (places, lives):
        assert places == [f"trials: nasplus show {tmp_path}/run, or {dashboard}"]
        assert lives()
