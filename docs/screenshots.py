"""Pictures of a search in a browser: ``python docs/screenshots.py RUN OUT_FOLDER``.

Needs Debian's ``chromium`` and the Python package ``playwright``.
"""

from __future__ import annotations

import argparse
import shutil
import socket
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from nni_nasplus._files import write_text
from nni_nasplus.cli.commands.ui import PAGE, architectures_page, viewed
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


def main() -> None:
    """Open a run and take the pictures."""
    parser = argparse.ArgumentParser(description="save pictures of a search in the web UI")
    parser.add_argument("run", help="the directory given to --out of the search")
    parser.add_argument("out", type=Path, help="the folder for overview, hyper-parameters and architectures .png")
    options = parser.parse_args()
    run = Run.open(options.run)
    options.out.mkdir(parents=True, exist_ok=True)
    with viewed(run, free_port()) as (_, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        picture(page, run, url, options.out)
        browser.close()


def picture(page: Page, run: Run, url: str, out: Path) -> None:
    """Save the three pictures."""
    page.goto(f"{url}/oview")
    page.locator(".ms-DetailsRow").first.wait_for()
    save(page, out / "overview.png")
    page.goto(f"{url}/detail")
    page.get_by_role("tab", name="Hyper-parameter").click()
    page.locator(".parcoords .dimension").first.wait_for()
    save(page, out / "hyper-parameters.png")
    write_text(run.directory / PAGE, architectures_page(run))
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.goto((run.directory / PAGE).as_uri())
    save(page, out / "architectures.png")


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
