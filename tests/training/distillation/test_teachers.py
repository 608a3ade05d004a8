"""Who teaches, with which logits, and what happens where they are damaged."""

from __future__ import annotations

import os
import shutil
import warnings

import numpy as np
import pytest
import torch
from school import EARLY, STUDENT, TRAINED, evaluator, stored, teachers, weights_of

from nni_nasplus import Journal, Outcome, Proposal, UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import Examples, find_teachers, ranked


class TestWhoTeaches:
    def test_the_best_in_the_searchs_direction(self, cache, space, run):
        assert teachers(cache, space, run).numbers == (1, 3, 2)
        assert teachers(cache, space, run, n_teachers=1).numbers == (1,)
        journal = run / "journal.jsonl"
        journal.write_text(journal.read_text().replace("maximize", "minimize"))
        assert teachers(cache, space, run, n_teachers=2).numbers == (0, 2)

    def test_an_architecture_never_teaches_itself(self, cache, space, run):
        assert teachers(cache, space, run, TRAINED[3]).numbers == (1, 2, 0)
        assert teachers(cache, space, run, TRAINED[0], n_teachers=9).numbers == (1, 3, 2)

    def test_failed_pending_and_imported_trials_do_not_teach(self, cache, space, run):
        journal = Journal.open(run / "journal.jsonl")
        for genotype, origin, outcome in (
            ("00|0|||00", "random", Outcome()),
            ("00|1|||00", "imported", Outcome(score=1.0)),
            ("01|1|||00", "random", None),
        ):
            trial = journal.ask(Proposal(space.parse_genotype(genotype), origin))
            if outcome is not None:
                journal.tell(trial.number, outcome)
        journal.close()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert teachers(cache, space, run, n_teachers=9).numbers == (1, 3, 2, 0)

    def test_nobody_before_n_skip_trials_have_finished(self, cache, space, run):
        assert teachers(cache, space, run, n_skip=5) is None
        assert teachers(cache, space, run, n_skip=4).numbers == (1, 3, 2)
        assert stored(run)

    def test_a_journal_that_is_being_written_to_is_read_quietly(self, cache, space, run):
        with (run / "journal.jsonl").open("a") as file:
            file.write('{"event": "ask", "num')
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert teachers(cache, space, run).numbers == (1, 3, 2)

    def test_the_ranking_is_the_journals(self, space, run):
        history = Journal.read(run / "journal.jsonl").history
        assert [trial.number for trial in ranked(history, space).values()] == [1, 3, 2, 0]


class TestLogits:
    def test_they_are_the_evaluation_modes_row_by_row_whatever_the_batches(self, cache, space, run):
        found = teachers(cache, space, run)
        network = space.trained(space.parse_genotype(TRAINED[1]), weights_of(run, space, 1)).eval()
        data = EventDataModule(cache, batch_size=5, seed=3)
        with torch.inference_mode():
            for batch in data.train_dataloader():
                torch.testing.assert_close(found.of(batch.row)[0], network(batch), atol=1e-5, rtol=1e-4)
        assert found.ids.tolist() == data.arrays.rows("train").tolist()
        assert all(logits.shape == (len(found.ids), 2) and not logits.flags.writeable for logits in found.logits)

    def test_validation_and_test_users_have_none(self, cache, space, run):
        found = teachers(cache, space, run)
        for split in ("val", "test"):
            rows = torch.from_numpy(EventDataModule(cache).arrays.rows(split))
            assert found.of(rows).isnan().all()

    def test_they_are_computed_once(self, cache, space, run):
        first = teachers(cache, space, run)
        before = [(path.name, path.stat().st_mtime_ns) for path in stored(run)]
        for number in range(4):
            weights_of(run, space, number).unlink()
        again = teachers(cache, space, run)
        assert [(path.name, path.stat().st_mtime_ns) for path in stored(run)] == before
        assert all(np.array_equal(a, b) for a, b in zip(first.logits, again.logits, strict=True))

    def test_another_split_of_the_users_does_not_get_these(self, cache, space, run):
        teachers(cache, space, run)
        examples = evaluator(cache).examples()
        other = Examples(examples.ids + 1, examples.n_classes, examples.batches, lambda batch: batch.row + 1)
        find_teachers(run, space, space.parse_genotype(STUDENT), Distillation(**EARLY), other)
        assert len(stored(run)) == 6

    def test_ids_that_do_not_tell_samples_apart_are_refused(self):
        with pytest.raises(UserError, match="not ascending and distinct"):
            Examples(np.array([1, 2, 2]), 2, [], lambda batch: batch)

    def test_computing_them_leaves_the_global_generator_alone(self, cache, space, run):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        teachers(cache, space, run)
        assert torch.equal(torch.rand(3), expected)


def half_written(path):
    path.write_bytes(path.read_bytes()[:-40])


def garbage(path):
    path.write_bytes(os.urandom(5000))


def wrong_shape(path):
    np.save(path, np.zeros((3, 2), np.float32))


def pickled(path):
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("damage", [half_written, garbage, wrong_shape, pickled])
class TestDamage:
    def test_it_is_computed_anew_where_the_weights_are_there(self, cache, space, run, damage):
        before = [logits.copy() for logits in teachers(cache, space, run).logits]
        damage(stored(run)[0])
        with pytest.warns(UserWarning, match=f"{stored(run)[0].name} was damaged and is computed anew") as caught:
            found = teachers(cache, space, run)
        assert len(caught) == 1
        assert found.numbers == (1, 3, 2)
        assert all(np.array_equal(a, b) for a, b in zip(before, found.logits, strict=True))

    def test_the_next_best_teaches_where_they_are_not(self, cache, space, run, damage):
        teachers(cache, space, run, n_teachers=1)
        damage(stored(run)[0])
        weights_of(run, space, 1).unlink()
        with pytest.warns(UserWarning, match="trial 1 is skipped as a teacher: .*model.safetensors") as caught:
            assert teachers(cache, space, run).numbers == (3, 2, 0)
        assert len(caught) == 1


def test_a_teacher_without_weights_or_with_unusable_ones_is_skipped_with_a_warning(cache, space, run):
    weights_of(run, space, 1).write_bytes(weights_of(run, space, 1).read_bytes()[:1000])
    shutil.copy(weights_of(run, space, 0), weights_of(run, space, 3))
    weights_of(run, space, 2).unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert teachers(cache, space, run).numbers == (0,)
    assert sorted(str(w.message).partition(" is skipped")[0] for w in caught) == ["trial 1", "trial 2", "trial 3"]
    weights_of(run, space, 0).unlink()
    shutil.rmtree(run / "teachers")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert teachers(cache, space, run) is None
    assert len(caught) == 4
