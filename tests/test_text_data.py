"""Prepared text: what a token is, what is known of it, and how it is read in pieces."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from events_data import data_path
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import UserError
from nni_nasplus.data.text import TextBatches, TextDataModule, Vocabulary, prepare_text, source
from nni_nasplus.data.text.batches import IGNORED, piece_ends

WORDS = [f"w{i}" for i in range(30)]
TEXT = st.text(st.sampled_from("ab é—\t\n\r"), max_size=60)


def lines(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, rng.integers(1, 9))) + "\n" for _ in range(n))


def written(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def cached(folder, train, *rest, out="cache", **options):
    names = ("train.txt", "valid.txt", "test.txt")
    files = [
        None if text is None else written(folder / name, text)
        for name, text in zip(names, (train, *rest), strict=False)
    ]
    return prepare_text(*files, out=folder / out, progress=False, **options)


def ids(cache, split):
    return np.load(cache / f"{split}.npy", allow_pickle=False)


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


@given(st.lists(st.lists(st.sampled_from(range(2, 6)), min_size=1), min_size=1))
def test_numbers_of_words_become_text_and_numbers_again(sentences):
    vocabulary = Vocabulary(("<unk>", "<eos>", "a", "É", "b.", "'"))
    numbers = [number for sentence in sentences for number in [*sentence, 1]]
    assert vocabulary.encode(vocabulary.decode(numbers)).tolist() == numbers
    assert vocabulary.encode(vocabulary.decode(numbers[:-1])).tolist() == numbers[:-1], "a line may be unfinished"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_characters_become_numbers_and_text_again(text):
    vocabulary = Vocabulary.of(Counter(text), "character")
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_a_vocabulary_goes_from_folder_to_folder(tmp_path):
    cache = cached(tmp_path, "é b é\n", "b\n", "b\n")
    vocabulary = Vocabulary.load(cache)
    vocabulary.save(tmp_path / "exported")
    assert Vocabulary.load(tmp_path / "exported") == vocabulary
    vocabulary.require_known_by(4)
    with pytest.raises(UserError, match="the text has 4 tokens, the network 3; build the network with vocabulary 4"):
        vocabulary.require_known_by(3)


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


sizes = {"n": st.integers(2, 200), "batch_size": st.integers(1, 12), "bptt": st.integers(1, 30)}


@given(**sizes, seed=st.none() | st.integers(0, 99))
def test_every_token_but_the_first_is_a_target_once_after_the_one_before(n, batch_size, bptt, seed):
    batches = TextBatches(np.arange(n, dtype=np.uint16), batch_size, bptt, seed)
    for _ in range(2):
        found = list(batches)
        assert len(found) == len(batches)
        targets = torch.cat([batch.targets for batch in found])
        tokens = torch.cat([batch.tokens for batch in found])
        there = targets != IGNORED
        assert sorted(targets[there].tolist()) == list(range(1, n))
        assert (targets - tokens)[there].eq(1).all()
        assert tokens.diff(dim=0)[there[1:]].eq(1).all(), "a column goes on from piece to piece"
        assert [batch.first for batch in found] == [True] + [False] * (len(found) - 1)
        assert there[:, 0].all(), "the columns are equally long, but for the last"


@given(**sizes, seed=st.integers(0, 99), number=st.integers(0, 3), data=st.data())
def test_a_pass_goes_on_where_it_was_left(n, batch_size, bptt, seed, number, data):
    text = np.arange(n, dtype=np.uint16)
    batches = TextBatches(text, batch_size, bptt, seed)
    for _ in range(number):
        list(batches)
    read = data.draw(st.integers(1, len(batches)))
    reading = iter(batches)
    for _ in range(read):
        next(reading)
    resumed = TextBatches(text, batch_size, bptt, seed)
    resumed.load_state_dict(batches.state_dict())
    expected = [*reading, *batches]
    found = [*resumed, *resumed]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.first == other.first
        assert torch.equal(one.tokens, other.tokens)


def test_lengths_are_those_of_awd_lstm():
    ends = [piece_ends(100_000, 70, np.random.default_rng((0, number))) for number in range(20)]
    assert len({tuple(one) for one in ends}) == 20
    assert len({len(one) for one in ends}) == 1
    lengths = np.diff(ends, prepend=0, axis=1)
    assert lengths.sum(1).tolist() == [100_000] * 20
    assert lengths.mean() == pytest.approx(0.975 * 70, rel=1e-3)
    assert lengths.min() >= 5
    long = lengths[lengths > 52]
    assert len(long) / lengths.size == pytest.approx(0.95, abs=0.01)
    assert long.mean() == pytest.approx(70, abs=0.3)
    assert long.std() == pytest.approx(5, abs=0.2)
    assert lengths[lengths <= 52].mean() == pytest.approx(35, abs=1)


def test_the_lengths_of_an_epoch_are_its_own_and_only_of_training(tmp_path):
    cache = cached(tmp_path, lines(400))

    def lengths(loader):
        return [len(batch.tokens) for batch in loader]

    one, same, other = (TextDataModule(cache, 4, 20, seed=seed).train_dataloader() for seed in (0, 0, 1))
    assert (first := lengths(one)) == lengths(same) != lengths(other)
    assert lengths(one) == lengths(same) != first
    data = TextDataModule(cache, 4, 20)
    assert set(lengths(data.val_dataloader())[:-1]) == set(lengths(data.test_dataloader())[:-1]) == {20}
    assert set(lengths(TextDataModule(cache, 4, 20, variable=False).train_dataloader())[:-1]) == {20}


def test_columns_that_a_text_is_too_short_for_are_named(tmp_path):
    cache = cached(tmp_path, lines(12))
    n = len(ids(cache, "train"))
    TextDataModule(cache, (n - 1) // 2)
    with pytest.raises(UserError, match=f"the training text has {n} tokens, too few to read {n} columns of it"):
        TextDataModule(cache, n)
    with pytest.raises(UserError, match="batch_size is 0; use 1 or more"):
        TextDataModule(cache, 0)
