"""Pictures of a search in a browser: ``python docs/screenshots.py RUN OUT_FOLDER``.

Of any run the report and the page of architectures, and the road of a search in a supernet; of one on NNI its web UI
too, with a budget an open row of a trial that goes on from another; of one on Optuna optuna-dashboard, with a budget
such a trial, too.
Needs Debian's ``chromium`` and the Python package ``playwright``, and the extra ``dashboard`` for the last one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

from nni_nasplus._files import write_text
from nni_nasplus.cli.commands.ui import PAGE, architectures_page, viewed
from nni_nasplus.hosts.nni.experiment import latest_experiment
from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.report.page import write_page, write_road
from nni_nasplus.run.run import Run

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
PATIENCE_MS, SETTLED_MS = 60_000, 2_000
_ABOVE_PX = 380
"""What is shown above an open row."""
_ATTEMPTS = 60
"""Of a second each, until the dashboard answers."""


def main() -> None:
    """Open a run and take the pictures."""
    parser = argparse.ArgumentParser(description="save pictures of a search as people see it")
    parser.add_argument("run", help="the directory given to --out of the search")
    parser.add_argument("out", type=Path, help="the folder for the pictures, a .png for each page")
    options = parser.parse_args()
    run = Run.open(options.run)
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        files(page, run, out)
        if latest_experiment(run.directory / NNI):
            with viewed(run, free_port()) as (_, url):
                web_ui(page, url, out)
                if run.settings.budget is not None:
                    parts(page, url, out)
        if run.settings.host == "optuna":
            with dashboard(run) as url:
                study(page, url, out)
                if run.settings.budget is not None:
                    part(page, url, run, out)
        browser.close()


def files(page: Page, run: Run, out: Path) -> None:
    """The report from its head to its end, and the page of architectures."""
    page.goto(write_page(run, out / "report.html").as_uri())
    save(page, out / "report.png")
    page.screenshot(path=out / "report-whole.png", full_page=True)
    (out / "report.html").unlink()
    if (road := write_road(run)) is not None:
        page.goto(road.as_uri())
        page.screenshot(path=out / "road.png", full_page=True)
    write_text(run.directory / PAGE, architectures_page(run))
    page.goto((run.directory / PAGE).as_uri())
    save(page, out / "architectures.png")


def web_ui(page: Page, url: str, out: Path) -> None:
    """NNI's overview, its axes of hyperparameters, and the detail of a trial."""
    page.goto(f"{url}/oview")
    page.locator(".ms-DetailsRow").first.wait_for()
    save(page, out / "overview.png")
    page.goto(f"{url}/detail")
    page.get_by_role("tab", name="Hyper-parameter").click()
    page.locator(".parcoords .dimension").first.wait_for()
    save(page, out / "hyper-parameters.png")
    page.locator(".ms-DetailsRow").first.locator("[data-icon-name=ChevronRight]").click()
    architecture = page.locator(".nasplus-architecture img").first
    architecture.wait_for()
    architecture.scroll_into_view_if_needed()
    save(page, out / "trial.png")


def parts(page: Page, url: str, out: Path) -> None:
    """The table of trials with the row of the first one open that goes on from another."""
    jobs = page.request.get(f"{url}/api/v1/nni/trial-jobs").json()
    of = [json.loads(job["hyperParameters"][0])["parameters"] for job in jobs]
    epochs = [parameters.get("TRIAL_BUDGET", 0) for parameters in of]
    page.goto(f"{url}/detail")
    rows = page.locator(".ms-DetailsRow")
    rows.first.wait_for()
    number = next(place for place, budget in enumerate(epochs) if budget > min(epochs))
    rows.nth(number).locator("[data-icon-name=ChevronRight]").click()
    said = page.locator(".nasplus-part")
    said.wait_for()
    said.evaluate(f"line => window.scrollBy(0, line.getBoundingClientRect().top - {_ABOVE_PX})")
    save(page, out / "parts.png")


def study(page: Page, url: str, out: Path) -> None:
    """A study's page in optuna-dashboard, and that of its best trial."""
    opened(page, f"{url}/dashboard/studies/1")
    page.locator(".scatterlayer .point").first.wait_for()
    save(page, out / "dashboard.png")
    opened(page, f"{url}/dashboard/studies/1/trials")
    page.get_by_role("img").first.wait_for()
    save(page, out / "dashboard-trial.png")


def part(page: Page, url: str, run: Run, out: Path) -> None:
    """The page of the last trial in optuna-dashboard that goes on from another."""
    from nni_nasplus.hosts.optuna.study import open_study

    number = next(t.number for t in open_study(run).trials[::-1] if "goes on" in t.user_attrs.get("part", ""))
    opened(page, f"{url}/dashboard/studies/1/trials?numbers={number}")
    page.get_by_text("goes on from").first.wait_for()
    save(page, out / "dashboard-part.png")


def opened(page: Page, address: str) -> None:
    """Go to a page as soon as its server answers."""
    for _ in range(_ATTEMPTS):
        try:
            page.goto(address)
            return
        except Error:
            page.wait_for_timeout(1_000)
    raise TimeoutError(f"{address} does not answer")


@contextmanager
def dashboard(run: Run) -> Iterator[str]:
    """The address of optuna-dashboard over the study of a run, while this is open."""
    port = str(free_port())
    command = [Path(sys.executable).with_name("optuna-dashboard"), f"sqlite:///{run.directory}/study.db"]
    command += ["--port", port, "--artifact-dir", run.directory / "artifacts"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def save(page: Page, path: Path) -> None:
    """A picture of a page once its curves have been drawn."""
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=path)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
