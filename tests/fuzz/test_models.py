"""Folders of exported networks: one that scores new data, or a line that names what is damaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
from exports import EXPORTS
from fuzzing import Room, fuzzed
from mutations import BYTES, Choices, mutated, mutated_json, written_json

from nni_nasplus.run.model import ARCHITECTURE, Model
from nni_nasplus.training.trial_folder import WEIGHTS

PREPROCESSING = "*[yg].json"
"""Also called vocabulary.json."""
_WORDS = ("class_path", "init_args", "nni_nasplus.spaces.images.DartsSpace", "none", "number", "character", "F32", 8)


def write(room: Room, name: str, damaged: str, choices: Choices) -> None:
    """Write the folder of an export, one of whose files is damaged."""
    export = EXPORTS[name]
    export.preprocessing.save(room.path)
    for file, content in export.files.items():
        (room.path / file).write_bytes(content)
    for path in room.path.glob(damaged):
        path.write_bytes(changed(path.read_bytes(), choices))
    np.savez(room.path / "images.npz", x=np.zeros((2, 4, 4, 1), np.uint8))
    (room.path / "text.txt").write_text("a b c\nb a\n", encoding="utf-8")


def changed(content: bytes, choices: Choices) -> bytes:
    """A file of JSON, or that begins with it after its length, with other values; or one with other bytes."""
    if not choices.below(4):
        return mutated(content, choices, BYTES)
    if content.startswith(b"{"):
        return written_json(mutated_json(json.loads(content), choices, _WORDS)).encode()
    end = 8 + int.from_bytes(content[:8], "little")
    header = written_json(mutated_json(json.loads(content[8:end]), choices, _WORDS)).encode()
    return len(header).to_bytes(8, "little") + header + content[end:]


@pytest.mark.parametrize("file", [ARCHITECTURE, PREPROCESSING, WEIGHTS])
@pytest.mark.parametrize("name", EXPORTS)
@fuzzed(share=0.1)
def test_a_folder_is_loaded_or_refused(name, file, room, choices):
    """A tenth of the inputs for each of nine, for most of the time a network is made and its folder written."""
    write(room, name, file, choices)
    data = EXPORTS[name].data
    with room.input():
        model = Model.load(room.path)
        assert len(model.predict(room.path / data if isinstance(data, str) else data))
