"""Distillation: the loss, who teaches, what is kept on disk, and what a student gets from it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from conftest import COLUMNS, shopping
from nni.nas.experiment import NasExperiment
from nni_server import free_port
from safetensors.torch import load_file
from test_command import asking, nasplus, refused
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import Journal, UserError
from nni_nasplus.cli.tasks.events import EventTask
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.hosts.nni import NasStrategy, NasTuner
from nni_nasplus.run.run import Run
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.strategies import RandomSearch
from nni_nasplus.training.distillation.logit_store import LogitStore
from nni_nasplus.training.distillation.loss import Distilled, Teachers, distillation_loss
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import Examples, find_teachers, logits_of, ranked
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification, RecurrentBaseline
from nni_nasplus.training.trial_folder import teachers_of, trial_directory, write_teachers

TRAINED = ["01|1|agc1|44,12|00", "10|0|g,a2|28|12", "21|1|||01", "00|0|c|11|02"]
SCORES = [0.6, 0.9, 0.7, 0.8]
STUDENT = "11|1|ac4|22|00"
EARLY = {"n_skip": 2}


@pytest.fixture(scope="module")
def space(cache):
    return EventSequenceSpace(**EventDataModule(cache).shape.to_json())


def evaluator(cache, distillation=None, **options):
    return EventClassification(str(cache), **{"epochs": 2, "batch_size": 32, **options}, distillation=distillation)


@pytest.fixture(scope="module")
def school(cache, space, tmp_path_factory):
    """A run whose four trials are trained, with scores made up."""
    run = tmp_path_factory.mktemp("school")
    archive = Journal.create(run / "journal.jsonl", {"direction": "maximize"})
    for genotype, score in zip(TRAINED, SCORES, strict=True):
        trial = archive.ask(space.parse_genotype(genotype), "random")
        folder = trial_directory(run, space.search_space.key(trial.architecture))
        evaluator(cache).evaluate(space, trial.architecture, folder)
        archive.tell(trial.number, score)
    archive.close()
    return run


@pytest.fixture
def run(school, tmp_path):
    return Path(shutil.copytree(school, tmp_path / "run"))


def teachers(cache, space, run, genotype=STUDENT, **settings):
    examples = evaluator(cache).examples()
    return find_teachers(run, space, space.parse_genotype(genotype), Distillation(**EARLY | settings), examples)


def weights_of(run, space, number):
    key = space.search_space.key(space.parse_genotype(TRAINED[number]))
    return trial_directory(run, key) / "model.safetensors"


def stored(run):
    return sorted((run / "teachers").glob("*.npy"))


class TestLoss:
    """By hand, B = 3, C = 2."""

    student = torch.tensor([[1.0, -1.0], [0.5, 2.0], [0.0, 0.0]])
    teacher = torch.tensor([[[2.0, 0.0], [0.5, 1.0], [1.0, 3.0]], [[1.0, -1.0], [0.0, 2.0], [4.0, 0.0]]])
    loss = torch.tensor(0.7)

    def test_squared_error(self):
        first = 0.5 * np.mean([1, 1, 0, 1, 1, 9])
        second = 0.5 * np.mean([0, 0, 0.25, 0, 16, 0])
        found = distillation_loss(self.loss, self.student, self.teacher, Distillation(weight=0.3))
        assert found.item() == pytest.approx(0.7 * 0.7 + 0.3 * (first + second) / 2)

    @pytest.mark.parametrize("temperature", [1.0, 4.0])
    def test_divergence_is_torchs_own(self, temperature):
        settings = Distillation(weight=1.0, loss="kl", temperature=temperature)
        expected = [
            F.kl_div((self.student / temperature).log_softmax(-1), (t / temperature).softmax(-1), reduction="batchmean")
            for t in self.teacher
        ]
        found = distillation_loss(self.loss, self.student, self.teacher, settings)
        assert found.item() == pytest.approx(temperature**2 * sum(expected).item() / 2, rel=1e-5)

    @pytest.mark.parametrize("kind", ["mse", "kl"])
    def test_rows_that_are_not_finite_are_left_out_of_value_and_gradient(self, kind):
        settings = Distillation(loss=kind)
        holed = self.teacher.clone()
        holed[0, 1, 0], holed[0, 2, 1] = float("nan"), float("inf")
        student = self.student.clone().requires_grad_()
        found = distillation_loss(self.loss, student, holed[:1], settings)
        alone = distillation_loss(self.loss, self.student[:1], self.teacher[:1, :1], settings)
        assert found.item() == pytest.approx(alone.item())
        found.backward()
        assert student.grad[0].abs().sum() > 0
        assert student.grad[1:].abs().sum() == 0

    def test_a_teacher_without_a_finite_row_is_not_counted(self):
        holed = self.teacher.clone()
        holed[1] = float("nan")
        found = distillation_loss(self.loss, self.student, holed, Distillation())
        assert found == distillation_loss(self.loss, self.student, self.teacher[:1], Distillation())
        assert distillation_loss(self.loss, self.student, holed[1:], Distillation()) is self.loss

    def test_at_its_teacher_the_student_has_no_distance(self):
        for kind in ("mse", "kl"):
            found = distillation_loss(self.loss, self.student, self.student[None], Distillation(loss=kind))
            assert found.item() == pytest.approx(0.8 * 0.7)

    def test_logits_are_looked_up_by_sample_id(self):
        table = np.arange(6, dtype=np.float32).reshape(3, 2)
        found = Teachers(Distillation(), (0, 1), np.array([3, 7, 9]), (table, table + 10)).of(
            torch.tensor([9, 3, 8, 99])
        )
        assert found[0, :2].tolist() == [[4, 5], [0, 1]]
        assert found[1, :2].tolist() == [[14, 15], [10, 11]]
        assert found[:, 2:].isnan().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": 1.5}, "distillation.weight is 1.5; use a number from 0 to 1"),
        ({"weight": "much"}, "distillation.weight is 'much'"),
        ({"n_teachers": 0}, "distillation.n_teachers is 0; use a whole number, 1 or more"),
        ({"n_teachers": 2.5}, "distillation.n_teachers is 2.5"),
        ({"n_skip": -1}, "distillation.n_skip is -1"),
        ({"loss": "l1"}, "distillation.loss is 'l1'; use mse or kl"),
        ({"temperature": 0}, "distillation.temperature is 0; use a number above 0"),
        ({"max_bytes": 0}, "distillation.max_bytes is 0"),
        ({"teachers": 3}, "no setting 'teachers'; its settings: weight, n_teachers"),
    ],
)
def test_bad_settings_are_named_with_the_remedy(options, message):
    with pytest.raises(UserError) as error:
        Distillation.of(options)
    assert message in str(error.value)


class TestWhoTeaches:
    def test_the_best_in_the_searchs_direction(self, cache, space, run):
        assert teachers(cache, space, run).numbers == (1, 3, 2)
        assert teachers(cache, space, run, n_teachers=1).numbers == (1,)
        journal = run / "journal.jsonl"
        journal.write_text(journal.read_text().replace("maximize", "minimize"))
        assert teachers(cache, space, run, n_teachers=2).numbers == (0, 2)

    def test_an_architecture_teaches_once_and_never_itself(self, cache, space, run):
        archive = Journal.open(run / "journal.jsonl")
        for _ in range(3):
            archive.tell(archive.ask(space.parse_genotype(TRAINED[1]), "random").number, 0.95)
        archive.close()
        assert teachers(cache, space, run).numbers == (4, 3, 2)
        assert teachers(cache, space, run, TRAINED[3]).numbers == (4, 2, 0)

    def test_failed_pending_and_imported_trials_do_not_teach(self, cache, space, run):
        archive = Journal.open(run / "journal.jsonl")
        archive.tell(archive.ask(space.parse_genotype("00|0|||00"), "random").number, None)
        archive.tell(archive.ask(space.parse_genotype("00|1|||00"), "imported").number, 1.0)
        archive.ask(space.parse_genotype("01|1|||00"), "random")
        archive.close()
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

    def test_the_ranking_is_the_archives(self, space, run):
        assert [trial.number for trial in ranked(Journal.read(run / "journal.jsonl"), space).values()] == [1, 3, 2, 0]


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


class TestStore:
    shape = (50, 3)

    def store(self, folder, files=9, ranking="abcdef"):
        size = LogitStore(folder, self.shape, 1, []).file_bytes
        return LogitStore(folder, self.shape, files * size, list(ranking))

    def logits(self, value=1.0):
        return np.full(self.shape, value, np.float32)

    def test_what_is_kept_is_what_was_computed(self, tmp_path):
        store = self.store(tmp_path)
        made = np.random.default_rng(0).normal(size=self.shape)
        assert np.array_equal(store.get("a", lambda: made), made.astype(np.float32))
        assert np.array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), made.astype(np.float32))
        assert (tmp_path / "a.npy").stat().st_size == store.file_bytes

    def test_the_bound_holds_and_the_best_stay(self, tmp_path):
        mapped = {}
        for names in ("f", "e", "dc", "bx", "a"):
            for name in names:
                mapped[name] = self.store(tmp_path, 3).get(name, lambda name=name: self.logits(ord(name)))
            assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) <= self.store(tmp_path, 3).max_bytes
        assert sorted(path.stem for path in tmp_path.glob("*.npy")) == ["a", "b", "c"]
        assert all((logits == ord(name)).all() for name, logits in mapped.items())

    def test_a_computation_of_another_shape_is_refused_and_leaves_nothing(self, tmp_path):
        with pytest.raises(ValueError, match=r"its logits are \[50, 4\], not \[50, 3\]"):
            self.store(tmp_path).get("a", lambda: np.zeros((50, 4), np.float32))
        assert not list(tmp_path.glob("*.npy"))

    def test_processes_that_want_the_same_compute_it_once(self, tmp_path):
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_compute_slowly, args=(tmp_path, i)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
        assert len((tmp_path / "computed").read_text()) == 1

    @pytest.mark.parametrize("point", ["computing", "writing"])
    def test_a_killed_holder_blocks_nobody_and_leaves_no_half_file(self, tmp_path, point):
        code = f"""
