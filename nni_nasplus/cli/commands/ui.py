"""``nasplus ui``: a search as a page that keeps up with it, beside NNI's web UI."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

from nni.experiment import Experiment, RunMode
from nni.experiment.config import ExperimentConfig
from nni.runtime.log import silence_stdout
from nni.tools.nnictl.config_utils import Config

from nni_nasplus._files import write_text
from nni_nasplus.cli.netron import network_in_netron
from nni_nasplus.drawing.draw import as_svg
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.architecture import axes_of
from nni_nasplus.hosts.nni.experiment import latest_experiment, require_dead, require_idle
from nni_nasplus.hosts.nni.folders import NNI, settle_experiment
from nni_nasplus.hosts.nni.manager import LOOPBACK, living_managers, manager_environment
from nni_nasplus.hosts.running import host_of
from nni_nasplus.report.live import served
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Trial

__all__ = ["PAGE", "architectures_page", "trials_of", "ui", "viewed"]

PAGE = "architectures.html"
_POLL_S = 0.5
_DRAWN = 20
_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; color: #111827; max-width: 70em; margin: 2em auto; padding: 0 1em; }}
section {{ border-top: 1px solid #d1d5db; padding: 0.5em 0 1.5em; }}
code {{ overflow-wrap: anywhere; }}
th, td {{ text-align: left; padding: 0 1.5em 0 0; font-weight: normal; }}
th {{ color: #6b7280; }}
svg {{ max-width: 100%; height: auto; }}
.failed {{ color: #b91c1c; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
{sections}
</body>
</html>
"""


def ui(directory: str, *, port: int = 8080, report_port: int = 0, trial: int | None = None) -> None:
    """Open a search, finished or not, until Ctrl-C: its report, which keeps up with it, and NNI's web UI beside it.

    Parameters
    ----------
    directory
        The directory given to --out.
    port
        Of NNI's web UI, where the search has one and does not run any more.
    report_port
        Of the report; by default any that is free.
    trial
        Whose network netron shows, layer by layer; by default the best. Needs the netron extra. Netron asks for consent
        to report anonymous usage to its makers; the network itself stays on this machine.
    """
    run = Run.open(directory)
    with (
        trials_of(run, port) as (places, lives),
        served(run, report_port) as report,
        network_in_netron(run, trial) as netron,
        contextlib.suppress(KeyboardInterrupt),
    ):
        lines = [*places, f"report: {report}", f"network: {netron}", "Ctrl-C ends it"]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        while lives():
            time.sleep(_POLL_S)


@contextlib.contextmanager
def trials_of(run: Run, port: int) -> Iterator[tuple[list[str], Callable[[], bool]]]:
    """Where else the trials of a run are seen, in lines, and whether that goes on; NNI's web UI is opened at need."""
    managers = living_managers(run.directory / NNI)
    if managers or latest_experiment(run.directory / NNI) is None:
        yield [f"web UI: {one.url}" for one in managers] or [f"trials: {host_of(run).viewer(run)}"], lambda: True
        return
    with viewed(run, port) as (experiment, url):
        page = run.directory / PAGE
        write_text(page, architectures_page(run))
        yield [f"web UI: {url}", f"architectures: {page}"], lambda: _lives(experiment)


@contextlib.contextmanager
def viewed(run: Run, port: int) -> Iterator[tuple[Experiment, str]]:
    """The experiment of a run in NNI's view mode, and the address of its web UI, while this is open.

    Raises
    ------
    UserError
        If the run has no experiment, its search still runs, or the port is in use.
    """
    name = latest_experiment(run.directory / NNI)
    if name is None:
        raise UserError(f"{run.directory} holds no NNI experiment; for its trials: {host_of(run).viewer(run)}")
    require_dead(run)
    require_idle(port)
    axes = axes_of(run.space, is_budgeted=run.settings.budget is not None)
    with run.held("trials"), manager_environment(bind=LOOPBACK, axes=axes, home=run.directory / NNI):
        experiment = _stopped_experiment(run.directory / NNI, name)
        try:
            silence_stdout()
            logging.getLogger("nni.experiment").setLevel(logging.ERROR)
            experiment.start(port, run_mode=RunMode.Background)
            yield experiment, f"http://{LOOPBACK}:{port}"
        finally:
            logging.getLogger("nni.experiment").setLevel(logging.CRITICAL)
            if not _lives(experiment):
                experiment._proc = None
            experiment.stop()


def _stopped_experiment(folder: Path, name: str) -> Experiment:
    """An experiment as its database describes it, where it lies now."""
    stored = Config(name, str(folder))
    stored.conn.close()
    code = folder / "code"
    code.mkdir(exist_ok=True)
    config = ExperimentConfig(**stored.get_config())
    config.experiment_working_directory = folder
    config.trial_code_directory = config.training_service.trial_code_directory = config.tuner.code_directory = code
    settle_experiment(folder, name, config.canonical_copy().json())
    experiment = Experiment(config, id=name)
    experiment._action = "view"
    return experiment


def _lives(experiment: Experiment) -> bool:
    process = experiment._proc
    return isinstance(process, subprocess.Popen) and process.poll() is None


def architectures_page(run: Run, top: int = _DRAWN) -> str:
    """A page of HTML, complete in itself: every trial of a run, best first, the best ``top`` drawn."""
    history = run.history()
    best = history.best
    others = sorted((t for t in history.trials if t.status != "done"), key=lambda t: (t.status, t.number))
    failed = sum(trial.status == "failed" for trial in others)
    sections = [_section(run, trial, _drawing(run, trial)) for trial in best[:top]]
    sections += [_section(run, trial) for trial in [*best[top:], *others]]
    return _FRAME.format(
        title=escape(f"Architectures of {run.directory.name}"),
        summary=escape(f"{len(history.finished)} trials, {failed} failed; {run.settings.strategy}"),
        sections="\n".join(sections),
    )


def _section(run: Run, trial: Trial, drawing: str = "") -> str:
    """What is known of a trial."""
    outcome = trial.status if trial.score is None else f"{run.settings.objective} {trial.score:.4f}"
    parts = [
        f"<h2>Trial {trial.number}: {escape(outcome)}</h2>",
        f"<p><code>{escape(run.space.genotype(trial.architecture))}</code></p>",
        f'<p class="failed">{escape(trial.reason)}</p>' if trial.reason else "",
        _table(trial.metrics),
        drawing,
    ]
    return f'<section id="trial-{trial.number}">\n' + "\n".join(part for part in parts if part) + "\n</section>"


def _table(metrics: Mapping[str, float]) -> str:
    names = "".join(f"<th>{escape(str(name))}</th>" for name in metrics)
    values = "".join(f"<td>{escape(_rounded(value))}</td>" for value in metrics.values())
    return f"<table>\n<tr>{names}</tr>\n<tr>{values}</tr>\n</table>" if metrics else ""


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _drawing(run: Run, trial: Trial) -> str:
    """The architecture as an SVG element; nothing if its space has no drawings."""
    try:
        return as_svg(run.space.graph(trial.architecture))
    except NotImplementedError:
        return ""
