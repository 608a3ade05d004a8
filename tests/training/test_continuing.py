"""Training in parts: with breaks it ends as without."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from nni_nasplus import Outcome, UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace
from nni_nasplus.spaces.recurrent import RecurrentCellSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.reporter import Continuing
from nni_nasplus.training.trial_folder import LAST, WEIGHTS, outcome_in, write_outcome

SCHEDULE = 4


def of_events(cache, **options):
    """A network with dropout."""
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json(), dropout=0.3)
    evaluator = EventClassification(str(cache), **{"epochs": SCHEDULE, "batch_size": 32, **options})
    return evaluator, space, space.parse_genotype("01|1|agc1|44,12|00")


def of_images(cache, **options):
    """A network that drops more paths as its schedule goes on, on images moved at random."""
    space = DartsSpace(4, 3, classes=3, size=8, drop_path=0.4)
    evaluator = ImageClassification(str(cache), **{"epochs": SCHEDULE, "batch_size": 64, "crop": 1, **options})
    return evaluator, space, space.parse_genotype("DARTS_V2")


def of_text(cache, **options):
    """A network with dropout and states that go on, whose weights are averaged."""
    space = RecurrentCellSpace(vocabulary=20, embedding=8, hidden=8, layers=2)
    sizes = {"epochs": SCHEDULE, "batch_size": 16, "bptt": 20, "averaging": "asgd"}
    return LanguageModelling(str(cache), **{**sizes, **options}), space, space.parse_genotype("gru")


@pytest.fixture(params=["events", "images", "text"])
def make(request):
    kind, cache = {"events": (of_events, "cache"), "images": (of_images, "stripes"), "text": (of_text, "text")}[
        request.param
    ]
    return partial(kind, request.getfixturevalue(cache))


class Notes:
    output = None

    def __init__(self):
        self.curve = []

    def intermediate(self, score, metrics):
        self.curve.append({"score": score, **metrics})

    def final(self, metrics):
        pass


def trained(made, folder, *parts):
    """The curve, the last metrics and the weights of a training with breaks after so many epochs."""
    evaluator, space, architecture = made
    notes = Notes()
    for epochs in parts:
        metrics = evaluator.evaluate(space, architecture, folder, notes, epochs=epochs)
        metrics.pop("seconds")
    return notes.curve, metrics, load_file(folder / WEIGHTS)


def assert_equal(found, expected):
    """Their weights to the last bit, and all that is there beside."""
    assert found[:-1] == expected[:-1]
    for name, weight in expected[-1].items():
        assert torch.equal(found[-1][name], weight), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What trains without a break for so many epochs, each once for all tests, and leaves nothing after the last."""
    done = {}

    def find(made, epochs):
        if (made[0], epochs) not in done:
            folder = tmp_path_factory.mktemp("whole")
            done[made[0], epochs] = trained(made, folder, epochs)
            assert epochs is not None or list(folder.glob("*.ckpt")) == []
        return done[made[0], epochs]

    return find


def test_two_epochs_and_then_three_are_three_at_once(make, whole, tmp_path):
    made = make()
    expected = whole(made, 3)
    assert len(expected[0]) == 3
    assert_equal(trained(made, tmp_path / "parts", 2, 3), expected)
    assert (tmp_path / "parts" / LAST).is_file()


def test_parts_that_reach_the_end_are_the_whole_training_and_leave_nothing_else(make, whole, tmp_path):
    made = make()
    assert_equal(trained(made, tmp_path / "parts", 1, 2, SCHEDULE), whole(made, None))
    assert list((tmp_path / "parts").glob("*.ckpt")) == []


def test_a_host_hears_the_whole_curve_of_every_part(cache, whole, tmp_path):
    evaluator, space, architecture = made = of_events(cache)
    for epochs in (2, 3):
        notes = Notes()
        told = Continuing(notes, tmp_path, evaluator.objective)
        evaluator.evaluate(space, architecture, tmp_path, told, epochs=epochs)
        heard = [{name: point[name] for name in ("epoch", "score", "loss")} for point in notes.curve]
        expected = [{name: point[name] for name in ("epoch", "score", "loss")} for point in whole(made, 3)[0]]
        assert heard == expected[:epochs]


