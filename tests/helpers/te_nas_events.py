"""Spaces of event sequences for TE-NAS, and users one by one."""

from __future__ import annotations

from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.spaces.events import EventSequenceSpace

SHAPE = EventShape((7, 4), n_numeric=2, n_classes=3, max_length=9, periods=(1.0, 0.1))
DECODER = {"decoder_layers": 2, "decoder_1_cross_heads": 4, "decoder_2_self_heads": 2, "pooling": "mixed"}
CASES = {
    "both kinds of columns": (SHAPE, {"encoder_layers": 2}),
    "categories": (EventShape((7, 4), 0, 2, 9, ()), {"encoder_layers": 1}),
    "numbers": (EventShape((), 2, 2, 9, (1.0,)), {"encoder_layers": 1, "stem_kernel": "long"}),
    "no columns": (EventShape((), 0, 2, 9, (1.0,)), {"encoder_layers": 1, "pooling": "max"}),
    "a decoder": (SHAPE, {"encoder_layers": 1, "heads": 2, **DECODER}),
}


def space_of(shape=SHAPE, hidden=4, **options):
    return EventSequenceSpace(**shape.to_json(), hidden=hidden, **options)
