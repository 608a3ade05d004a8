"""What optuna-dashboard shows of a search."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import ARGUMENTS, CHROMIUM
from nasplus_command import asking, nasplus
from nni_server import free_port
from shopping import shopping

from nni_nasplus.run.run import Run

pytest.importorskip("optuna")

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def dashboard(tmp_path) -> Iterator[tuple[Run, str]]:
    """A finished search of events and the address of optuna-dashboard over it."""
    events, labels = shopping()
    events.to_csv(tmp_path / "events.csv", index=False)
    labels.to_parquet(tmp_path / "labels.parquet")
    distill = ("--distill", "--distillation.n_skip", "2", "--distillation.n_teachers", "1")
    done = nasplus(*asking(tmp_path, tmp_path / "run"), "--host", "optuna", *distill)
    assert done.returncode == 0, done.stderr
    run, port = Run.open(tmp_path / "run"), free_port()
    command = [Path(sys.executable).with_name("optuna-dashboard"), f"sqlite:///{run.directory}/study.db"]
    command += ["--port", str(port), "--artifact-dir", run.directory / "artifacts"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield run, f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_optuna_dashboard_shows_the_architectures(dashboard):
    pytest.importorskip("optuna_dashboard")
    sync_api = pytest.importorskip("playwright.sync_api")

    run, url = dashboard
    best = run.history().best[0]
    assert any(trial.teachers for trial in run.history().trials), "distillation works here too"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        deadline = time.monotonic() + 60
        while True:
            try:
                page.goto(f"{url}/dashboard/studies/1/trials?numbers={best.number}")
                break
            except sync_api.Error:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        expect = sync_api.expect
        expect(page.get_by_text(run.space.genotype(best.architecture)).first).to_be_visible(timeout=30_000)
        for text in ("architecture.json", "architecture.svg", "parameters", "flops", "seconds"):
            expect(page.get_by_text(text).first).to_be_visible()
        picture = page.get_by_role("img", name=re.compile("the architecture")).first
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") > 100
        browser.close()