import os, pathlib, signal, numpy as np
from nni_nasplus.training.distillation.logit_store import LogitStore
die = lambda *ignored: os.kill(os.getpid(), signal.SIGKILL)
if {point!r} == "writing":
    os.fsync = die
store = LogitStore(pathlib.Path({str(tmp_path)!r}), (50, 3), 10**6, [])
store.get("a", die if {point!r} == "computing" else lambda: np.ones((50, 3)))
"""
        done = subprocess.run([sys.executable, "-c", code], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not list(tmp_path.glob("*.npy"))
        assert bool(list(tmp_path.glob(".*.partial"))) == (point == "writing")
        self.store(tmp_path).get("b", self.logits)
        assert not list(tmp_path.glob(".*.partial"))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(self.store(tmp_path).get("a", self.logits), self.logits())

    def test_a_partial_file_of_a_living_writer_is_left_alone(self, tmp_path):
        store = self.store(tmp_path)

        def while_writing():
            (tmp_path / ".a.partial").touch()
            self.store(tmp_path).get("b", self.logits)
            assert (tmp_path / ".a.partial").exists()
            return self.logits()

        store.get("a", while_writing)
        assert sorted(path.stem for path in tmp_path.glob("*.npy")) == ["a", "b"]


def _compute_slowly(folder, worker):
    def compute():
        with (folder / "computed").open("a") as file:
            file.write("x")
        time.sleep(0.3)
        return np.full((50, 3), 7.0, np.float32)

    assert (LogitStore(folder, (50, 3), 10**6, []).get("a", compute) == 7).all()


def test_no_more_teachers_than_fit_the_bound(cache, space, run):
    size = LogitStore(run / "teachers", (len(evaluator(cache).examples().ids), 2), 1, []).file_bytes
    with pytest.warns(UserWarning, match="max_bytes is .* 2 of 3 teachers are used; use"):
        assert teachers(cache, space, run, max_bytes=2 * size).numbers == (1, 3)
    assert len(stored(run)) == 2
    with pytest.warns(UserWarning, match="0 of 3 teachers"):
        assert teachers(cache, space, run, max_bytes=10) is None


class TestTraining:
    def train(self, cache, space, run, folder, distillation=None, **options):
        made = evaluator(cache, distillation, **options)
        metrics = made.evaluate(space, space.parse_genotype(STUDENT), folder, run=run)
        metrics.pop("seconds")
        return metrics, load_file(folder / "model.safetensors")

    def test_without_weight_it_is_bit_for_bit_the_training_without_teachers(self, cache, space, run, tmp_path):
        metrics, weights = self.train(cache, space, run, tmp_path / "plain")
        again, same = self.train(cache, space, run, tmp_path / "zero", {**EARLY, "weight": 0.0})
        assert teachers_of(tmp_path / "plain") == []
        assert teachers_of(tmp_path / "zero") == [1, 3, 2]
        assert metrics == again
        assert all(torch.equal(weights[name], same[name]) for name in weights)

    def test_before_n_skip_it_is_the_training_without_teachers(self, cache, space, run, tmp_path):
        metrics, _ = self.train(cache, space, run, tmp_path / "plain")
        again, _ = self.train(cache, space, run, tmp_path / "early", {"n_skip": 5})
        assert metrics == again
        assert teachers_of(tmp_path / "early") == []

    @pytest.mark.parametrize("loss", ["mse", "kl"])
    def test_the_student_comes_closer_to_its_teachers(self, cache, space, run, tmp_path, loss):
        found, examples = teachers(cache, space, run), evaluator(cache).examples()

        def distance(weight):
            settings = {**EARLY, "weight": weight, "loss": loss}
            self.train(cache, space, run, tmp_path / str(weight), settings, epochs=8, patience=8)
            student = space.trained(space.parse_genotype(STUDENT), tmp_path / str(weight) / "model.safetensors")
            logits = torch.from_numpy(logits_of(student, examples))
            stacked = torch.from_numpy(np.stack(found.logits))
            return distillation_loss(torch.tensor(0.0), logits, stacked, Distillation(weight=1.0, loss="kl")).item()

        assert distance(0.9) < 0.7 * distance(0.0)

    def test_validation_and_test_losses_know_no_teachers(self, cache, space, run):
        made, network = evaluator(cache), space.trained(space.parse_genotype(TRAINED[0]), weights_of(run, space, 0))
        expected = made.test(network)
        task = made.task(network)
        task.teachers = teachers(cache, space, run, weight=1.0)
        trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
        found = trainer.test(task, made.data(), verbose=False)[0]
        assert {name.removeprefix("test_"): value for name, value in found.items()} == pytest.approx(expected)
        without = made.task(network)
        plain = trainer.validate(without, made.data(), verbose=False)[0]
        assert trainer.validate(task, made.data(), verbose=False)[0] == pytest.approx(plain)

    def test_baselines_are_trained_without_teachers(self, cache, run, tmp_path):
        shape = EventDataModule(cache).shape

        def fit(name, distillation):
            torch.manual_seed(0)
            network = RecurrentBaseline(shape, "gru")
            return evaluator(cache, distillation).fit(network, tmp_path / name)["loss"]

        assert fit("plain", None) == fit("distilling", {"n_skip": 0, "weight": 1.0})

    def test_settings_travel_as_json(self, cache):
        made = evaluator(cache, {"n_teachers": 2, "loss": "kl"})
        again = EventClassification(**json.loads(json.dumps(made.init_args)))
        assert again.distillation == Distillation(n_teachers=2, loss="kl")
        assert evaluator(cache).distillation is None


class Linear(Distilled, pl.LightningModule):
    """A user's own module over his own batches (ids, x, y)."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def training_step(self, batch, batch_index):
        ids, x, y = batch
        logits = self.layer(x)
        return self.distilled(F.cross_entropy(logits, y), logits, ids)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.5)


