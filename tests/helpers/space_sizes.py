"""How to make a small one of each installed space."""

from __future__ import annotations

SIZES = {
    "boosting": {"cardinalities": (5,)},
    "darts": {"channels": 2, "layers": 3, "size": 8},
    "mobile": {"channels": 8, "depth": 2, "size": 8},
    "densenas": {"channels": 4, "depth": 1, "size": 8},
    "nb201": {"channels": 2, "cells": 1, "size": 8},
    "events": {"hidden": 4},
    "darts-rnn": {"vocabulary": 11, "hidden": 5},
    "enas-rnn": {"vocabulary": 11, "hidden": 5},
    "superresolution": {"channels": 2},
    "rnn": {"vocabulary": 11, "embedding": 5, "hidden": 7},
}
