"""Every strategy as a sampler: Optuna's own conformance classes, and the same proposals as by itself."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable

import pytest
import yaml
from places import ROOT
from processes import run_python

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.limits import Limits
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy

optuna = pytest.importorskip("optuna")

from optuna.storages import JournalStorage, RDBStorage  # noqa: E402
from optuna.storages.journal import JournalFileBackend  # noqa: E402
from optuna.testing import pytest_samplers  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import NasSampler, constrain, suggest  # noqa: E402

OFTEN = ("evolution", "nsga2", "random", "reinforce", "thompson")
"""Of each kind one; the others are strategies with another beginning."""
STRATEGIES = [
    pytest.param(name, marks=[pytest.mark.system] * (name not in OFTEN)) for name in registry.available("strategies")
]
SPACE = SearchSpace(
    {"op": ["conv", "attention"], "heads": [1, 2, 4], **{f"d{i}": [0, 1, 2, 3] for i in range(6)}},
    conditions={"heads": {"op": ["attention"]}},
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def sampler_of(name: str, space: SearchSpace = SPACE, seed: int = 0, **options) -> NasSampler:
    return NasSampler(make_strategy(name, {}), space, seed=seed, **options)


def worth(architecture) -> float:
    return sum(v for v in architecture.values() if isinstance(v, int)) + 3 * (architecture["op"] == "conv")


def objective(trial) -> float:
    return worth(suggest(trial, SPACE))


class _Conformance:
    @pytest.fixture(params=STRATEGIES)
    def sampler(self, request) -> Callable[[], NasSampler]:
        return lambda: sampler_of(request.param)


class TestBasic(_Conformance, pytest_samplers.BasicSamplerTestCase):
    """What Optuna asks of every sampler."""


class TestRelative(_Conformance, pytest_samplers.RelativeSamplerTestCase):
    """What it asks of those that sample parameters together."""


class TestSingleObjective(_Conformance, pytest_samplers.SingleOnlySamplerTestCase):
    """What it asks of those for one objective."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_one_worker_gets_what_the_strategy_proposes_by_itself(name):
    search = Search(SPACE, make_strategy(name, {}), seed=3, direction="maximize")
    plain = []
    for number in range(20):
        trial = search.ask()
        search.tell(trial, None if number % 9 == 5 else worth(trial.architecture))
        plain.append(trial.architecture)

    def failing(trial) -> float:
        value = objective(trial)
        if trial.number % 9 == 5:
            raise ArithmeticError
        return value

    study = optuna.create_study(sampler=sampler_of(name, seed=3), direction="maximize")
    study.optimize(failing, n_trials=20, catch=ArithmeticError)
    assert [trial.params for trial in study.trials] == plain


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("storage", [pytest.param("sqlite", marks=pytest.mark.system), "journal"])
def test_a_restart_goes_on_as_if_it_had_never_been(tmp_path, name, storage):
    def opened():
        if storage == "sqlite":
            return RDBStorage(f"sqlite:///{tmp_path}/study.db")
        return JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))

    whole = optuna.create_study(sampler=sampler_of(name))
    whole.optimize(objective, n_trials=16)
    for _ in range(4):
        study = optuna.create_study(storage=opened(), study_name="s", sampler=sampler_of(name), load_if_exists=True)
        study.optimize(objective, n_trials=4)
    assert [trial.params for trial in study.trials] == [trial.params for trial in whole.trials]


def test_a_pickled_study_goes_on():
    study = optuna.create_study(sampler=sampler_of("evolution"))
    study.optimize(objective, n_trials=8)
    again = pickle.loads(pickle.dumps(study))  # noqa: S301
    study.optimize(objective, n_trials=4)
    again.optimize(objective, n_trials=4)
    assert [t.params for t in study.trials] == [t.params for t in again.trials]


def test_only_active_decisions_are_parameters():
    study = optuna.create_study(sampler=sampler_of("random"))
    study.optimize(objective, n_trials=30)
    assert {("heads" in t.params) == (t.params["op"] == "attention") for t in study.trials} == {True}


def test_optunas_gaussian_process_searches_our_spaces():
    study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=0, n_startup_trials=5))
    study.optimize(objective, n_trials=9)
    assert all(SPACE.validate(trial.params) == trial.params for trial in study.trials)


def test_samplers_learn_how_far_limits_are_exceeded(cache):
    from nni_nasplus.data.events import EventDataModule
    from nni_nasplus.spaces.events import EventSequenceSpace

    if not hasattr(optuna.Trial, "set_constraint"):
        pytest.skip("this Optuna has no set_constraint")
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    limits, sizes = Limits(max_parameters=50_000.0, max_flops=1e9), []

    def sized(trial) -> tuple[float, float]:
        architecture = suggest(trial, space.search_space)
        constrain(trial, space, architecture, limits)
        sizes.append(count_parameters(space.build(architecture)))
        return len(architecture), sizes[-1]

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=0))
    study.optimize(sized, n_trials=6)
    told = [trial.constraints for trial in study.trials]
    assert [constraints["max_parameters"] for constraints in told] == [size - 50_000 for size in sizes]
    assert all(size <= 50_000 for size in [trial.values[1] for trial in study.best_trials])


@pytest.mark.parametrize(
    "make", [optuna.samplers.TPESampler, optuna.samplers.RandomSampler, optuna.samplers.NSGAIISampler]
)
def test_optunas_samplers_search_our_spaces(make):
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make(seed=0))
    study.optimize(lambda trial: (objective(trial), len(trial.params)), n_trials=15)
    assert all(SPACE.validate(trial.params) == trial.params for trial in study.trials)


