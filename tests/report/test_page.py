"""The page of a run: its numbers are those of the result, it asks no network, and text of the data is text."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from digits_search import Digits, Worth
from finished_runs import searched
from nasplus_command import refused
from quick_tails import QUICK
from shopping import COLUMNS, shopping

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus.cli import main
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.registry import described
from nni_nasplus.report.findings import REPORT
from nni_nasplus.report.page import PAGE, page
from nni_nasplus.run.run import CACHE, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.tail.tested import TESTED
from nni_nasplus.training.events import EventClassification

_VOID = {"meta", "img", "br", "input", "link", "hr"}
_ADDRESSES = ("src", "href", "srcset", "data", "action", "poster", "xlink:href")


class Read(HTMLParser):
    """What is in a page: texts, addresses, sections, elements, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.addresses, self.sections, self.words = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.addresses += [given[name] for name in _ADDRESSES if name in given]
        if tag == "section":
            self.sections.append(given["id"])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in _ADDRESSES]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("kind", ["events", "images", pytest.param("text", marks=pytest.mark.system)])
def test_a_page_of_every_kind_of_data_asks_nothing_of_a_network(request, kind):
    text = page(request.getfixturevalue(kind))
    found = Read(text)
    assert [address for address in found.addresses if not address.startswith(("#", "data:image/"))] == []
    assert "url(http" not in text
    assert "@import" not in text
    assert "This part is missing" not in text
    assert found.sections[:2] == ["verdict", "data"]
    assert found.sections[-1] == "commands"
    assert {"progress", "leaderboard", "shipped", "spent"} <= set(found.sections)
    assert ("learning" in found.sections) == (kind == "images")  # of the others there is one epoch
    assert ("tokens read before" in text) == (kind == "text")


def test_the_numbers_are_those_of_the_result(events):
    found = Read(page(events))
    result = json.loads((events.directory / REPORT).read_text())
    for row in result["rows"]:
        assert row["name"] in found.text
        for value in (row["validation"]["roc_auc"], row["test"]["roc_auc"], *row.get("interval", [])):
            assert f"{value:.4f}" in found.text
    for trial in events.history().best:
        assert f"{trial.score:.4f}" in found.text
        assert events.space.genotype(trial.architecture) in found.text


def test_the_same_run_gives_the_same_page(events):
    assert page(events) == page(Run.open(events.directory))


def test_what_was_kept_of_the_test_examples_is_what_asking_again_gives(events, tmp_path):
    copy = Run.open(shutil.copytree(events.directory, tmp_path / "shopping"))
    kept = page(copy)
    (copy.directory / TESTED).unlink()
    assert page(copy) == kept
    assert "test examples" in kept


def test_a_search_writes_it_and_the_command_writes_it_anew(events, tmp_path, capsys):
    written = (events.directory / PAGE).read_text(encoding="utf-8")
    main(["report", str(events.directory), "--to", str(tmp_path / "mine.html")])
    assert capsys.readouterr().out == f"report: {tmp_path / 'mine.html'}\n"
    assert (tmp_path / "mine.html").read_text(encoding="utf-8") == written


def test_a_search_that_has_not_ended_looks_at_no_test_example(tmp_path):
    run = searched(tmp_path / "run", **QUICK)
    found = Read(page(run))
    assert "3 of 3 trials have ended; the best so far is trial" in found.text
    assert "validation examples. It was chosen by these" in found.text
    assert not (run.directory / TESTED).exists()
    assert f"nasplus resume {run.directory}" in found.text


@pytest.mark.parametrize("scores", [[], [5.0, None]])
def test_a_search_that_runs_tells_what_is_in_training(tmp_path, scores):
    run = failed(tmp_path / "run", scores)
    journal = Journal.open(run.directory / JOURNAL)
    architecture = {"tens": 9, "ones": 9}
    journal.ask(Proposal(architecture))
    found = Read(page(run))  # while another process writes
    journal.close()
    assert "1 trial is in training" in found.text
    assert f"{len(scores)} of 20 trials have ended" in found.text
    assert "The search has not ended" in found.text


