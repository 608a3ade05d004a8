"""The tuner hands out a strategy's preparation as the first trial and proposes nothing before it has ended."""

from __future__ import annotations

import nni
import pytest
from presearching_strategy import FOUND

from nni_nasplus import SearchSpace
from nni_nasplus.hosts.nni import NasTuner, preparation
from nni_nasplus.hosts.nni.preparation import Preparation, is_preparation, keep_options, preparation_directory
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.search import INTERRUPTED
from nni_nasplus.training.trial_folder import failure_reason, write_reason

SPACE = SearchSpace({"tens": list(range(10)), "ones": list(range(10))})


class TestTuner:
    """Without an experiment: ``sent`` is what NNI was sent later than asked for."""

    @pytest.fixture
    def sent(self):
        return []

    @pytest.fixture
    def tuner(self, tmp_path, monkeypatch, sent):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.allow_concurrency", lambda *_: None)
        Run.create(tmp_path / "run", {"options": {"population_size": 4}, "concurrency": 3})
        made = NasTuner(directory=str(tmp_path / "run"), strategy="evolution", prepare=True, population_size=7)
        made.update_search_space(SPACE.to_json())
        return made

    @pytest.fixture
    def ask(self, tuner, sent):
        return lambda *ids: tuner.generate_multiple_parameters(list(ids), st_callback=lambda *one: sent.append(one))

    def journal(self, tuner):
        return tuner.directory / JOURNAL

    def test_the_first_trial_prepares_and_nothing_is_proposed_before_it_has(self, tuner, ask):
        (parameters,) = ask(0)
        assert parameters == {"prepare": "evolution", "seed": 0, "mutation_summary": {}}
        assert is_preparation(parameters)
        assert not self.journal(tuner).exists()
        keep_options(tuner.directory, {"population_size": 5, "sample_size": 2})
        tuner.trial_end(0, True)
        proposed = ask(1, 2)
        assert all(SPACE.validate(one) == one and not is_preparation(one) for one in proposed)
        assert Journal.read(self.journal(tuner)).header["options"] == {"population_size": 5, "sample_size": 2}
        assert len(tuner.search.archive.trials) == len(proposed) == 2

    def test_nni_may_ask_for_the_next_before_it_tells_that_the_preparation_has_ended(self, tuner, ask, sent):
        ask(0)
        keep_options(tuner.directory, {})
        (proposed,) = ask(1)
        tuner.trial_end(0, True)
        tuner.receive_trial_result(1, proposed, 3.0)
        assert [trial.score for trial in tuner.search.archive.trials] == [3.0]
        assert sent == []

    def test_what_is_asked_for_meanwhile_is_sent_after_it(self, tuner, ask, sent):
        """As after a change of the concurrency in the web UI."""
        assert len(ask(0, 1)) == 1
        assert ask(2) == []
        assert sent == []
        keep_options(tuner.directory, {})
        tuner.trial_end(0, True)
        assert [number for number, _ in sent] == [1, 2]
        tuner.receive_trial_result(2, None, 5.0)
        assert [trial.score for trial in tuner.search.archive.trials] == [None, 5.0]
        assert [trial.architecture for trial in tuner.search.archive.trials] == [one for _, one in sent]

    @pytest.mark.parametrize("asked_first", [True, False])
    def test_a_preparation_that_was_ended_from_outside_is_tried_again(self, tuner, ask, sent, monkeypatch, asked_first):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.reason_of", lambda *_: INTERRUPTED)
        ask(0)
        if asked_first:
            assert ask(1) == []
        tuner.trial_end(0, False)
        again = [one for _, one in sent] if asked_first else ask(1)
        assert [is_preparation(one) for one in again] == [True]
        assert failure_reason(preparation_directory(tuner.directory)) is None

    @pytest.mark.parametrize("asked_first", [True, False])
    @pytest.mark.parametrize("left", ["ValueError: no", None])
    def test_nothing_follows_a_preparation_that_failed(self, tuner, ask, sent, monkeypatch, asked_first, left):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.reason_of", lambda *_: "cancelled by the user")
        ask(0)
        if left:
            write_reason(preparation_directory(tuner.directory), left)
        if asked_first:
            assert ask(1) == []
        tuner.trial_end(0, False)
        assert ask(2) == []
        assert sent == []
        assert failure_reason(preparation_directory(tuner.directory)) == (left or "cancelled by the user")

    def test_a_new_tuner_tries_what_failed_again_and_forgets_the_reason(self, tuner):
        write_reason(preparation_directory(tuner.directory), "ValueError: no")
        again = Preparation(tuner.directory, "evolution", 0)
        assert again.hand_out([0], lambda *_: None) == [again.parameters]
        assert failure_reason(preparation_directory(tuner.directory)) is None

    def test_what_is_prepared_already_is_not_prepared_again(self, tuner, ask):
        keep_options(tuner.directory, {"population_size": 6})
        tuner.import_data([{"parameter": FOUND, "value": 8.0}])
        (proposed,) = ask(0)
        assert not is_preparation(proposed)
        assert [trial.score for trial in tuner.search.archive.trials] == [8.0, None]

    def test_of_the_other_settings_nothing_is_lost(self, tuner):
        run = Run.open(tuner.directory)
        keep_options(run.directory, {"found": FOUND})
        after = Run.open(run.directory).settings
        assert after.pop("prepared") is True
        assert after == {**run.settings, "options": {"found": FOUND}}

    def test_an_exhausted_space_is_nnis_own_signal_still(self, tuner):
        with pytest.raises(RuntimeError):
            tuner.generate_parameters(0)
        keep_options(tuner.directory, {})
        assert len(tuner.generate_multiple_parameters(list(range(101)), st_callback=None)) == 100
        with pytest.raises(nni.NoMoreTrialError):
            tuner.generate_parameters(101)


@pytest.mark.parametrize(("now", "asked", "after"), [(1, 2, 2), (2, 2, None), (5, 2, None)])
def test_the_concurrency_is_raised_and_never_lowered(monkeypatch, now, asked, after):
    sent = []

    class Answer:
        def json(self):
            return {"id": "x", "params": {"trialConcurrency": now, "maxTrialNumber": 9}}

        def raise_for_status(self):
            pass

    monkeypatch.setattr(preparation.requests, "get", lambda url, timeout: Answer())
    monkeypatch.setattr(preparation.requests, "put", lambda url, json, timeout: sent.append((url, json)) or Answer())
    preparation.allow_concurrency(asked, "http://api")
    assert [json["params"]["trialConcurrency"] for _, json in sent] == ([] if after is None else [after])
    assert all(url == "http://api/experiment?update_type=TRIAL_CONCURRENCY" for url, _ in sent)
