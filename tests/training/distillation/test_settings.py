"""Settings of distillation."""

from __future__ import annotations

import pytest

from nni_nasplus import UserError
from nni_nasplus.training.distillation.settings import Distillation


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
