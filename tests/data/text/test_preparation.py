"""Preparing text: what a token is, how files are read, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from events_data import data_path
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import cached, ids, lines, written

from nni_nasplus import UserError
from nni_nasplus.data.text import TextDataModule, Vocabulary, prepare_text, source

TEXT = st.text(st.sampled_from("ab é—\t\n\r"), max_size=60)


def test_words_are_what_white_space_separates_and_lines_that_have_any_end(tmp_path):
    cache = cached(tmp_path, "b  a\tb\n\n   \n a", "a c\n", "b\n")
    vocabulary = Vocabulary.load(cache)
    assert vocabulary.tokens == ("<unk>", "<eos>", "a", "b"), "the most frequent first, ties by text"
    assert vocabulary.decode(ids(cache, "train")) == "b a b\na\n"
    assert vocabulary.decode(ids(cache, "val")) == "a <unk>\n", "known is what the training text has"


def test_characters_are_all_tokens(tmp_path):
    text = "ab \n\nba\n"
    cache = cached(tmp_path, text, "ax\n", "bé\n", level="character")
    vocabulary = Vocabulary.load(cache)
    assert set(vocabulary.tokens) == {"<unk>", *text}
    assert vocabulary.decode(ids(cache, "train")) == text
    assert vocabulary.decode(ids(cache, "test")) == "b<unk>\n"


def test_what_is_rare_is_unknown(tmp_path):
    train = "a a a a b b b c c d\n"
    for options, known in [
        ({"vocabulary": 3}, {"a", "b"}),
        ({"min_count": 2}, {"a", "b", "c"}),
        ({"vocabulary": 3, "min_count": 4}, {"a"}),
        ({}, {"a", "b", "c", "d", "<eos>"}),
    ]:
        cache = cached(tmp_path, train, "a d\n", "b\n", out=str(options), **options)
        assert set(Vocabulary.load(cache).tokens) == {"<unk>", *known}


@pytest.mark.parametrize(
    ("size", "kind"), [(254, np.uint8), (255, np.uint16), (65_534, np.uint16), (65_535, np.uint32)]
)
def test_numbers_take_no_more_room_than_they_need(tmp_path, size, kind):
    words = "\n".join(f"w{i}" for i in range(size))
    cache = cached(tmp_path, words, "w1 w2", "w3 w4")
    assert len(Vocabulary.load(cache)) == size + 2
    assert ids(cache, "train").dtype == kind
    assert ids(cache, "train").max() == size + 1


def test_a_text_without_the_others_is_split_by_lines_in_order(tmp_path):
    text = "".join(f"{i} x\n" for i in range(50))
    cache = cached(tmp_path, text)
    assert [len(ids(cache, split)) for split in ("train", "val", "test")] == [120, 15, 15]
    cache = cached(tmp_path, text, "y z\n", out="with valid")
    assert [len(ids(cache, split)) for split in ("train", "val", "test")] == [135, 3, 15]
    assert Vocabulary.load(cache).decode(ids(cache, "train")) == text[: text.index("45")]
    cache = cached(tmp_path, text, None, "y z\n", out="with test")
    assert [len(ids(cache, split)) for split in ("train", "val", "test")] == [135, 15, 3]


@pytest.mark.parametrize(
    ("text", "level", "parts"),
    [
        (" ".join("abcdefghij" * 2), "word", ["abcdefghijabcdef", "gh", "ij"]),
        (" ".join("abcdefghij" * 2) + "\n", "word", ["abcdefghijabcdefg", "hi", "j"]),
        ("a b c d e f\ng h\ni j", "word", ["abcdefgh", "i", "j"]),
        ("\ufeff" + "éèêëa" * 4, "character", ["éèêëa" * 3 + "é", "èê", "ëa"]),
    ],
)
def test_a_text_of_few_lines_is_split_by_words_or_characters(tmp_path, monkeypatch, text, level, parts):
    monkeypatch.setattr(source, "_LONGEST", 3)
    parted = source.TextSource(written(tmp_path / "train.txt", text)).cut(0.8, 0.1, 0.1, words=level == "word")
    found = ["".join(part.read("", progress=False)) for part in parted]
    assert ["".join(part.split()) for part in found] == parts
    assert "".join("".join(part.split()) for part in found) == "".join(text.removeprefix("\ufeff").split())


@settings(max_examples=50, deadline=None)
@given(text=TEXT, level=st.sampled_from(["word", "character"]), longest=st.integers(1, 9))
def test_files_are_read_in_parts_of_any_size_as_if_they_were_read_at_once(tmp_path_factory, text, level, longest):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_LONGEST", longest)
        cache = cached(tmp_path_factory.mktemp("text"), "a b\n" + text, "a b\n", "a b\n", level=level)
    whole = "a b\n" + text + ("" if text.endswith("\n") or not text else "\n")
    whole = whole.replace("\r\n", "\n")
    vocabulary = Vocabulary.load(cache)
    assert ids(cache, "train").tolist() == vocabulary.encode(whole).tolist()
    assert 0 not in ids(cache, "train")


def test_a_byte_order_mark_is_no_letter(tmp_path):
    cache = cached(tmp_path, "\ufeffa b a\n", "a\n", "a\n")
    assert set(Vocabulary.load(cache).tokens) == {"<unk>", "<eos>", "a", "b"}


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ((lines(),), {"level": "sentence"}, "level 'sentence' is unknown; choose word or character"),
        ((lines(),), {"vocabulary": 1}, "a vocabulary of 1 leaves nothing to predict; use 2 or more"),
        ((lines(),), {"min_count": 0}, "min_count is 0; use 1 or more"),
        (("",), {}, "train.txt is empty"),
        ((lines(), ""), {}, "valid.txt is empty"),
        (("\n \n",), {}, "leaves 0 tokens for train"),
        (
            ("all in one line\n",),
            {},
            "leaves 0 tokens for val, of 2 at the least: give a longer text, one of more lines",
        ),
    ],
)
def test_what_is_no_text_is_named_and_leaves_nothing(tmp_path, texts, options, message):
    with pytest.raises(UserError, match=message):
        cached(tmp_path, *texts, **options)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_files_that_are_missing_or_in_another_encoding_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no file .*nowhere\.txt: check the path"):
        prepare_text(tmp_path / "nowhere.txt", out=tmp_path / "cache")
    latin = tmp_path / "latin.txt"
    latin.write_bytes("eins\nzwei\nfünf\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"line 3 of .*latin.txt is not UTF-8 .*: convert it"):
        prepare_text(latin, latin, latin, out=tmp_path / "cache", progress=False)
    assert not (tmp_path / "cache").exists()


def test_a_text_is_prepared_once_and_another_is_refused(tmp_path):
    cache = cached(tmp_path, lines())
    before = (cache / "train.npy").stat().st_mtime_ns
    prepare_text(tmp_path / "train.txt", out=cache)
    assert (cache / "train.npy").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="was prepared from other files or settings"):
        prepare_text(tmp_path / "train.txt", out=cache, vocabulary=5)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(UserError, match="exists and is no prepared text: choose another folder"):
        prepare_text(tmp_path / "train.txt", out=tmp_path / "other")
    with pytest.raises(UserError, match=r"no .*vocabulary.json: prepare a text first"):
        TextDataModule(tmp_path / "other")


def test_unknown_tokens_that_training_never_sees_are_warned_of(tmp_path, caplog):
    cached(tmp_path, "a a b\n", "a c d\n", "a a\n")
    assert "2 of 4 tokens for val are unknown" in caplog.text
    caplog.clear()
    cached(tmp_path, "a a b\n", "a c d\n", "a a\n", out="rare", min_count=2)
    assert not caplog.text


def test_the_published_numbers_of_words(tmp_path):
    valid, test = data_path("text/wikitext2_valid.txt"), data_path("text/wikitext2_test.txt")
    cache = prepare_text(valid, test, test, out=tmp_path / "cache", progress=False)
    end = Vocabulary.load(cache).numbers["<eos>"]
    assert (ids(cache, "train") != end).sum() == 213_886
    assert (ids(cache, "val") != end).sum() == 241_211