def test_a_retried_trial_keeps_its_architecture_and_counts_once():
    study = optuna.create_study(sampler=sampler_of("evolution"))
    first = study.ask()
    lost = suggest(first, SPACE)
    study.tell(first, state=TrialState.FAIL)
    study.optimize(objective, n_trials=3)
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.WAITING,
            params=study.trials[0].params,
            distributions=study.trials[0].distributions,
            system_attrs={**study.trials[0].system_attrs, "failed_trial": 0},
        )
    )
    study.optimize(objective, n_trials=2)
    assert study.trials[4].params == lost
    told = {str(o.architecture): o.utility for o in study.sampler.history.observations}
    assert told[str(lost)] == -worth(lost)
    assert len(told) == len(study.sampler.history.observations)


def test_pruned_trials_count_with_their_last_value():
    study = optuna.create_study(sampler=sampler_of("evolution"))

    def pruned(trial) -> float:
        trial.report(objective(trial) + 1, step=1)
        raise optuna.TrialPruned

    study.optimize(pruned, n_trials=3)
    study.optimize(objective, n_trials=1)
    assert [o.utility for o in study.sampler.history.observations] == [-worth(t.params) - 1 for t in study.trials[:3]]


def test_an_enqueued_architecture_is_trained_and_learned_from():
    chosen = {"op": "conv", **{f"d{i}": 1 for i in range(6)}}
    study = optuna.create_study(sampler=sampler_of("random"))
    study.enqueue_trial(chosen)
    study.optimize(objective, n_trials=2)
    assert study.trials[0].params == chosen
    assert study.sampler.history.observations[0].architecture == chosen


def test_a_space_that_is_exhausted_stops_the_study():
    space = SearchSpace({"a": [0, 1], "b": [0, 1]})
    study = optuna.create_study(sampler=sampler_of("evolution", space))
    study.optimize(lambda trial: sum(suggest(trial, space).values()), n_trials=50)
    assert sorted(tuple(t.params.values()) for t in study.trials) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    with pytest.raises(SearchSpaceExhausted):
        suggest(study.ask(), space)
    assert study.trials[-1].state == TrialState.PRUNED


def beyond(architecture) -> str | None:
    return "heads 4 is more than the limit 2" if architecture.get("heads") == 4 else None


@pytest.mark.parametrize("name", ["evolution", "random"])
def test_proposals_beyond_a_limit_are_kept_in_the_study_and_never_trained(tmp_path, name):
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/study.db", study_name="s", sampler=sampler_of(name, excess=beyond)
    )
    study.optimize(objective, n_trials=16)
    trials = study.sampler.history.trials
    assert {trial.reason for trial in trials if trial.status == "rejected"} == {"heads 4 is more than the limit 2"}
    assert len({SPACE.key(trial.architecture) for trial in trials}) == len(trials) > 16
    assert all(trial.params.get("heads") != 4 for trial in study.trials)
    known = study.sampler.history.observations
    study.sampler = sampler_of(name, excess=beyond)
    study.optimize(objective, n_trials=1)
    assert study.sampler.history.observations[: len(known)] == known, "another process sees them in the same order"


def test_a_rejected_architecture_that_somebody_trains_counts_as_trained():
    study = optuna.create_study(sampler=sampler_of("random", excess=beyond))
    study.optimize(objective, n_trials=10)
    rejected = next(trial.architecture for trial in study.sampler.history.trials if trial.status == "rejected")
    study.enqueue_trial(rejected)
    study.optimize(objective, n_trials=2)
    assert study.sampler.history.trial_of(rejected).score == worth(rejected)


def test_a_search_that_finds_nothing_within_the_limits_is_exhausted():
    study = optuna.create_study(sampler=sampler_of("random", excess=lambda architecture: "too large"))
    for _ in range(2):
        with pytest.raises(SearchSpaceExhausted, match="500 proposals in a row exceed the limits, the last: too large"):
            suggest(study.ask(), SPACE)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 2
    assert study.sampler.history.proposed == 500
    with pytest.raises(SearchSpaceExhausted):
        study.optimize(objective, n_trials=1)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 3


def _work(url: str, seconds: float) -> None:
    study = optuna.load_study(study_name="shared", storage=url, sampler=sampler_of("evolution"))
    study.optimize(objective, n_trials=8)


def test_workers_of_one_study_share_its_state_and_repeat_nothing(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="shared", storage=url)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=(url, 0.0)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    study = optuna.load_study(study_name="shared", storage=url, sampler=sampler_of("evolution"))
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 24
    assert len({str(trial.params) for trial in study.trials}) == 24
    study.optimize(objective, n_trials=1)
    assert len(study.sampler.history.observations) == 24


def test_refusals():
    study = optuna.create_study(sampler=sampler_of("random"))
    study.optimize(objective, n_trials=1)
    other = SearchSpace({**SPACE.decisions, "d3": [0, 9]}, SPACE.conditions)
    study.sampler = sampler_of("random", other)
    with pytest.raises(UserError, match=r"another space: decision 'd3' is \[0, 1, 2, 3\] there and \[0, 9\] here"):
        suggest(study.ask(), study.sampler.space)
    with pytest.raises(UserError, match="seed is -1; use 0 or more"):
        sampler_of("random", seed=-1)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler_of("random"))
    with pytest.raises(ValueError, match="multi-objective"):
        suggest(study.ask(), study.sampler.space)


def test_the_optunahub_example_finds_what_it_looks_for():
    folder = ROOT / "examples" / "optunahub"
    done = run_python([folder / "example.py"], cwd=folder, check=True)
    assert float(done.stdout.split()[0]) == pytest.approx(5.4)
    front = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert front.keys() == {"author", "title", "description", "tags", "optuna_versions", "license"}
    assert front["license"] == "MIT License"
