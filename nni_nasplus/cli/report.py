"""The end of a search: what follows its last trial, and the result that is kept of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console

from nni_nasplus._files import write_json
from nni_nasplus.cli.result import print_result
from nni_nasplus.cli.winner import draw_winner
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.running import host_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.predictors.assessment import Agreement, agreement, assess_all
from nni_nasplus.predictors.transfer.weights import believed
from nni_nasplus.replay.expected import chances_of_best, expected_best
from nni_nasplus.report.findings import REPORT
from nni_nasplus.report.page import write_page
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Trial
from nni_nasplus.tail.repeats import noise_of
from nni_nasplus.tail.tail import Tail, run_tail
from nni_nasplus.tail.tested import Tested, tested
from nni_nasplus.training.trainer import share_cores

__all__ = ["report"]

_FEWEST = 3
_UNLIKELY = 0.01


def report(run: Run) -> None:
    """Train the baselines, test them and the winner, keep and print the result, and write it as a page.

    Raises
    ------
    UserError
        If no trial succeeded.
    """
    history = run.history()
    if not history.best:
        raise UserError(f"no trial succeeded: {'; '.join(history.reasons)}; all is in {run.directory}")
    with Console(file=sys.stderr).status("the tail of the search") as status:
        write_json(run.directory / REPORT, _result(run, status.update))
        status.update("writing the report")
        page = write_page(run)
        with suppress(NotImplementedError, UserError):
            draw_winner(run)
        host_of(run).conclude(run)
    print_result(run)
    sys.stdout.write(f"report: {page}\nfiles that {_purpose(run)}: nasplus export {run.directory} --to MODEL\n")


def _purpose(run: Run) -> str:
    """What exported files are for."""
    with suppress(UserError):  # an evaluator may know nothing of new data
        if run.evaluator.preprocessing().gives_pictures:
            return "enlarge new pictures"
    return "score new data"


def _result(run: Run, note: Callable[[str], None]) -> dict[str, Any]:
    share_cores(run.settings.concurrency)
    found = run_tail(run, note)
    history = run.history()
    best = found.winner.trainings[0]
    number = next(trial.number for trial in history.best if trial.architecture == best.architecture)
    rows = [*_ensemble_row(found), _winner_row(run, found), *_baseline_rows(run, found)]
    return {
        "objective": run.settings.objective,
        "winner": number,
        "teachers": list(history.trials[number].teachers),
        "genotype": run.space.genotype(best.architecture),
        "notation": run.space.notation,
        "genotypes": {str(trial.number): run.space.genotype(trial.architecture) for trial in history.trials},
        "trials": len(history.finished),
        "rows": [*rows, *_known_before(run)],
        "better": _better(run, found),
        "noise": _finite_or_none(noise_of(found.repeats)),
        "unclear": len(found.unclear),
        "folds": found.folds,
        "bagged": found.bagged,
        "out_of_fold": _out_of_fold(found),
        **_random_search(run, len(history.finished)),
        "predictors": _predictors(run),
        "presearch": asdict(found_before) if (found_before := _agreement(run)) else None,
        "learned_from": _learned_from(run),
        "remembered": [place for place, trial in enumerate(history.best, 1) if trial.origin == "memory"],
        **({"front": [trial.number for trial in history.front]} if history.costs else {}),
    }


def _better(run: Run, found: Tail) -> str | None:
    """The baseline with the best test score, if that is better than that of what is shipped."""
    objective, sign = run.settings.objective, 1 if run.settings.direction == "maximize" else -1
    reached = {name: sign * found.tests[name].metrics[objective] for name in found.baselines}
    best = max(reached, key=lambda name: reached[name], default=None)
    shipped = found.tests["ensemble" if found.ensemble is not None else "winner"].metrics[objective]
    return best if best is not None and reached[best] > sign * shipped else None


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _out_of_fold(found: Tail) -> dict[str, float] | None:
    """By what the winner was chosen where the best were trained on folds, and of how many."""
    scores = [one.score for one in found.winner.folds]
    count = sum(bool(one.folds) for one in found.repeats)
    if len(scores) < 2 or count < 2:
        return None
    error = stdev(scores) / math.sqrt(len(scores))
    return {"score": fmean(scores), "error": error, "architectures": count}


def _ensemble_row(found: Tail) -> list[dict[str, Any]]:
    """What is shipped; where one network is best alone, its name says so."""
    if found.ensemble is None:
        return []
    members = [member.name for member in found.ensemble.members]
    count = str(len(members)) if len(members) > 1 else f"1: {members[0]}"
    row = _row_of(f"ensemble of {count}", found.tests["ensemble"])
    return [{**row, "validation": found.ensemble.metrics, "members": members}]


def _winner_row(run: Run, found: Tail) -> dict[str, Any]:
    """The mean of its trainings, and the test score of the one that is shipped."""
    winner = found.winner
    objective, count = run.settings.objective, len(winner.trainings)
    row = _row_of("winner", found.tests["winner"])
    scores = [one.score for one in winner.trainings]
    error = stdev(scores) / math.sqrt(count) if count > 1 else None
    validation = {**winner.best.outcome.metrics, objective: winner.mean}
    return {**row, "validation": validation, "error": error, "trainings": count, "taught": found.taught}


def _baseline_rows(run: Run, found: Tail) -> list[dict[str, Any]]:
    """The best of each tuned baseline, and the plain ones that are trained as they are."""
    rows = []
    for name, trainings in found.baselines.items():
        best = trainings[0]
        row = _row_of(name, found.tests[name])
        tuned = best.space.genotype(best.architecture)
        rows.append({**row, "validation": dict(best.outcome.metrics), "trainings": len(trainings), "genotype": tuned})
    winner = found.winner.best.network()
    with run.evaluator.seeded():
        plain = {name: one for name, one in run.space.baselines(winner).items() if not isinstance(one, NetworkSpace)}
    for name, network in plain.items():
        metrics = run.evaluator.fit(network, run.directory / "baselines" / name)
        rows.append({**_row_of(name, tested(run, network)), "validation": metrics})
    return rows


def _row_of(name: str, test: Tested) -> dict[str, Any]:
    return {**_row(name, {}, dict(test.metrics)), "interval": test.interval and list(test.interval)}


def _known_before(run: Run) -> list[dict[str, Any]]:
    """The best that the search began with; and what it found without any training, beside the mean of random ones."""
    trials = run.history().best
    by_origin = {origin: [t for t in trials if t.origin == origin] for origin in ("initial", "presearch", "random")}
    drawn = by_origin["random"] if by_origin["presearch"] else []
    groups = {
        "best of the initial ones": by_origin["initial"][:1],
        f"{run.settings.strategy}, {run.settings.make_strategy().presearched}": by_origin["presearch"][:1],
        f"random, mean of {len(drawn)}": drawn,
    }
    return [_mean_row(run, name, group) for name, group in groups.items() if group]


def _mean_row(run: Run, name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    evaluator, objective = run.evaluator, run.settings.objective
    tested = [evaluator.test(run.network(trial))[objective] for trial in trials]
    scores = [trial.score for trial in trials if trial.score is not None]
    return _row(name, {objective: fmean(scores)}, {objective: fmean(tested)})


def _random_search(run: Run, count: int) -> dict[str, Any]:
    """What random search of as many trials would have reached, on average, by the random trials of this run.

    With a budget nobody can tell: few of them are trained to the end, and these are the best.
    """
    evaluator, direction = run.evaluator, run.settings.direction
    drawn = [trial for trial in run.history().finished if trial.origin == "random" and trial.status == "done"]
    if len(drawn) < _FEWEST or run.settings.budget is not None:
        return {"random_search": None, "random_search_test": None, "random_trials": len(drawn)}
    scores = [trial.score for trial in drawn if trial.score is not None]
    chances = chances_of_best(scores, count, direction)
    likely = [(chance, trial) for chance, trial in zip(chances, drawn, strict=True) if chance > _UNLIKELY]
    tests = [evaluator.test(run.network(trial))[evaluator.objective] for _, trial in likely]
    return {
        "random_search": expected_best(scores, count, direction),
        "random_search_test": float(np.average(tests, weights=[chance for chance, _ in likely])),
        "random_trials": len(drawn),
    }


def _predictors(run: Run) -> dict[str, dict[str, float]]:
    """How well each predictor orders the trials of this search, and knows its error."""
    history = run.history()
    return {name: asdict(found) for name, found in assess_all(history.space, history.observations).items()}


def _agreement(run: Run) -> Agreement | None:
    """How far the strategy's order from before the first trial agrees with scores."""
    history = run.history()
    return agreement(run.ranking(history.space), history.space, history.observations)


def _learned_from(run: Run) -> dict[str, float]:
    """How far each earlier search was believed in the end, by name."""
    history = run.history()
    history.memory = run.memory(history.space)
    return believed(history)


def _row(name: str, validation: dict[str, Any], test: dict[str, float]) -> dict[str, Any]:
    return {"name": name, "validation": validation, "test": test}