HOSTILE = "<script>alert(1)</script>"


def test_the_names_of_columns_are_text(tmp_path):
    tables = [table.rename(columns={"shop": HOSTILE, "loyal": f"loyal {HOSTILE}"}) for table in shopping()]
    columns = {**COLUMNS, "target": f"loyal {HOSTILE}"}
    cache = prepare(*tables, **columns, out=tmp_path / "run" / CACHE, progress=False)
    evaluator = EventClassification(str(cache))
    space = described(EventSequenceSpace, EventDataModule(cache).shape.to_json())
    settings = Settings(space=space, evaluator=described(EventClassification, evaluator.init_args), objective="roc_auc")
    scored(Run.create(tmp_path / "run", settings), [0.6, 0.7])
    found = Read(page(Run.open(tmp_path / "run")))
    assert found.text.count(HOSTILE) == 2
    assert found.tags.count("script") == 2  # the page's own, and the details of the drawings


def test_the_names_of_classes_are_text(images):
    found = Read(page(images))
    assert "<b>dog</b>" in found.text
    assert "b" not in found.tags
    assert "$x$" in found.text


def failed(directory, scores) -> Run:
    """A search of models that have no drawings; None is a failure with a hostile reason."""
    settings = Settings(space=described(Digits, {}), evaluator=described(Worth, {}), objective="worth")
    return scored(Run.create(directory, settings), scores)


def scored(run, scores) -> Run:
    """A run with these scores of random architectures, none of which was trained."""
    journal, rng = Journal.create(run.directory / JOURNAL, run.space.search_space), np.random.default_rng(0)
    for score in scores:
        trial = journal.ask(Proposal(run.space.search_space.sample(rng)))
        journal.tell(trial.number, Outcome(score=score, reason=None if score else f"no memory {HOSTILE} & more"))
    journal.close()
    return run


@pytest.mark.parametrize("scores", [[None], [None, None, None]])
def test_a_run_without_a_success_names_its_reasons_as_text(tmp_path, scores):
    found = Read(page(failed(tmp_path / "run", scores)))
    assert f"no memory {HOSTILE} & more" in found.text
    assert f"{len(scores)} of {len(scores)} trials failed" in found.text
    assert "leaderboard" not in found.sections
    assert found.tags.count("script") == 1


def test_a_space_without_drawings_and_data_is_told_of_in_tables(tmp_path):
    found = Read(page(failed(tmp_path / f"run {HOSTILE.replace('/', '')}", [3.0, None, 7.0, 5.0, 4.0])))
    assert "img" not in found.tags
    assert "7.0000" in found.text
    assert "too few to say what random search would have reached" not in found.text
    assert "1 of 5 trials failed" in found.text
    assert found.tags.count("script") == 1


def test_a_part_whose_data_are_gone_is_named_and_the_others_are_there(events, tmp_path):
    copy = shutil.copytree(events.directory, tmp_path / "shopping")
    shutil.rmtree(copy / "data")
    found = Read(page(Run.open(copy)))
    assert re.search(r"This part is missing: \S+data is not there; copy all of the directory", found.text)
    assert {"verdict", "leaderboard", "commands"} <= set(found.sections)


@pytest.mark.parametrize(
    ("path", "value"), [(["rows"], None), (["rows", 0, "test"], {}), (["random_search"], "x"), (["rows"], [])]
)
def test_a_damaged_result_is_one_line(events, tmp_path, capsys, path, value):
    copy = shutil.copytree(events.directory, tmp_path / "shopping")
    content = json.loads((copy / REPORT).read_text())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (copy / REPORT).write_text(json.dumps(content))
    assert f"{copy / REPORT} is damaged" in refused(capsys, "report", copy)


def test_bad_input_is_one_line(tmp_path, capsys):
    assert "holds no search" in refused(capsys, "report", tmp_path)
    assert "end it in .html" in refused(capsys, "report", tmp_path, "--to", "page.pdf")
    Run.create(tmp_path / "run", Settings(space=described(Digits, {}), evaluator=described(Worth, {})))
    assert "has no trial yet" in refused(capsys, "report", tmp_path / "run")
