"""A finished search as a browser shows it: NNI's web UI in view mode, and the page of architectures."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from chromium import ARGUMENTS, CHROMIUM
from nasplus_command import asking, nasplus
from nni_server import free_port, get
from places import ROOT
from processes import PythonProcess
from shopping import shopping

from nni_nasplus import UserError
from nni_nasplus.cli.commands.ui import PAGE, architectures_page, ui
from nni_nasplus.hosts.nni.architecture import axes_of
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = None


SCREENSHOTS = ROOT / "docs" / "screenshots.py"
PATIENCE_S = 60
PAINTED = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let coloured = 0;
    for (let i = 0; i < pixels.length; i += 4) {
        const channels = [pixels[i], pixels[i + 1], pixels[i + 2]];
        coloured += pixels[i + 3] > 128 && Math.max(...channels) - Math.min(...channels) > 60;
    }
    return coloured;
}"""

pytestmark = [pytest.mark.system, pytest.mark.nni]
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or sync_playwright is None, reason="Debian's chromium or the package playwright is not installed"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished search, moved since."""
    folder = tmp_path_factory.mktemp("browser")
    events, labels = shopping()
    events.to_csv(folder / "events.csv", index=False)
    labels.to_parquet(folder / "labels.parquet")
    done = nasplus(*asking(folder, folder / "searched"))
    assert done.returncode == 0, done.stderr
    return Run.open(shutil.move(folder / "searched", folder / "moved"))


def opened(run, port):
    """A process that shows a run, once it says so, and what it said."""
    code = "import sys; from nni_nasplus.cli.commands.ui import ui; ui(sys.argv[1], port=int(sys.argv[2]))"
    process = PythonProcess(["-c", code, run.directory, port], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline, said = time.monotonic() + PATIENCE_S, b""
    while b"Ctrl-C" not in said and time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 1)[0]:
            said += os.read(process.stdout.fileno(), 4096)
    return process, said.decode()


@pytest.fixture(scope="module")
def shown(run):
    """The run is shown: the port, and what the command says."""
    port = free_port()
    process, said = opened(run, port)
    assert "Ctrl-C" in said, process.communicate(timeout=PATIENCE_S)[1].decode()
    yield port, said
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def port(shown):
    """The port at which the run is shown."""
    return shown[0]


@pytest.fixture(scope="module")
def context():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1600, "height": 1000})
        context.set_default_timeout(PATIENCE_S * 1000)
        expect.set_options(timeout=PATIENCE_S * 1000)
        yield context
        browser.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture
def detail(page, port):
    """The page of trials, loaded."""
    page.goto(f"http://127.0.0.1:{port}/detail")
    expect(page.locator(".ms-DetailsRow")).to_have_count(4)
    return page


def identifier(port, trial):
    """NNI's name for a trial."""
    for job in get(port, "trial-jobs"):
        if json.loads(job["hyperParameters"][0])["parameters"] == trial.architecture:
            return job["trialJobId"]
    raise AssertionError(f"trial {trial.number} is not in the web UI")


def row(page, port, trial):
    """A trial's row in the table."""
    return page.locator(".ms-DetailsRow").filter(has_text=identifier(port, trial))


def require_curve(canvas):
    """Fail unless something coloured is drawn."""
    deadline = time.monotonic() + PATIENCE_S
    while canvas.evaluate(PAINTED) < 20:
        assert time.monotonic() < deadline, "nothing is drawn"
        time.sleep(0.5)