def test_the_mixin_distils_a_module_of_ones_own():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 2, generator=generator)
    target = torch.stack([x[:, 0], x[:, 1], -x.sum(1)], -1)
    ids, labels = torch.arange(90) * 2 + 5, torch.randint(3, (90,), generator=generator)
    module = Linear()
    module.teachers = Teachers(Distillation(weight=1.0), (4,), ids.numpy(), (target.numpy(),))
    loader = DataLoader(TensorDataset(ids, x, labels), 30, shuffle=True, generator=generator)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=60, enable_model_summary=False, **quiet).fit(module, loader)
    torch.testing.assert_close(module.layer(x), target, atol=0.05, rtol=0)


def test_an_evaluator_that_cannot_distil_says_so(cache, space, run, tmp_path):
    class Plain(EventClassification):
        examples = Evaluator.examples

    class Bare(EventClassification):
        def task(self, network):
            return pl.LightningModule()

    architecture = space.parse_genotype(STUDENT)
    for kind, message in ((Plain, "no method examples"), (Bare, "give it the mixin Distilled")):
        with pytest.raises(UserError, match=message):
            kind(str(cache), distillation=EARLY).evaluate(space, architecture, tmp_path, run=run)


class TestArchive:
    def test_teachers_are_kept_where_there_are_some(self, tmp_path):
        archive = Journal.create(tmp_path / "j.jsonl", {"direction": "maximize"})
        for taught in ([], [0]):
            archive.tell(archive.ask({"a": 1}, "random").number, 0.5, teachers=taught)
        assert [trial.teachers for trial in Journal.read(tmp_path / "j.jsonl").trials] == [[], [0]]
        assert (tmp_path / "j.jsonl").read_text().count("teachers") == 1

    def test_the_tuner_records_what_the_trial_left(self, tmp_path):
        tuner = NasTuner(directory=str(tmp_path))
        tuner.update_search_space({"a": {"_type": "choice", "_value": [1, 2, 3]}})
        folder = trial_directory(tmp_path, tuner.search.strategy.space.key(tuner.generate_parameters(0)))
        write_teachers(folder, (7, 5))
        tuner.receive_trial_result(0, None, 0.5)
        assert tuner.search.archive.trials[0].teachers == [7, 5]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    events, labels = shopping()
    events.to_csv(folder / "events.csv", index=False)
    labels.to_parquet(folder / "labels.parquet")
    return folder


