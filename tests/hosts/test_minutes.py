"""The minutes of a search on hosts that train in processes of their own."""

import signal
import time

import pytest
from digits_search import complete, create, going_on

from nni_nasplus.run.clock import seconds_used
from nni_nasplus.search.journal import JOURNAL

MINUTES = 1.0


@pytest.mark.system
@pytest.mark.parametrize("host", ["nni", "optuna"])
def test_a_search_of_some_minutes_ends_in_time_though_it_was_stopped_meanwhile(tmp_path, host):
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
    assert "ends about" in complete(run)
    assert 0.9 * MINUTES <= seconds_used(run.directory) / 60 <= 1.1 * MINUTES
    assert run.is_over
