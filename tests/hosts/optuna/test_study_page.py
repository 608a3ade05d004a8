"""What the page of a study says in optuna-dashboard: the search as it begins, and its result."""

import pytest
from digits_search import create

from nni_nasplus._files import write_json
from nni_nasplus.report.findings import REPORT

pytest.importorskip("optuna")
pytest.importorskip("optuna_dashboard")

from optuna_dashboard import get_note

from nni_nasplus.hosts.optuna import OptunaHost
from nni_nasplus.hosts.optuna.study import open_study
from nni_nasplus.hosts.optuna.study_page import describe_search

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def row(name, test, interval=None):
    return {"name": name, "validation": {"worth": 90.0}, "test": {"worth": test}, "interval": interval}


def test_a_study_says_what_is_searched_and_then_what_was_found(tmp_path):
    run = create(tmp_path / "digits", 2, host="optuna")
    study = open_study(run)
    describe_search(run, study)
    assert study.study_name == "digits"
    assert study.user_attrs == {"data": "tables in memory", "objective": "worth, maximized", "strategy": "evolution"}
    assert "The result follows" in get_note(study)
    search = run.open_search()
    search.tell(search.ask(), 95.0)
    search.journal.close()
    rows = [row("winner", 88.0, [80.0, 96.0]), row("LSTM | 32", 91.5)]
    write_json(run.directory / REPORT, {"objective": "worth", "winner": 0, "genotype": "tens 9", "rows": rows})
    OptunaHost().conclude(run)
    found = open_study(run)
    assert found.user_attrs["winner"] == "tens 9"
    assert found.user_attrs["test worth of LSTM | 32"] == 91.5
    assert "winner: `tens 9`" in get_note(found)
    assert "| winner | 90.0000 | 88.0000 | 80.0000 to 96.0000 |" in get_note(found)
    assert r"| LSTM \| 32 | 90.0000 | 91.5000 |  |" in get_note(found)
