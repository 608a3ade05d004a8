"""An exported network and its preprocessing fit each other, or the folder is refused before it scores anything."""

from __future__ import annotations

import json

import pytest
from exports import EXPORTS

from nni_nasplus import UserError
from nni_nasplus.run.model import Model

CATEGORY = {"name": "mall", "values": ["c"], "kind": "text"}
NUMBER = {"name": "weight", "centre": 0.0, "scale": 1.0, "missing": False, "kind": "number", "style": ""}
OTHER_SIZES = [
    ("events", "max_length", 2**40),
    ("events", "target", {"kind": "classes", "name": "label", "values": ["no"]}),
    ("events", "target", {"kind": "classes", "name": "label", "values": ["no", "yes", "perhaps"]}),
    ("events", "target", {"kind": "classes", "name": "label", "values": ["no", "no"]}),
    ("events", "target", {"kind": "number", "name": "label", "centre": 0.0, "scale": 1.0}),
    ("events", "categorical", []),
    ("events", "categorical", [CATEGORY, CATEGORY]),
    ("events", "categorical", [CATEGORY]),
    ("events", "categorical", [{**CATEGORY, "values": ["a", "b", "c"]}]),
    ("events", "numeric", []),
    ("events", "numeric", [NUMBER]),
    ("events", "numeric", [NUMBER, NUMBER, NUMBER]),
    ("events", "max_length", 0),
    ("images", "classes", []),
    ("images", "classes", ["cat", "cat"]),
    ("images", "classes", ["cat", "\ud800"]),
    ("images", "classes", ["cat", "dog", "cow"]),
    ("images", "mean", []),
    ("images", "mean", [0.5, 0.5, 0.5]),
    ("images", "std", []),
    ("images", "std", [0.25, 0.25, 0.25]),
    ("images", "size", 0),
    ("text", "tokens", []),
    ("text", "tokens", ["<unk>", "a", "b", "<eos>", "c"]),
]


@pytest.fixture
def folder(request, tmp_path):
    """The folder of a small export, by its kind of data."""
    export = EXPORTS[request.param]
    export.preprocessing.save(tmp_path)
    for name, content in export.files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(("folder", "name", "value"), OTHER_SIZES, indirect=["folder"])
def test_a_preprocessing_of_other_sizes_than_the_network_is_refused(folder, name, value):
    (path,) = folder.glob("*[yg].json")
    content = json.loads(path.read_text())
    assert type(content[name]) is type(value)
    path.write_text(json.dumps({**content, name: value}))
    with pytest.raises(UserError, match=r"is damaged \(.+\); export the network again"):
        Model.load(folder)


@pytest.mark.parametrize("folder", ["events"], indirect=True)
@pytest.mark.parametrize(
    "target",
    [
        {},
        {"kind": "ranks", "name": "label"},
        {"kind": "classes", "name": "label", "values": "no"},
        {"kind": "number", "name": "label", "scale": 0.0},
        {"kind": "tags", "columns": ["a", "b"], "values": [[0, 1]]},
    ],
)
def test_a_target_that_is_none_is_damage_of_its_file(folder, target):
    path = folder / "preprocessing.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "target": target}))
    with pytest.raises(UserError, match=r"preprocessing\.json is damaged \(.+\); restore it from a copy"):
        Model.load(folder)


@pytest.mark.parametrize("folder", EXPORTS, indirect=True)
def test_one_of_the_same_sizes_is_loaded(folder):
    assert Model.load(folder).metrics == {"accuracy": 0.5}


@pytest.mark.parametrize("folder", ["text"], indirect=True)
def test_a_network_may_know_more_tokens_than_the_vocabulary(folder):
    path = folder / "vocabulary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tokens": ["<unk>", "a"]}))
    assert len(Model.load(folder).preprocessing) == 2
