"""Recipes that people use already, by name."""

from __future__ import annotations

from nni_nasplus.spaces.recurrent.recipes.node import Node
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

__all__ = ["PRESETS"]


def _gate(name: str, activation: str, *inputs: str) -> dict[str, Node]:
    return {name: Node("linear", inputs or ("x", "h_prev_0")), f"{name}_act": Node(f"activation_{activation}", (name,))}


def _lstm(output: str) -> Recipe:
    return Recipe(
        {
            **_gate("i", "tanh"),
            **_gate("j", "sigm"),
            **_gate("f", "sigm"),
            **_gate("o", output),
            "kept": Node("elementwise_prod", ("f_act", "h_prev_1")),
            "written": Node("elementwise_prod", ("i_act", "j_act")),
            "h_new_1": Node("elementwise_sum", ("kept", "written")),
            "h_new_1_act": Node("activation_tanh", ("h_new_1",)),
            "h_new_0": Node("elementwise_prod", ("h_new_1_act", "o_act")),
        }
    )


PRESETS = {
    "rnn": Recipe({"f": Node("linear", ("x", "h_prev_0")), "h_new_0": Node("activation_tanh", ("f",))}),
    "gru": Recipe(
        {
            **_gate("r", "sigm"),
            **_gate("z", "sigm"),
            "rh": Node("elementwise_prod", ("r_act", "h_prev_0")),
            **_gate("h_tilde", "tanh", "x", "rh"),
            "h_new_0": Node("blend", ("z_act", "h_prev_0", "h_tilde_act")),
        }
    ),
    "lstm": _lstm("tanh"),
    "lstm_sigmoid": _lstm("sigm"),
}
"""Cells by name. The benchmark's LSTM has a tanh at its output gate; ``lstm_sigmoid`` is :class:`torch.nn.LSTM`.
The GRU resets before the matrix product, as in the first paper (arXiv 1406.1078).
"""
