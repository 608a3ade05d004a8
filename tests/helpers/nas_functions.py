"""A model space and a trial function for NasExperiment; NNI imports them in the trials."""

import random
import time

import nni
from nni.nas.nn.pytorch import ModelSpace
from torch import nn


class Digits(ModelSpace):
    """A hundred models, each worth its two digits."""

    def __init__(self):
        super().__init__()
        self.tens = nni.mutable.ensure_frozen(self.add_mutable(nni.choice("tens", list(range(10)))))
        self.ones = nni.mutable.ensure_frozen(self.add_mutable(nni.choice("ones", list(range(10)))))
        self.layer = nn.Linear(1, 1)


def worth(model):
    """Report the digits, after a moment."""
    time.sleep(random.random())
    nni.report_final_result(model.tens * 10 + model.ones)
