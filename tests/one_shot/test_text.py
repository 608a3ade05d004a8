"""Searches of recurrent cells: what is carried from batch to batch, and that all methods find cells."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from one_shot_searches import Host
from recurrent_searches import evaluator, search, spaces

from nni_nasplus import UserError, registry
from nni_nasplus.errors import HostLost, TrialFailed
from nni_nasplus.one_shot.carried import Carried
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.mixture import one_path, softmax
from nni_nasplus.search.strategy import make_strategy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ONE_SIZE = (
    "the networks of DartsRecurrentSpace are all of one size, and bignas trains small ones by large ones; use spos"
)
REFUSED = {
    "attentivenas": ONE_SIZE,
    "bignas": ONE_SIZE,
    "darts-minus": "DartsRecurrentSpace has no skip_connect, which DARTS- strengthens; use darts",
    "edmips": "DartsRecurrentSpace decides no bits, which EdMIPS searches; find a network, then use nasplus quantise",
    "densenas": "DenseNAS adds up costs of operations, and DartsRecurrentSpace has no modules for them; use darts",
    "fbnet": "FBNet adds up costs of operations, and DartsRecurrentSpace has no modules for them; use darts",
    "nat": "nat puts skips in the place of operations, and DartsRecurrentSpace has none; use spos",
    "pc-darts": "the supernet of DartsRecurrentSpace has no partial channels; use darts",
    "proxyless": "ProxylessNAS adds up costs of operations, and DartsRecurrentSpace has no modules for them; use darts",
    "quantnas": "DartsRecurrentSpace decides no bits, which QuantNAS searches; use darts",
    "tenas": "tenas scores classifiers, and DartsRecurrentSpace makes language models; use darts or spos",
}
NAMES = [name for name in registry.available("one_shot") if name not in {*REFUSED, "toy"}]
OFTEN = ("darts", "rsps")


def pairs(found, count):
    """Batches of both halves, as a trainer gives them."""
    iterators = {half: iter(loader) for half, loader in found.train_dataloader().iterables.items()}
    return [{half: next(batches) for half, batches in iterators.items()} for _ in range(count)]


def test_a_loss_begins_with_the_states_that_the_step_before_left_however_many_there_are_in_a_step():
    found = search("darts")
    found.supernet.eval()
    first, second = pairs(found, 2)
    mixture = softmax(found.supernet, found.alphas)
    other = one_path(found.supernet, found.supernet.derive())
    with torch.no_grad():
        found.loss.carried.begin(first)
        alone = [float(found.loss(first["train"], mixture)) for _ in range(2)]
        found.loss(first["valid"], mixture)
        found.loss.carried.begin(second)
        later = [float(found.loss(second["train"], one)) for one in (mixture, other, mixture)]
        network = found.supernet.network()
        network.mixture = mixture
        states = network.run(first["train"].tokens).states
        logits = network.run(second["train"].tokens, states).logits
    assert alone[0] == alone[1]
    assert later[0] == later[2] != later[1]
    task = evaluator().task(network)
    task.log = lambda *_, **__: None
    task.carried = states
    with torch.no_grad():
        assert float(task.training_step(second["train"], 0)) == pytest.approx(later[0], abs=1e-6)
    assert logits.shape[:2] == second["train"].targets.shape


def diverging(found, monkeypatch, *steps):
    """The search, whose losses raise in these steps."""
    task, compute = found.loss._task, found.loss._task.training_step

    def broken(batch, index):
        if found.step in steps:
            raise TrialFailed("training diverged")
        return compute(batch, index)

    monkeypatch.setattr(task, "training_step", broken)
    return found


@pytest.mark.parametrize("gradients_alone", [False, True])
def test_a_path_that_diverges_moves_nothing_and_the_search_goes_on(gradients_alone, monkeypatch):
    found, moved = search("enas", "enas-rnn"), []
    step, before = found._step_weights, [None]

    def watched(batch):
        before[0] = [weight.clone() for weight in found.supernet.parameters()]
        step(batch)
        moved.append(not all(map(torch.equal, before[0], found.supernet.parameters())))

    monkeypatch.setattr(found, "_step_weights", watched)
    if gradients_alone:
        norms = iter([torch.tensor(float("inf"))])
        clip = torch.nn.utils.clip_grad_norm_
        monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *given: next(norms, None) or clip(*given))
    else:
        diverging(found, monkeypatch, 0)
    assert fit(found).architectures
    assert moved == [False] + [True] * (len(moved) - 1)


def test_a_search_all_of_whose_paths_diverge_fails_with_the_reason(monkeypatch):
    with pytest.raises(TrialFailed, match="training diverged"):
        fit(diverging(search("rsps", "enas-rnn", epochs=9), monkeypatch, *range(99)))


def test_what_diverges_inherits_an_infinite_loss_and_a_controller_learns_of_the_others(monkeypatch):
    found = search("enas", "enas-rnn")
    batch = pairs(found, 1)[0]["valid"]
    losses = iter([3.0, float("inf"), 5.0])
    monkeypatch.setattr(found.inherited, "of_batch", lambda *_: next(losses))
    learned = []
    monkeypatch.setattr(found, "controller_loss", lambda chosen, rewards: learned.append(rewards.tolist()) or 1 / 0)
    with suppress(ZeroDivisionError):
        found._optimizer = lambda _: torch.optim.SGD(found.supernet.parameters())
        found._step_controller(batch)
    assert learned == [[-3.0, -5.0, -5.0]]
    monkeypatch.undo()
    diverging(found, monkeypatch, 0)
    assert found.inherited(found.supernet.derive(), 1) == float("inf")


def test_batches_that_are_no_steps_and_tasks_that_carry_nothing_are_left_alone():
    class Task:
        carried = "before"

    carried, task, batch = Carried(), Task(), object()
    carried.begin({"train": batch})
    with carried.on(object(), task):
        task.carried = "own"
    assert carried.state() == {}
    with carried.on(batch, object()):
        pass
    with carried.on(batch, task):
        assert task.carried is None
        task.carried = "after"
    assert carried.state() == {"train": "after"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("darts", {}),
        ("darts", {"order": 2}),
        ("fairnas", {}),
        ("p-darts", {"epochs": 3}),
    ],
)
@pytest.mark.system
def test_a_search_that_is_killed_after_any_step_goes_on_with_its_states(name, options, tmp_path):
    whole = search(name, **options)
    answer = fit(whole).architectures
    for killed in (2, whole.steps_per_epoch + 1, None):
        again = search(name, reporter=Host(), **options)
        again.checkpoint_steps = 1
        original = again.training_step

        def training_step(*arguments, again=again, killed=killed, original=original):
            if again.step == killed:
                raise HostLost
            original(*arguments)

        again.training_step = training_step
        with suppress(HostLost):
            assert fit(again, tmp_path).architectures == answer
    weights = zip(whole.supernet.parameters(), again.supernet.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    assert again.rounds == whole.rounds


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.system] * (name not in OFTEN)) for name in NAMES]
)
@pytest.mark.parametrize("space", ["darts-rnn", pytest.param("enas-rnn", marks=pytest.mark.system)])
def test_every_method_finds_cells(name, space):
    host = Host()
    found = search(name, space, reporter=host)
    best = fit(found).architectures[0]
    assert spaces()[space].search_space.validate(best) == best
    assert host.told[-1]["inherited_loss"] > 0


@pytest.mark.parametrize("name", REFUSED)
def test_methods_that_need_other_supernets_say_so_before_data_are_read(name):
    with pytest.raises(UserError) as refused:
        make_strategy(name, {}).check_space(spaces()["darts-rnn"])
    assert str(refused.value) == REFUSED[name]


def test_second_derivatives_reach_alpha_through_the_states():
    found = search("darts", order=2, exact=True)
    found.supernet.eval()
    (pair,) = pairs(found, 1)
    with torch.no_grad():
        for parameter in found.supernet.parameters():
            parameter.mul_(8)
    slopes = {}
    for exact in (True, False):
        found.options = type(found.options)(**{**vars(found.options), "exact": exact})
        found._optimizer = lambda number: type("O", (), {"param_groups": [{"lr": 0.1}], "state": {}})
        slopes[exact] = found.alpha_gradients(pair)[1][0]
    torch.testing.assert_close(slopes[True], slopes[False], rtol=0.05, atol=1e-4)
    assert slopes[True].abs().max() > 1e-3
