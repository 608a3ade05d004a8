"""The minutes of a search on hosts that train in processes of their own, and what the terminal shows of them."""

import time
from io import StringIO

import pytest
from digits_search import complete, create
from places import HELPERS
from rich.console import Console

from nni_nasplus.hosts.progress import TrialProgress
from nni_nasplus.run.directory.clock import seconds_used


@pytest.mark.system
@pytest.mark.parametrize("host", ["nni", "optuna"])
def test_a_search_goes_on_to_its_minutes_and_ends_in_time(tmp_path, monkeypatch, host):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))
    run = create(tmp_path / "run", 2, concurrency=2, host=host, seconds=1)
    complete(run)
    used = seconds_used(run.directory)
    seconds = 2 * used + 20  # what it takes to start, on a machine however busy, is in the time
    longer = run.with_settings(trials=None, minutes=seconds / 60)
    time.sleep(3)
    assert seconds_used(run.directory) == used
    complete(longer)
    assert 0.9 * seconds <= seconds_used(run.directory) <= 1.1 * seconds
    assert longer.is_over
    assert len(longer.history().finished) > 4


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
