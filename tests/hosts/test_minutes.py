"""The minutes of a search on hosts that train in processes of their own, and what the terminal shows of them."""

import signal
import time
from io import StringIO

import pytest
from digits_search import complete, create, going_on
from places import HELPERS
from rich.console import Console

from nni_nasplus.hosts.progress import TrialProgress
from nni_nasplus.run.clock import seconds_used
from nni_nasplus.search.journal import JOURNAL

MINUTES = 1.0


@pytest.mark.system
@pytest.mark.parametrize("host", ["nni", "optuna"])
def test_a_search_of_some_minutes_ends_in_time_though_it_was_stopped_meanwhile(tmp_path, monkeypatch, host):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))
    run = create(tmp_path / "run", 1, concurrency=2, host=host, seconds=1).with_settings(trials=None, minutes=MINUTES)
    first = going_on(run)
    journal = run.directory / JOURNAL
    while not journal.exists() or len(journal.read_text().splitlines()) < 8:
        assert first.poll() is None
        time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    first.communicate()
    used = seconds_used(run.directory)
    time.sleep(3)
    assert seconds_used(run.directory) == used
    complete(run)
    assert 0.9 * MINUTES <= seconds_used(run.directory) / 60 <= 1.1 * MINUTES
    assert run.is_over


@pytest.mark.parametrize(("trials", "count"), [(None, "1"), (5, "1/5")])
def test_the_terminal_says_when_a_search_of_some_minutes_is_expected_to_end(tmp_path, trials, count):
    run = create(tmp_path / "run", 1, host="process").with_settings(trials=trials, minutes=60.0)
    search = run.open_search()
    search.tell(search.ask(), 7.0)
    search.journal.close()
    said = StringIO()
    with TrialProgress(Console(file=said, force_terminal=True, width=120), run) as progress:
        progress.update(run.history())
        progress._bar.refresh()
    assert f"{count} best 7.0000" in said.getvalue()
    assert "ends about " in said.getvalue()