@needs_browser
class TestWebUI:
    def test_the_overview_has_the_best_trials(self, page, port, run):
        page.goto(f"http://127.0.0.1:{port}/oview")
        rows = page.locator(".ms-DetailsRow")
        expect(rows).to_have_count(4)
        best = run.history().best
        tied = [identifier(port, trial) for trial in best if trial.score == best[0].score]
        assert re.search(r"\w{5}", rows.first.inner_text()).group() in tied
        text = page.inner_text("body")
        for part in (
            "events.csv: roc_auc by evolution",
            "VIEWED",
            f"{best[0].score:.6f}\nBest metric",
            "4/4",
            "NasTuner",
        ):
            assert part in text

    def test_the_hyper_parameters_are_few_and_have_readable_names(self, detail, run):
        detail.get_by_role("tab", name="Hyper-parameter").click()
        axes = [*axes_of(run.space), "parameters", "default"]
        expect(detail.locator(".parcoords text.label")).to_have_count(len(axes))
        for name in axes:
            expect(detail.get_by_text(name, exact=True).first).to_be_visible()
        for choice in ("mixed", "long"):
            expect(detail.get_by_text(choice, exact=True).first).to_be_visible()

    def test_the_detail_of_a_trial_shows_its_architecture(self, detail, port, run):
        best = run.history().best[0]
        row(detail, port, best).locator("[data-icon-name=ChevronRight]").click()
        link = detail.locator(".nasplus-architecture")
        expect(link.locator("img")).to_be_visible()
        detail.goto(link.get_attribute("href"))
        expect(detail.get_by_text(run.space.genotype(best.architecture), exact=True)).to_be_visible()

    def test_the_default_metric_is_drawn(self, detail):
        detail.get_by_role("tab", name="Default metric").click()
        expect(detail.get_by_text("Optimization curve")).to_be_visible()
        require_curve(detail.locator("canvas").first)

    def test_intermediate_results_are_drawn_for_all_trials_and_for_one(self, detail, port, run):
        detail.get_by_role("tab", name="Intermediate result").click()
        expect(detail.get_by_text("# Intermediate result").first).to_be_visible()
        require_curve(detail.locator("canvas").first)
        row(detail, port, run.history().best[0]).get_by_title("Intermediate").click()
        dialog = detail.get_by_role("dialog")
        expect(dialog).to_contain_text("Intermediate results")
        require_curve(dialog.locator("canvas").first)
        dialog.get_by_role("combobox").click()
        for metric in ("default", "loss", "roc_auc"):
            expect(detail.get_by_role("option", name=metric, exact=True)).to_be_visible()

    def test_metrics_and_decisions_can_be_added_as_columns(self, detail, port, run):
        detail.get_by_text("Add/Remove columns").click()
        dialog = detail.get_by_role("dialog")
        added = ("pooling (space)", "roc_auc (metric)", "parameters (metric)")
        for column in added:
            dialog.get_by_text(column, exact=True).click()
        dialog.get_by_role("button", name="Save").click()
        for column in added:
            expect(detail.get_by_role("columnheader", name=column)).to_be_visible()
        for trial in run.history().best:
            cells = row(detail, port, trial).get_by_role("gridcell").all_inner_texts()
            assert cells[-4] == trial.architecture["pooling"]
            assert float(cells[-3]) == pytest.approx(trial.metrics["roc_auc"], abs=1e-6)
            assert float(cells[-2]) == trial.metrics["parameters"]

    def test_tensorboard_shows_the_trials_that_are_ticked(self, detail, context, port, run):
        pytest.importorskip("tensorboard")
        best = run.history().best[:2]
        for trial in best:
            row(detail, port, trial).locator(".ms-Checkbox").click()
        detail.get_by_role("button", name="TensorBoard").first.click()
        dialog = detail.get_by_role("dialog")
        for trial in best:
            expect(dialog).to_contain_text(identifier(port, trial))
        require_listening(int(get(port, "tensorboard-tasks")[0]["port"]))
        with context.expect_page() as opening:
            dialog.get_by_role("button", name="Ok").click()
        board = opening.value
        for text in ("val_roc_auc", *(identifier(port, trial) for trial in best)):
            expect(board.get_by_text(re.compile(text)).first).to_be_visible()
        board.close()

    def test_the_page_of_architectures_draws_the_best(self, page, port, run):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((run.directory / PAGE).as_uri())
        best = run.history().best
        assert [h.split(":")[0] for h in page.locator("h2").all_inner_texts()] == [f"Trial {t.number}" for t in best]
        first = page.locator("section").first
        expect(first.locator("svg")).to_be_visible()
        for part in (f"roc_auc {best[0].score:.4f}", run.space.genotype(best[0].architecture), "parameters"):
            expect(first).to_contain_text(part)
        assert len(asked) == 1

    def test_netron_draws_the_best_network_without_the_internet(self, page, shown):
        pytest.importorskip("netron")
        url = re.search(r"network: (http://127.0.0.1:\d+)", shown[1]).group(1)
        page.route(re.compile(f"^(?!{url}|data:|blob:)"), lambda route: route.abort())
        page.goto(url)
        page.get_by_role("button", name="Accept").click()
        expect(page.locator("#canvas .node").first).to_be_visible()
        assert page.locator("#canvas .node").count() > 10

    def test_pictures_for_the_documentation(self, run, tmp_path):
        copy = shutil.copytree(run.directory, tmp_path / "run", symlinks=True)
        subprocess.run([sys.executable, SCREENSHOTS, copy, tmp_path / "out"], check=True, timeout=280)
        sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
        names = ("architectures", "hyper-parameters", "overview", "report", "report-whole", "trial")
        assert sorted(sizes) == sorted(f"{name}.png" for name in names)
        assert min(sizes.values()) > 10_000


