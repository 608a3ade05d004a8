"""NNI as a host of runs: what it refuses, and what a trial tells it."""

from __future__ import annotations

import contextlib
import socket

import nni
import pytest
import requests

from nni_nasplus import Outcome, UserError
from nni_nasplus.errors import HostLost, TrialFailed
from nni_nasplus.hosts.nni import NniHost, post_mortem
from nni_nasplus.hosts.nni.post_mortem import last_error_line
from nni_nasplus.hosts.nni.reporter import NniReporter
from nni_nasplus.hosts.nni.trial import _failure_kept
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.training.trial_folder import outcome_in, write_outcome


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


class TestHost:
    def test_a_storage_is_refused(self):
        with pytest.raises(UserError, match="--storage has no effect; add --host optuna"):
            NniHost().check(Settings(storage="sqlite:///study.db"))

    def test_a_port_in_use_is_refused_before_anything_is_written(self, tmp_path, busy_port):
        with pytest.raises(UserError, match=f"port {busy_port} is in use; name another with --port"):
            NniHost().check(Settings(port=busy_port))
        run = Run.create(tmp_path, Settings(port=busy_port))
        with pytest.raises(UserError, match=f"port {busy_port} is in use"):
            NniHost().search(run)
        assert [path.name for path in tmp_path.iterdir()] == ["run.json"]

    def test_where_nothing_runs_nothing_is_ended(self, tmp_path):
        run = Run.create(tmp_path, Settings())
        NniHost().require_idle(run)
        assert NniHost().stop(run) == []


class TestReporter:
    def test_the_score_is_nnis_default_metric(self, monkeypatch):
        sent = []
        for kind in ("intermediate", "final"):
            monkeypatch.setattr(nni, f"report_{kind}_result", sent.append)
        NniReporter().intermediate(0.5, {"loss": 1.5})
        NniReporter().final(Outcome(score=0.7, metrics={"loss": 1.2}, teachers=(1, 2)))
        NniReporter().final(Outcome(failure="diverged"))
        assert sent == [{"default": 0.5, "loss": 1.5}, {"default": 0.7, "loss": 1.2}]

    def test_a_manager_that_does_not_answer_is_no_failure_of_the_trial(self, monkeypatch, tmp_path):
        def refuse(metrics):
            raise requests.ConnectionError

        monkeypatch.setattr(nni, "report_final_result", refuse)
        with pytest.raises(HostLost), _failure_kept(tmp_path, tmp_path):
            NniReporter().final(Outcome(score=0.7))
        assert outcome_in(tmp_path) is None


class TestTrial:
    def test_how_it_failed_is_left_in_its_folder(self, tmp_path):
        with pytest.raises(TrialFailed), _failure_kept(tmp_path, tmp_path):
            raise TrialFailed("loss is nan\nand more")
        assert outcome_in(tmp_path) == Outcome(failure="diverged", reason="TrialFailed: loss is nan")

    def test_what_goes_wrong_after_the_result_is_no_failure(self, tmp_path):
        with contextlib.suppress(ZeroDivisionError), _failure_kept(tmp_path, tmp_path):
            write_outcome(tmp_path, Outcome(score=1.0))
            raise ZeroDivisionError
        assert outcome_in(tmp_path) == Outcome(score=1.0)


@pytest.mark.parametrize(
    ("status", "failure", "reason"),
    [
        ("EARLY_STOPPED", "cancelled", "stopped early by the assessor, or over NNI's maxTrialDuration"),
        ("USER_CANCELED", "cancelled", "cancelled by the user, or ended by a signal"),
        ("SYS_CANCELED", "interrupted", "ended from outside"),
        ("FAILED", "error", "ValueError: no such layer"),
    ],
)
def test_the_manager_tells_how_a_trial_ended_that_said_nothing(monkeypatch, status, failure, reason):
    job = {"trialJobId": "x", "status": status, "hyperParameters": ['{"parameter_id": 3}']}

    class Answer:
        ok, text = True, "Traceback\nValueError: no such layer\n"

        def json(self):
            return [{**job, "hyperParameters": ['{"parameter_id": 2}']}, job]

    monkeypatch.setattr(post_mortem.requests, "get", lambda url, timeout: Answer())
    assert post_mortem.post_mortem(3, "http://api") == Outcome(failure=failure, reason=reason)
    assert "see its log" in post_mortem.post_mortem(4, "http://api").reason


def test_the_last_line_that_names_an_error_is_found():
    assert last_error_line("x\nnasplus: the trial was killed\n  at exit\n") == "the trial was killed"
    assert last_error_line("torch.OutOfMemoryError: 2 GiB\nbye\n") == "torch.OutOfMemoryError: 2 GiB"
    assert last_error_line("all is well") is None