class Killed(BaseException):
    """What no handler heeds, as it is with SIGKILL."""


class DyingIn(Notes):
    """Ends everything once the validation of an epoch is over, and nothing of it is kept yet."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def intermediate(self, score, metrics):
        if metrics["epoch"] == self.epoch:
            raise Killed
        super().intermediate(score, metrics)


def test_a_training_that_is_killed_in_a_part_repeats_but_the_epoch_that_it_was_in(make, whole, tmp_path):
    made = make()
    evaluator, space, architecture = made
    dying = DyingIn(3)
    with pytest.raises(Killed):
        evaluator.evaluate(space, architecture, tmp_path, dying, epochs=3)
    expected = whole(made, 3)
    assert dying.curve == expected[0][:2]
    assert_equal(trained(made, tmp_path, 3), (expected[0][2:], *expected[1:]))


@pytest.mark.parametrize("patience", [2, 40])
@pytest.mark.parametrize("at", ["save_weights", "write_outcome"])
def test_who_is_killed_after_the_last_epoch_repeats_but_that(cache, tmp_path, monkeypatch, at, patience):
    options = {"epochs": 40 if patience == 2 else SCHEDULE, "patience": patience, "learning_rate": 0.03}
    made = of_events(cache, **options, objective="loss")
    evaluator, space, architecture = made
    expected = trained(made, tmp_path / "whole", None)

    def dying(*arguments):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(f"nni_nasplus.training.evaluator.{at}", dying)
        evaluator.evaluate(space, architecture, tmp_path / "parts", epochs=evaluator.epochs)
    assert_equal(trained(made, tmp_path / "parts", evaluator.epochs), (expected[0][-1:], *expected[1:]))
    assert list((tmp_path / "parts").glob("*.ckpt")) == []


@pytest.mark.parametrize("kind", ["cache", "stripes"])
def test_a_part_follows_the_schedule_of_the_whole(request, whole, tmp_path, kind):
    make = partial({"cache": of_events, "stripes": of_images}[kind], request.getfixturevalue(kind))
    part = trained(make(), tmp_path / "part", 2)
    assert part[0] == whole(make(), None)[0][:2]
    assert trained(make(epochs=2), tmp_path / "short", None)[0] != part[0]


def test_early_stopping_goes_back_to_a_best_epoch_before_the_break(cache, tmp_path):
    made = of_events(cache, epochs=40, patience=2, learning_rate=0.03, objective="loss")
    expected = trained(made, tmp_path / "whole", None)
    losses = [epoch["loss"] for epoch in expected[0]]
    best, length = losses.index(min(losses)), len(losses)
    assert length == best + 3 < 40
    assert_equal(trained(made, tmp_path / "parts", best + 2, 40), expected)
    assert_equal(trained(made, tmp_path / "exactly", length), expected)
    for folder in ("parts", "exactly"):
        assert list((tmp_path / folder).glob("*.ckpt")) == []
    trained(made, tmp_path / "here", best + 2)
    (tmp_path / "here").rename(tmp_path / "there")
    assert_equal(trained(made, tmp_path / "there", 40), (expected[0][best + 2 :], *expected[1:]))


def test_an_annealed_part_is_the_whole_training_of_so_many_epochs_and_leaves_nothing_to_go_on_from(
    cache, whole, tmp_path
):
    made = of_events(cache, annealed=True)
    for epochs in (2, SCHEDULE):
        expected = whole(of_events(cache, epochs=epochs), None)
        assert_equal(trained(made, tmp_path, epochs), expected)
        assert list(tmp_path.glob("*.ckpt")) == []
        assert outcome_in(tmp_path).epochs == epochs


def test_an_annealed_part_that_is_killed_repeats_but_the_epoch_that_it_was_in_and_goes_on_from_no_other(
    cache, whole, tmp_path, monkeypatch
):
    made = of_events(cache, annealed=True)
    evaluator, space, architecture = made
    monkeypatch.setattr("nni_nasplus.training.evaluator._forget", lambda *of: None)
    trained(made, tmp_path, 2)
    dying = DyingIn(3)
    with pytest.raises(Killed):
        evaluator.evaluate(space, architecture, tmp_path, dying, epochs=SCHEDULE)
    expected = whole(of_events(cache), None)
    assert dying.curve == expected[0][:2]
    assert_equal(trained(made, tmp_path, SCHEDULE), (expected[0][2:], *expected[1:]))


def test_a_part_that_is_asked_for_once_more_trains_no_more(make, whole, tmp_path):
    made = make()
    two, three = whole(made, 2), whole(made, 3)
    assert_equal(trained(made, tmp_path / "parts", 2, 2), two)
    assert_equal(trained(made, tmp_path / "parts", 2, 1), ([], *two[1:]))
    assert_equal(trained(made, tmp_path / "parts", 2, 3), (three[0][2:], *three[1:]))


def test_without_a_number_of_epochs_training_begins_anew(cache, whole, tmp_path):
    made = of_events(cache)
    trained(made, tmp_path / "parts", 2)
    assert_equal(trained(made, tmp_path / "parts", None), whole(made, None))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "last.ckpt is damaged; training begins anew"),
        (lambda path: path.write_bytes(b"PK"), "last.ckpt is damaged; training begins anew"),
        (lambda path: relabelled(path, version=0), "last.ckpt has format 0, this release reads 2; training begins a"),
        (lambda path: relabelled(path, schedule=9), "last.ckpt is of 9 epochs, not 4; training begins anew"),
    ],
)
def test_a_checkpoint_that_is_half_written_or_of_another_version_is_named_and_training_begins_anew(
    cache, whole, tmp_path, caplog, damage, message
):
    made = of_events(cache)
    trained(made, tmp_path / "parts", 2)
    damage(tmp_path / "parts" / LAST)
    assert_equal(trained(made, tmp_path / "parts", 3), whole(made, 3))
    assert message in caplog.text


def relabelled(path, **said):
    """Let a checkpoint be of another format, or another schedule."""
    kept = torch.load(path, weights_only=True)
    (part,) = (state for name, state in kept["callbacks"].items() if name.startswith("Part"))
    part.update(said)
    torch.save(kept, path)


def test_an_outcome_says_how_many_epochs_it_stands_for(cache, tmp_path):
    made = of_events(cache)
    for epochs, stands_for in ((2, 2), (SCHEDULE, SCHEDULE), (None, None)):
        trained(made, tmp_path, epochs)
        assert outcome_in(tmp_path).epochs == stands_for
    early = of_events(cache, epochs=40, patience=1, learning_rate=1e-9)
    trained(early, tmp_path / "early", 9)
    assert outcome_in(tmp_path / "early").epochs == 40


def test_how_a_trial_ended_before_it_went_on_does_not_count(tmp_path):
    write_outcome(tmp_path, Outcome(score=0.5, epochs=3))
    assert outcome_in(tmp_path, 9) is None
    assert outcome_in(tmp_path, 3) == outcome_in(tmp_path) == Outcome(score=0.5, epochs=3)
    write_outcome(tmp_path, Outcome(reason="no memory"))
    assert outcome_in(tmp_path, 9).reason == "no memory"


@pytest.mark.parametrize("epochs", [0, SCHEDULE + 1])
def test_epochs_outside_the_schedule_are_named(cache, tmp_path, epochs):
    with pytest.raises(UserError, match=f"epochs is {epochs}; use 1 to 4, the epochs of the schedule"):
        trained(of_events(cache), tmp_path / "none", epochs)
    assert list(tmp_path.iterdir()) == []