def require_listening(port):
    """Wait for a server."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, f"nothing listens on {port}"
        time.sleep(0.5)


def test_it_says_where_and_ctrl_c_ends_the_manager(run, tmp_path):
    copy = Run.open(shutil.copytree(run.directory, tmp_path / "run", symlinks=True))
    port = free_port()
    process, said = opened(copy, port)
    assert said.splitlines()[:2] == [f"web UI: http://127.0.0.1:{port}", f"architectures: {copy.directory / PAGE}"]
    beside, too = opened(copy, free_port())
    assert too.splitlines()[0] == f"web UI: http://127.0.0.1:{port}"
    beside.send_signal(signal.SIGINT)
    assert beside.wait(PATIENCE_S) == 0
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
    assert process.returncode == 0
    assert living_managers(copy.directory / "nni") == []


def test_a_search_that_has_no_web_ui_has_its_report(run, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(run.directory / "run.json", tmp_path / "run")
    process, said = opened(Run.open(tmp_path / "run"), free_port())
    trials, report, *_ = said.splitlines()
    assert trials == f"trials: nasplus show {tmp_path / 'run'}"
    assert "has no trial yet" in requests.get(report.removeprefix("report: "), timeout=PATIENCE_S).text
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0


def test_what_cannot_be_opened_is_named(run, tmp_path):
    with pytest.raises(UserError, match="holds no search"):
        ui(str(tmp_path))
    copy = shutil.copytree(run.directory, tmp_path / "copy", symlinks=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="is in use; name another with --port"):
            ui(str(copy), port=taken.getsockname()[1])


def test_the_page_escapes_what_others_wrote_and_says_why_a_trial_failed(run, tmp_path):
    copy = Run.open(shutil.copytree(run.directory, tmp_path / "run", symlinks=True))
    known = {trial.number: trial.architecture for trial in copy.history().trials}
    drawn = iter(copy.space.search_space)
    new = [next(a for a in drawn if a not in known.values()) for _ in range(2)]
    events = [
        {"event": "ask", "number": 4, "architecture": new[0], "origin": "random"},
        {"event": "tell", "number": 4, "score": None, "reason": "<script>alert(1)</script> & more"},
        {"event": "ask", "number": 5, "architecture": new[1], "origin": "random"},
    ]
    with (copy.directory / JOURNAL).open("a") as journal:
        journal.writelines(json.dumps(event) + "\n" for event in events)
    page = architectures_page(copy, top=1)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page
    assert "Trial 4: failed" in page
    assert "Trial 5: pending" in page
    assert page.count("<svg") == 1
