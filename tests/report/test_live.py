"""The report of a run as it is served: it changes with the run, and is for this machine alone."""

import os
import socket

import pytest
import requests
from digits_search import create

from nni_nasplus import UserError
from nni_nasplus.report import live
from nni_nasplus.report.live import LivePage, served
from nni_nasplus.report.page import page
from nni_nasplus.search.journal import JOURNAL


@pytest.fixture
def run(tmp_path):
    """A search that has not begun."""
    return create(tmp_path / "run", 3, host="process")


def begin(run):
    search = run.open_search()
    search.tell(search.ask(), 7.0)
    search.journal.close()


def test_a_page_is_made_anew_when_its_run_has_changed_and_not_before(run):
    shown = LivePage(run)
    first = shown.text()
    assert "has no trial yet" in first
    assert "default-src 'none'" in first
    assert shown.text() == first
    version = shown.version()
    begin(run)
    shown._due = 0.0
    assert shown.version() != version
    assert "1 of 3 trials have ended" in shown.text()
    assert f'data-version="{shown.version()}"' in shown.text()


def test_making_pages_takes_little_of_the_time(run, monkeypatch):
    now, worked = [0.0], [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(live.time, "thread_time", lambda: worked[0])

    def slow(*arguments):
        worked[0] += 2
        now[0] += 60  # the processor was with others
        return "page"

    monkeypatch.setattr(live, "page", slow)
    shown = LivePage(run)
    begin(run)
    shown.text()
    version = shown.version()
    os.utime(run.directory / JOURNAL, (1, 1))
    now[0] += 15
    assert shown.version() == version
    now[0] += 10
    assert shown.version() != version


def test_what_is_served_is_the_page_and_its_version_for_this_machine_alone(run):
    begin(run)
    with served(run) as url:
        answer = requests.get(url, timeout=60)
        assert answer.text == page(run, requests.get(f"{url}/version", timeout=60).text)
        assert requests.get(f"{url}/run.json", timeout=60).status_code == 404
        assert requests.get(url, headers={"Host": "elsewhere.example:80"}, timeout=60).status_code == 403
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_page_that_is_kept_asks_no_server(run):
    begin(run)
    assert "connect-src" not in page(run)
    assert "fetch" not in page(run)


def test_a_port_that_is_taken_is_named(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} cannot be listened on"), served(run, port):
            pass
    with pytest.raises(UserError, match="--report-port is 65536; use 1 to 65535"), served(run, 65_536):
        pass
