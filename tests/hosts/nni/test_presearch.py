"""The tuner hands out a strategy's presearch as the first trial and proposes nothing before it has ended."""

from __future__ import annotations

import nni
import pytest
from presearching_strategy import FOUND

from nni_nasplus import Outcome, SearchSpace, UserError
from nni_nasplus._files import write_json
from nni_nasplus.hosts.nni import NasTuner, presearch
from nni_nasplus.hosts.nni.presearch import FirstTrial, is_presearch, presearch_directory
from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.training.trial_folder import outcome_in, write_outcome

SPACE = SearchSpace({"tens": list(range(10)), "ones": list(range(10))})
FAILURE = Outcome(failure="error", reason="ValueError: no")
CANCELLED = Outcome(failure="cancelled", reason="cancelled by the user")
INTERRUPTED = Outcome(failure="interrupted", reason="ended from outside")


class TestTuner:
    """Without an experiment: ``sent`` is what NNI was sent later than asked for."""

    @pytest.fixture
    def sent(self):
        return []

    @pytest.fixture
    def tuner(self, tmp_path, monkeypatch, sent):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.allow_concurrency", lambda *_: None)
        options = {"population_size": 5, "sample_size": 2}
        Run.create(tmp_path / "run", Settings(strategy="evolution", strategy_options=options, concurrency=3))
        made = NasTuner(directory=str(tmp_path / "run"), presearch=True)
        made.update_search_space(SPACE.to_json())
        return made

    @pytest.fixture
    def ask(self, tuner, sent):
        return lambda *ids: tuner.generate_multiple_parameters(list(ids), st_callback=lambda *one: sent.append(one))

    def journal(self, tuner):
        return tuner.directory / JOURNAL

    def find(self, tuner):
        """What the trial leaves."""
        write_json(tuner.directory / PRESEARCH, Ranking.of([FOUND], [1.0]).to_json(SPACE))

    def test_the_first_trial_is_the_presearch_and_nothing_is_proposed_before_it_is_done(self, tuner, ask):
        (parameters,) = ask(0)
        assert parameters == {"presearch": "evolution", "seed": 0, "mutation_summary": {}}
        assert is_presearch(parameters)
        assert not self.journal(tuner).exists()
        self.find(tuner)
        tuner.trial_end(0, True)
        proposed = ask(1, 2)
        assert all(SPACE.validate(one) == one and not is_presearch(one) for one in proposed)
        assert Journal.read(self.journal(tuner)).header["strategy_options"] == {"population_size": 5, "sample_size": 2}
        assert tuner.search.history.ranking.architectures == [FOUND]
        assert len(tuner.search.history.trials) == len(proposed) == 2

    def test_nni_may_ask_for_the_next_before_it_tells_that_the_presearch_has_ended(self, tuner, ask, sent):
        ask(0)
        self.find(tuner)
        (proposed,) = ask(1)
        tuner.trial_end(0, True)
        tuner.receive_trial_result(1, proposed, 3.0)
        assert [trial.score for trial in tuner.search.history.trials] == [3.0]
        assert sent == []

    def test_what_is_asked_for_meanwhile_is_sent_after_it(self, tuner, ask, sent):
        """As after a change of the concurrency in the web UI."""
        assert len(ask(0, 1)) == 1
        assert ask(2) == []
        assert sent == []
        self.find(tuner)
        tuner.trial_end(0, True)
        assert [number for number, _ in sent] == [1, 2]
        tuner.receive_trial_result(2, None, 5.0)
        assert [trial.score for trial in tuner.search.history.trials] == [None, 5.0]
        assert [trial.architecture for trial in tuner.search.history.trials] == [one for _, one in sent]

    @pytest.mark.parametrize("asked_first", [True, False])
    def test_a_presearch_that_was_ended_from_outside_is_tried_again(self, tuner, ask, sent, monkeypatch, asked_first):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.post_mortem", lambda *_: INTERRUPTED)
        ask(0)
        if asked_first:
            assert ask(1) == []
        tuner.trial_end(0, False)
        again = [one for _, one in sent] if asked_first else ask(1)
        assert [is_presearch(one) for one in again] == [True]
        assert outcome_in(presearch_directory(tuner.directory)) is None

    @pytest.mark.parametrize("asked_first", [True, False])
    @pytest.mark.parametrize("left", [FAILURE, None])
    def test_nothing_follows_a_presearch_that_failed(self, tuner, ask, sent, monkeypatch, asked_first, left):
        monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.post_mortem", lambda *_: CANCELLED)
        ask(0)
        if left:
            write_outcome(presearch_directory(tuner.directory), left)
        if asked_first:
            assert ask(1) == []
        tuner.trial_end(0, False)
        assert ask(2) == []
        assert sent == []
        assert outcome_in(presearch_directory(tuner.directory)) == (left or CANCELLED)

    def test_a_new_tuner_tries_what_failed_again_and_forgets_the_reason(self, tuner):
        write_outcome(presearch_directory(tuner.directory), FAILURE)
        again = FirstTrial(Run.open(tuner.directory))
        assert again.hand_out([0], lambda *_: None) == [again.parameters]
        assert outcome_in(presearch_directory(tuner.directory)) is None

    def test_a_presearch_that_is_done_is_not_done_again(self, tuner, ask):
        self.find(tuner)
        tuner.import_data([{"parameter": FOUND, "value": 8.0}])
        (proposed,) = ask(0)
        assert not is_presearch(proposed)
        assert [trial.score for trial in tuner.search.history.trials] == [8.0, None]

    def test_an_exhausted_space_is_nnis_own_signal_still(self, tuner):
        with pytest.raises(RuntimeError):
            tuner.generate_parameters(0)
        self.find(tuner)
        assert len(tuner.generate_multiple_parameters(list(range(101)), st_callback=None)) == 100
        with pytest.raises(nni.NoMoreTrialError):
            tuner.generate_parameters(101)


def test_a_presearch_needs_a_run_directory(tmp_path):
    with pytest.raises(UserError, match="holds no search"):
        NasTuner(directory=str(tmp_path), presearch=True)


@pytest.mark.parametrize(("now", "asked", "after"), [(1, 2, 2), (2, 2, None), (5, 2, None)])
def test_the_concurrency_is_raised_and_never_lowered(monkeypatch, now, asked, after):
    sent = []

    class Answer:
        def json(self):
            return {"id": "x", "params": {"trialConcurrency": now, "maxTrialNumber": 9}}

        def raise_for_status(self):
            pass

    monkeypatch.setattr(presearch.requests, "get", lambda url, timeout: Answer())
    monkeypatch.setattr(presearch.requests, "put", lambda url, json, timeout: sent.append((url, json)) or Answer())
    presearch.allow_concurrency(asked, "http://api")
    assert [json["params"]["trialConcurrency"] for _, json in sent] == ([] if after is None else [after])
    assert all(url == "http://api/experiment?update_type=TRIAL_CONCURRENCY" for url, _ in sent)
