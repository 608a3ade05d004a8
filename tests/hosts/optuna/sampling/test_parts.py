"""The parts of trainings in a study, as a history that is brought up to date."""

from __future__ import annotations

import copy

import pytest
from budgeted_searches import crossing
from landscapes import GRID

optuna = pytest.importorskip("optuna")

from nni_nasplus.hosts.optuna import NasSampler, suggest  # noqa: E402
from nni_nasplus.hosts.optuna.sampling import parts  # noqa: E402
from nni_nasplus.hosts.optuna.sampling.concurrency import claim  # noqa: E402
from nni_nasplus.hosts.optuna.sampling.suggestion import EPOCHS, epochs_of  # noqa: E402
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule  # noqa: E402
from nni_nasplus.search.search import Search  # noqa: E402
from nni_nasplus.search.strategy import make_strategy  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
BUDGET = Budget(make_budget_rule("pdh", {"children": 3}), 9, 100)


def uneven(architecture):
    """A limit that about half of the architectures exceed."""
    return "uneven" if architecture["d0"] % 2 else None


def studied(asks=18, excess=None):
    """A sampler and its study after so many parts, the trials of two workers."""
    sampler = NasSampler(make_strategy("random", {}), GRID, budget=BUDGET, excess=excess)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    running = []
    for _ in range(asks):
        trial = study.ask()
        running.append((trial, crossing(suggest(trial, GRID), epochs_of(trial))))
        if len(running) == 2:
            study.tell(*running.pop(0))
    return sampler, study


def begun():
    return Search(GRID, make_strategy("random", {}), budget=BUDGET)


def test_a_study_followed_step_by_step_has_the_history_that_one_look_gives():
    _, study = studied()
    stepwise, once = parts.FollowingParts(begun), parts.FollowingParts(begun)
    for count in range(1, 19):
        stepwise.follow(study.trials[:count])
    once.follow(study.trials)
    assert stepwise.history.trials == once.history.trials
    assert stepwise.history.arrivals == once.history.arrivals


def test_where_something_had_happened_before_what_was_known_the_history_is_built_anew():
    _, study = studied()
    late, once = parts.FollowingParts(begun), parts.FollowingParts(begun)
    known = study.trials
    unseen = [trial for trial in known if trial.number != 3]
    late.follow(unseen)
    before = late.history
    late.follow(known)
    once.follow(known)
    assert late.history is not before
    assert late.history.trials == once.history.trials


def test_what_has_ended_is_read_once_and_the_history_stays(monkeypatch):
    looked, read = [], parts.architecture_of
    monkeypatch.setattr(parts, "architecture_of", lambda trial, space: looked.append(trial) or read(trial, space))
    sampler, study = studied(asks=2)
    history = sampler.history
    suggest(study.ask(), GRID)
    looked.clear()
    suggest(study.ask(), GRID)
    assert sampler.history is history
    assert sum(trial.state.is_finished() for trial in study.trials) > 0
    assert not any(trial.state.is_finished() for trial in looked)


def test_a_proposal_beyond_a_limit_is_rejected_and_not_in_training():
    _, study = studied(asks=6, excess=uneven)
    followed = parts.FollowingParts(begun)
    followed.follow(study.trials)
    rejected = [trial for trial in followed.history.trials if trial.status == "rejected"]
    assert rejected
    assert all(trial.architecture["d0"] % 2 for trial in rejected)
    assert len(followed.history.pending) == 1


def test_a_trial_that_was_read_while_it_was_written_is_open():
    _, study = studied(asks=6)
    (running,) = (trial for trial in study.trials if not trial.state.is_finished())
    epochs, half = running.system_attrs[EPOCHS], copy.deepcopy(study.trials)
    half[running.number].system_attrs = {}
    late, once = parts.FollowingParts(begun), parts.FollowingParts(begun)
    late.follow(half)
    assert late.history.pending == []
    for followed in (late, once):
        followed.follow(study.trials)
        assert [trial.epochs for trial in followed.history.trials if trial.status == "pending"] == [epochs]
    assert late.history.trials == once.history.trials


def test_what_a_process_claimed_that_died_then_is_left_to_others(tmp_path, monkeypatch):
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}", heartbeat_interval=60)
    sampler = NasSampler(make_strategy("random", {}), GRID, budget=Budget(BUDGET.rule, 9, 1))
    study = optuna.create_study(direction="maximize", sampler=sampler, storage=storage)
    study.tell(first := study.ask(), crossing(suggest(first, GRID), 1))
    dead = study.ask()
    assert claim(study, dead, suggest(first, GRID), GRID, 3)
    monkeypatch.setattr(storage, "_get_stale_trial_ids", lambda study_id: [dead._trial_id])
    trial = study.ask()
    assert suggest(trial, GRID) == suggest(first, GRID)
    assert epochs_of(trial) == 3