class TestCommand:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"trials": 400}, {"n_skip": 30}),
            ({"trials": 20}, {"n_skip": 6}),
            ({"trials": 5}, {"n_skip": 3}),
            ({"trials": 20, "distillation": {"n_skip": 2, "loss": "kl", "weight": 0.5}}, {"n_skip": 2, "loss": "kl"}),
        ],
    )
    def test_it_begins_early_enough_for_the_number_of_trials(self, options, expected):
        trials = options.pop("trials")
        task = EventTask(events="e", labels="l", **COLUMNS, distill=True, **options)
        assert task.settings_of_distillation(trials).items() >= expected.items()
        assert EventTask(events="e", labels="l", **COLUMNS).settings_of_distillation(trials) is None

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"distill": "true", "trials": 3}, "begins after 3 of 3 trials and would reach none"),
            ({"distill": "true", "distillation.n_skip": 9}, "set --distillation.n_skip below --trials"),
            ({"distillation.n_skip": 2}, "--distillation.n_skip has no effect; add --distill"),
            ({"distill": "true", "distillation.wait": 2}, "distillation has no setting 'wait'"),
            ({"distill": "true", "distillation.weight": 2}, "distillation.weight is 2; use a number from 0 to 1"),
        ],
    )
    def test_bad_options_are_one_line_and_write_nothing(self, capsys, tables, tmp_path, changes, message):
        assert message in refused(capsys, *asking(tables, tmp_path / "run", **changes))
        assert not (tmp_path / "run").exists()

    @pytest.mark.slow
    @pytest.mark.nni
    def test_a_search_at_concurrency_2_shows_three_distinct_teachers(self, tables, tmp_path):
        out = tmp_path / "run"
        done = nasplus(*asking(tables, out, trials=8), "--distill", "--distillation.weight", "0.3")
        assert done.returncode == 0, done.stderr
        opened = Run.open(out)
        assert (opened.evaluator.distillation.weight, opened.evaluator.distillation.n_skip) == (0.3, 3)
        _require_lessons(opened.archive(), 3)
        assert len(list((out / "teachers").glob("*.npy"))) >= 3
        assert "teachers" in nasplus("show", out).stdout


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    script = Path(__file__).parents[1] / "benchmarks" / "distillation.py"
    command = [sys.executable, script, "--data", tmp_path, "--seeds", "2", "--only", "vowels"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=400).stdout
    for words in ("Japanese Vowels: 2 seeds", "change with mse", "test accuracy", "validation loss"):
        assert words in printed


@pytest.mark.slow
@pytest.mark.nni
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nas_experiment_distils_too(cache, space, tmp_path):
    distillation = {"n_skip": 3, "n_teachers": 2}
    inner = RandomSearch(space.search_space, seed=0, direction="maximize")
    experiment = NasExperiment(space, evaluator(cache, distillation), NasStrategy(inner, tmp_path / "run"))
    experiment.config.max_trial_number, experiment.config.trial_concurrency = 7, 2
    experiment.config.experiment_working_directory = tmp_path / "nni"
    experiment.run(free_port())
    experiment.stop()
    _require_lessons(Journal.read(tmp_path / "run" / "journal.jsonl"), 2)


def _require_lessons(archive, n_teachers):
    """The last trial has all its teachers, the first three have none; a teacher is another, finished trial."""
    assert [trial.teachers for trial in archive.trials[:3]] == [[], [], []]
    assert len(archive.finished[-1].teachers) == n_teachers
    for trial in archive.finished:
        assert len(set(trial.teachers)) == len(trial.teachers)
        assert all(archive.trials[number].status == "done" for number in trial.teachers)
        assert trial.number not in trial.teachers
