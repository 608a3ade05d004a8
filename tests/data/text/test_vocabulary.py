"""Vocabularies: words and characters become numbers and text again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import cached

from nni_nasplus import UserError
from nni_nasplus.data.text import Vocabulary


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
