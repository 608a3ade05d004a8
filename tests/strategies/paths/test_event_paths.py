"""Searches by paths of every decision of event sequences, and what trials and other strategies take from them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from event_path_space import Users, event_space
from te_nas_searches import NB201

from nni_nasplus import Search, UserError, registry
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.strategy import NamedOneShot
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.trial_folder import inherited_weights

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SPACE = event_space()
QUICK = {"epochs": 1, "rounds": 2, "population": 4, "batches": 1}
SETTINGS = {
    "spos": QUICK,
    "fairnas": QUICK,
    "bignas": {**QUICK, "paths": 1},
    "attentivenas": {**QUICK, "paths": 1, "pool": 4, "bins": 2},
    "rsps": {"epochs": 1, "samples": 4, "batches": 1, "finalists": 1},
    "nsas": {"epochs": 1, "samples": 4, "batches": 1, "finalists": 1, "archive": 2},
    "enas": {"epochs": 1, "steps": 1, "paths": 2, "samples": 3, "batches": 1},
}


def run_in(directory):
    settings = SimpleNamespace(seed=0, limits=None, expected_trials=2)
    return SimpleNamespace(space=SPACE, evaluator=Users(), directory=directory, settings=settings)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n != "spos")) for n in SETTINGS])
def test_every_search_by_paths_searches_every_decision(name):
    search = made(registry.load("one_shot", name), SPACE, Users(), **SETTINGS[name])
    found = fit(search).architectures
    assert len(found) >= 3
    assert all(SPACE.search_space.validate(one) == one for one in found)
    assert len({one["encoder_layers"] for one in found} | {one["pooling"] for one in found}) > 2


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of a run, and what is ranked in it."""
    folder = tmp_path_factory.mktemp("run")
    return folder, make_strategy("spos", {**QUICK, "inherit": True}).presearch(run_in(folder), None)


def test_trials_of_what_is_found_begin_with_the_weights_that_they_share(searched, tmp_path, monkeypatch):
    folder, ranking = searched
    best = ranking.architectures[0]
    key = SPACE.search_space.key(best)
    begun = {}
    monkeypatch.setattr(Evaluator, "__abstractmethods__", frozenset())
    monkeypatch.setattr(Evaluator, "tuned", lambda self, _: self)
    monkeypatch.setattr(Evaluator, "directions", {"loss": "minimize"})
    seen = {"loss": 0.0}, True
    monkeypatch.setattr(Evaluator, "_fit", lambda self, network, *_: begun.update(network.state_dict()) or seen)
    evaluator = Evaluator(objective="loss", epochs=1)
    evaluator.evaluate(SPACE, best, tmp_path / "anew")
    anew = dict(begun)
    evaluator.evaluate(SPACE, best, tmp_path / "trial", run=folder)
    shared = SPACE.trained(best, inherited_weights(folder, key)).state_dict()
    assert all(torch.equal(begun[name], weight) for name, weight in shared.items())
    assert any(not torch.equal(anew[name], weight) for name, weight in shared.items())
    assert len(list(inherited_weights(folder, key).parent.iterdir())) == 2


def test_a_supernet_of_operations_has_no_weights_to_inherit():
    message = "^inherit needs a supernet whose paths are networks of the space, which spos on NasBench201Space has not"
    with pytest.raises(UserError, match=message):
        make_strategy("spos", {"inherit": True}).check_space(NB201)


def test_thompson_begins_with_what_a_search_ranks_first_and_learns_from_its_ranking(searched, monkeypatch):
    _, ranking = searched
    strategy = make_strategy("thompson", {"prior": "spos", "prior_options": QUICK})
    asked = []
    monkeypatch.setattr(NamedOneShot, "presearch", lambda self, *_: asked.append(self) or ranking)
    assert strategy.presearches
    assert strategy.presearch(None, None) is ranking
    assert asked == [make_strategy("spos", QUICK)]
    search = Search(SPACE.search_space, strategy, ranking=ranking)
    trials = [search.ask() for _ in range(4)]
    assert [trial.architecture for trial in trials[:2]] == ranking.architectures[:2]
    for trial in trials:
        search.tell(trial, float(len(str(trial.architecture))))
    assert search.ask().origin == "ei"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": "nobody"}, "^prior is 'nobody'; choose one of asap, "),
        ({"prior_options": {"rounds": 3}}, "^prior_options has no effect without a prior that searches"),
        ({"prior": "spos", "proxy": "naswot"}, "^both 'proxy' and 'prior' are given; leave one out$"),
    ],
)
def test_a_prior_that_cannot_be_is_named(options, message):
    with pytest.raises(UserError, match=message):
        make_strategy("thompson", options)


def test_options_of_a_prior_are_checked_before_data_are_read():
    with pytest.raises(UserError, match=r"^rounds is 0; use 1 or more$"):
        make_strategy("thompson", {"prior": "spos", "prior_options": {"rounds": 0}}).check_space(SPACE)


def test_paths_are_searched_where_the_encoder_that_other_searches_need_is_held_absent():
    space = EventSequenceSpace(cardinalities=[3], fixed={"encoder_layers": 0})
    make_strategy("spos", {}).check_space(space)
    with pytest.raises(UserError, match=r"^encoder_layers is 0"):
        make_strategy("darts", {}).check_space(space)
