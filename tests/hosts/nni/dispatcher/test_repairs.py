"""The dispatcher of any tuner: what NNI's own does wrong is mended, and still wrong in NNI."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from nni.recoverable import Recoverable
from nni.runtime import msg_dispatcher_base
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType
from processes import run_python

from nni_nasplus.hosts.nni.dispatcher.repairs import repair_dispatcher

SPACE = {"lr": {"_type": "uniform", "_value": [0.0, 1.0]}, "width": {"_type": "choice", "_value": [16, 32]}}
CHANNEL = "ws://_unittest_"
"""To which NNI's dispatcher does not connect."""


def test_nni_still_compares_ids_that_are_texts():
    done = run_python(["-c", "from nni.recoverable import Recoverable as R; R().is_created_in_previous_exp('0-1_0_0')"])
    assert "TypeError" in done.stderr


def test_nnis_gaussian_process_still_gives_scipy_a_row():
    code = "import numpy, scipy.optimize as o; o.minimize(lambda x: 0.0, numpy.zeros((1, 2)))"
    assert "'x0' must only have one dimension" in run_python(["-c", code]).stderr


@pytest.mark.parametrize(("known", "id_", "recovered"), [(3, 3, True), (3, 4, False), (3, "0-1_0_0", False)])
def test_ids_of_parameters_may_be_texts(known, id_, recovered):
    repair_dispatcher()
    dispatcher = Recoverable()
    dispatcher.recovered_max_param_id = known
    assert dispatcher.is_created_in_previous_exp(id_) == recovered
    assert not dispatcher.is_created_in_previous_exp(None)


def test_hyperband_goes_on_to_larger_budgets(monkeypatch):
    from nni.algorithms.hpo.hyperband_advisor import Hyperband

    repair_dispatcher()
    monkeypatch.setattr(msg_dispatcher_base, "dispatcher_env_vars", SimpleNamespace(NNI_TUNER_COMMAND_CHANNEL=CHANNEL))
    advisor, sent = Hyperband(R=4, eta=2), []
    monkeypatch.setattr(MsgDispatcherBase, "send", lambda self, command, data: sent.append((command, data)))
    advisor.handle_initialize(SPACE)
    advisor.handle_request_trial_jobs(4)
    for number in range(4):
        record = json.loads([data for command, data in sent if command is CommandType.NewTrialJob][number])
        told = {"parameter_id": record["parameter_id"], "trial_job_id": str(number), "sequence": 0}
        advisor.handle_report_metric_data(told | {"type": "FINAL", "value": str(float(number))})
        advisor.handle_trial_end(
            {"trial_job_id": str(number), "event": "SUCCEEDED", "hyper_params": json.dumps(record)}
        )
    advisor.handle_request_trial_jobs(1)
    last = json.loads(sent[-1][1])
    assert last["parameters"]["TRIAL_BUDGET"] == 2


def test_an_advisor_hears_of_ends_in_order():
    repair_dispatcher()
    dispatcher = MsgDispatcherBase(CHANNEL)
    for command in (CommandType.TrialEnd, CommandType.RequestTrialJobs):
        dispatcher.enqueue_command(command, {})
    assert next(command for command, _ in dispatcher.default_command_queue.queue) is CommandType.TrialEnd


def test_a_dispatcher_whose_tuner_fails_ends_at_once():
    code = f"""
import threading
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni_nasplus.hosts.nni.dispatcher.repairs import repair_dispatcher
repair_dispatcher()
dispatcher = MsgDispatcherBase("{CHANNEL}")
dispatcher.process_command = lambda command, data: 1 / 0
dispatcher.enqueue_command("RequestTrialJobs", 1)
dispatcher.default_worker.start()
threading.Event().wait()
"""
    assert run_python(["-c", code], timeout=60).returncode == 1
