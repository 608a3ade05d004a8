"""The genotypes of SeqNAS's published table: one short line, and 122 bits, per architecture.

``01|1|agc1|44,12|00`` reads: stem kernel index and stem dropout | temporal encoding | an op with its heads
per encoder layer | self and cross heads per decoder layer | temporal dropout and pooling index. The first
field is empty without numeric columns. A cell in the GRU's place follows in braces, as in ``agc1{lstm}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.events.decisions import (
    ALL_POOLINGS,
    DECODER_LAYERS,
    ENCODER_LAYERS,
    GRU,
    HEADS,
    OPS,
    POOLINGS,
    STEM_KERNELS,
)

__all__ = ["encode_bits", "genotype", "parse"]

_LAYERS = "|".join(op + ("[1248]" if "a" in op else "") + (r"(?:{[^{}]+})?" if "g" in op else "") for op in OPS)
_LAYER = re.compile(r"(?P<op>[agc]+)(?P<heads>\d?)(?:{(?P<cell>[^{}]+)})?")
_LONGEST = 10_000
"""Characters: four layers of the largest cells have a fifth of them, and to split a text takes its square."""


def genotype(architecture: Mapping[str, Any]) -> str:
    """The compact genotype of an architecture (a mapping of its active decisions)."""
    a = architecture
    stem = f"{STEM_KERNELS.index(a['stem_kernel'])}{a['stem_dropout']}" if "stem_kernel" in a else ""
    encoder = (_written_layer(a, i) for i in range(1, a["encoder_layers"] + 1))
    decoder = (
        f"{a[f'decoder_{i}_self_heads']}{a[f'decoder_{i}_cross_heads']}" for i in range(1, a["decoder_layers"] + 1)
    )
    head = f"{a['temporal_dropout']}{ALL_POOLINGS.index(a['pooling'])}"
    return "|".join([stem, str(a["temporal_encoding"]), ",".join(encoder), ",".join(decoder), head])


def _written_layer(a: Mapping[str, Any], i: int) -> str:
    cell = a.get(f"encoder_{i}_cell", GRU)
    return f"{a[f'encoder_{i}_op']}{a.get(f'encoder_{i}_heads', '')}" + ("" if cell == GRU else f"{{{cell}}}")


def parse(text: str, with_cells: bool = False) -> dict[str, Any]:
    """The architecture that a compact genotype names; UserError tells which part is wrong.

    ``with_cells``: the space decides on cells, and a layer that names none has the GRU; else none may name one.
    """
    if len(text) > _LONGEST:
        raise UserError(f"genotype '{text[:60]}…' has {len(text):,} characters; {_LONGEST:,} are most")
    fields = _split("|", text)
    if len(fields) != 5:
        raise UserError(f"genotype {text!r} has {len(fields)} fields; give 5, as in '01|1|agc1|44,12|00'")
    try:
        stem, time, encoder, decoder, head = fields
        return {
            **_parse_stem(stem),
            "temporal_encoding": int(_match("temporal encoding", time, "[01]", "0 or 1")),
            **_parse_encoder(_split(",", encoder) if encoder else [], with_cells),
            **_parse_decoder(decoder.split(",") if decoder else []),
            **_parse_head(head),
        }
    except UserError as error:
        raise UserError(f"genotype {text!r}: {error}") from None


def _parse_stem(text: str) -> dict[str, Any]:
    if not text:
        return {}
    allowed = "a kernel index 0-3 and a dropout 0 or 1, as in '01', or nothing without numeric columns"
    kernel, dropout = tuple(_match("stem", text, "[0-3][01]", allowed))
    return {"stem_kernel": STEM_KERNELS[int(kernel)], "stem_dropout": int(dropout)}


def _split(separator: str, text: str) -> list[str]:
    """The parts of a text, which it does not separate in braces."""
    return re.split(rf"[{separator}](?![^{{}}]*}})", text)


def _parse_encoder(layers: Sequence[str], with_cells: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"encoder_layers": _depth("encoder", layers, ENCODER_LAYERS)}
    allowed = "one of a, ag, ac, agc with heads 1, 2, 4 or 8, as in 'agc4', or one of g, c, gc alone"
    for i, layer in enumerate(layers, 1):
        parts = _LAYER.fullmatch(_match(f"encoder layer {i}", layer, _LAYERS, allowed))
        assert parts is not None
        found[f"encoder_{i}_op"] = parts["op"]
        if parts["heads"]:
            found[f"encoder_{i}_heads"] = int(parts["heads"])
        if parts["cell"] and not with_cells:
            raise UserError(f"encoder layer {i} names the cell '{parts['cell']}'; give the space cells to allow it")
        if with_cells and "g" in parts["op"]:
            found[f"encoder_{i}_cell"] = parts["cell"] or GRU
    return found


def _parse_decoder(layers: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"decoder_layers": _depth("decoder", layers, DECODER_LAYERS)}
    allowed = "self heads and cross heads, each 1, 2, 4 or 8, as in '42'"
    for i, layer in enumerate(layers, 1):
        _match(f"decoder layer {i}", layer, "[1248]{2}", allowed)
        found[f"decoder_{i}_self_heads"] = int(layer[0])
        found[f"decoder_{i}_cross_heads"] = int(layer[1])
    return found


def _parse_head(text: str) -> dict[str, Any]:
    poolings = ", ".join(f"{i} ({name})" for i, name in enumerate(ALL_POOLINGS))
    allowed = f"a temporal dropout 0 or 1 and a pooling {poolings}, as in '02'"
    dropout, pooling = tuple(_match("head", text, "[01][0-4]", allowed))
    return {"temporal_dropout": int(dropout), "pooling": ALL_POOLINGS[int(pooling)]}


def _depth(part: str, layers: Sequence[str], allowed: Sequence[int]) -> int:
    if len(layers) not in allowed:
        raise UserError(f"{len(layers)} {part} layers; allowed: {', '.join(map(str, allowed))}")
    return len(layers)


def _match(part: str, text: str, pattern: str, allowed: str) -> str:
    if not re.fullmatch(pattern, text):
        raise UserError(f"{part} is {text!r}; allowed: {allowed}")
    return text


def encode_bits(architecture: Mapping[str, Any]) -> list[int]:
    """The published ``arch_code``: 122 bits, or the last 117 of them without numeric columns.

    Layer counts and heads are thermometers (4 heads of 8 are 1,1,1,1,0,0,0,0), the other choices one-hot.
    Of a decoder layer's 7 op bits only the first is used. 71 of the 122 columns are distinct and vary. Cells are not
    in it, nor are poolings that were not published.
    """
    a = architecture
    stem = [*_one_hot(a["stem_kernel"], STEM_KERNELS), a["stem_dropout"]] if "stem_kernel" in a else []
    encoder, decoder = range(1, max(ENCODER_LAYERS) + 1), range(1, max(DECODER_LAYERS) + 1)
    heads = [f"encoder_{i}_heads" for i in encoder]
    heads_of_decoder = [f"decoder_{i}_{kind}_heads" for kind in ("self", "cross") for i in decoder]
    return [
        *stem,
        a["temporal_encoding"],
        *_thermometer(a["encoder_layers"], len(encoder)),
        *(bit for i in encoder for bit in _one_hot(a.get(f"encoder_{i}_op"), OPS)),
        *(bit for name in heads for bit in _thermometer(a.get(name, 0), max(HEADS))),
        *_thermometer(a["decoder_layers"], len(decoder)),
        *(bit for i in decoder for bit in (int(i <= a["decoder_layers"]), 0, 0, 0, 0, 0, 0)),
        *(bit for name in heads_of_decoder for bit in _thermometer(a.get(name, 0), max(HEADS))),
        a["temporal_dropout"],
        *_one_hot(a["pooling"], POOLINGS),
    ]


def _one_hot(value: object, values: Sequence[object]) -> list[int]:
    return [int(value == v) for v in values]


def _thermometer(level: int, length: int) -> list[int]:
    return [int(i < level) for i in range(length)]
