"""What a differentiable search cannot work with: one line, which names the thing and the remedy."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import torch
from one_shot_searches import Labelled, small
from te_nas_searches import NB201

from nni_nasplus import UserError, registry
from nni_nasplus.errors import TrialFailed
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.strategy import NamedOneShot
from nni_nasplus.search.strategy import make_strategy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
DARTS = registry.load("one_shot", "darts")


def refused(message, kind=UserError):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("half", [[], None])
def test_data_without_a_validation_half(half):
    class Half(Labelled):
        def validation_half(self):
            return half

    with refused("there are no batches of validation examples that can be counted; give the search some"):
        made(DARTS, NB201, Half())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0; use 1 or more"),
        ({"rate": -1.0}, "rate is -1.0; use more than 0"),
        ({"rate": float("nan")}, "rate is nan; use more than 0"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; use 0 or more"),
        ({"warm_up": 15}, "warm_up is 15; use 0 to 1, a share of the epochs"),
        ({"epochs": "many"}, "epochs is 'many', which is of the wrong type; see the options of the search"),
        ({"sizes": {"depth": 3}}, "the supernet of NasBench201Space has no depth; leave it out, or give: "),
    ],
)
def test_options_out_of_range_are_named_before_data_are_read(options, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        make_strategy("darts", options).check_space(NB201)


def test_an_unknown_option_is_named_with_those_that_there_are():
    with pytest.raises(UserError, match=r"^this search has no setting 'speed'; its settings: epochs, .*, exact$"):
        make_strategy("darts", {"speed": 3}).check_space(NB201)


def test_a_space_without_a_supernet():
    with refused("SimpleNamespace has no supernet; search it with a strategy that needs none"):
        make_strategy("gdas", {}).check_space(SimpleNamespace())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_alpha_that_is_not_finite_names_step_and_edge(bad):
    search = small("darts")

    def broken(batch):
        slope = torch.zeros(6, 5)
        slope[4, 2] = bad
        return torch.zeros(()), [slope]

    search.alpha_gradients = broken
    with refused("α of edge 1-3 of the cell cell is not finite after step 1; use a smaller alpha_rate", TrialFailed):
        fit(search)


def test_a_loss_that_is_not_finite_names_the_step():
    search = small("snas")
    with torch.no_grad():
        search.supernet.net.classifier.bias.fill_(float("nan"))
    with refused("the training loss is nan in step 1; use a smaller rate", TrialFailed):
        fit(search)


def test_a_strategy_says_that_its_search_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(DARTS, "alpha_gradients", lambda self, batch: (torch.tensor(float("nan")), []))
    run = SimpleNamespace(
        space=NB201, evaluator=Labelled(), directory=tmp_path, settings=SimpleNamespace(seed=0, limits=None)
    )
    with refused("the search by darts failed: the validation loss is nan in step 1; use a smaller rate"):
        make_strategy("darts", {"epochs": 1}).presearch(run, None)


def test_the_checkpoint_of_another_method(tmp_path):
    fit(small("darts"), tmp_path)
    with refused("the checkpoint's search has method=DARTS; go on with that"):
        fit(small("beta-darts"), tmp_path)


def test_a_one_shot_method_is_a_strategy_by_its_name():
    found = make_strategy("gdas", {"epochs": 3, "searches": 2})
    assert found == NamedOneShot("gdas", {"epochs": 3}, searches=2)
    with refused("searches is 0; use 1 or more"):
        make_strategy("gdas", {"searches": 0})
    with pytest.raises(
        UserError, match=r"^unknown strategy 'no'; available: .*, thompson, or a one-shot method: .*, gdas, "
    ):
        make_strategy("no", {})


def test_several_searches_are_proposed_each(tmp_path):
    run = SimpleNamespace(
        space=NB201, evaluator=Labelled(), directory=tmp_path, settings=SimpleNamespace(seed=4, limits=None)
    )
    strategy = make_strategy("darts", {"epochs": 2, "searches": 3})
    found = strategy.presearch(run, None).architectures
    expected = [fit(small("darts", seed=seed, epochs=2)).architectures[0] for seed in (4, 5, 6)]
    distinct = [one for i, one in enumerate(expected) if one not in expected[:i]]
    assert found == distinct
    assert strategy.presearch(run, None).architectures == found
