"""What a student gets from its teachers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from school import EARLY, STUDENT, TRAINED, evaluator, teachers, weights_of

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events.baselines import RecurrentBaseline
from nni_nasplus.training.distillation.loss import distillation_loss
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import logits_of
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import outcome_in


class TestTraining:
    def train(self, cache, space, run, folder, distillation=None, **options):
        made = evaluator(cache, distillation, **options)
        metrics = made.evaluate(space, space.parse_genotype(STUDENT), folder, run=run)
        metrics.pop("seconds")
        return metrics, load_file(folder / "model.safetensors")

    def test_without_weight_it_is_bit_for_bit_the_training_without_teachers(self, cache, space, run, tmp_path):
        metrics, weights = self.train(cache, space, run, tmp_path / "plain")
        again, same = self.train(cache, space, run, tmp_path / "zero", {**EARLY, "weight": 0.0})
        assert outcome_in(tmp_path / "plain").teachers == ()
        assert outcome_in(tmp_path / "zero").teachers == (1, 3, 2)
        assert metrics == again
        assert all(torch.equal(weights[name], same[name]) for name in weights)

    def test_before_n_skip_it_is_the_training_without_teachers(self, cache, space, run, tmp_path):
        metrics, _ = self.train(cache, space, run, tmp_path / "plain")
        again, _ = self.train(cache, space, run, tmp_path / "early", {"n_skip": 5})
        assert metrics == again
        assert outcome_in(tmp_path / "early").teachers == ()

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
