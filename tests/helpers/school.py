"""A school: trained networks of events that teach a student."""

from __future__ import annotations

from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import find_teachers
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import trial_directory

TRAINED = ["01|1|agc1|44,12|00", "10|0|g,a2|28|12", "21|1|||01", "00|0|c|11|02"]
SCORES = [0.6, 0.9, 0.7, 0.8]
STUDENT = "11|1|ac4|22|00"
EARLY = {"n_skip": 2}


def evaluator(cache, distillation=None, **options):
    return EventClassification(str(cache), **{"epochs": 2, "batch_size": 32, **options}, distillation=distillation)


def teachers(cache, space, run, genotype=STUDENT, **settings):
    examples = evaluator(cache).examples()
    return find_teachers(run, space, space.parse_genotype(genotype), Distillation(**EARLY | settings), examples)


def weights_of(run, space, number):
    key = space.search_space.key(space.parse_genotype(TRAINED[number]))
    return trial_directory(run, key) / "model.safetensors"


def stored(run):
    return sorted((run / "teachers").glob("*.npy"))
