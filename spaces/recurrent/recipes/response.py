"""How the output of an untrained recurrent cell answers to its input: at once, a step and ten steps later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

__all__ = ["LENGTH", "response"]

_UNITS, _SEQUENCES, _STEPS = 16, 8, 16
_CHANGED, _LATER = 5, 10
_SCALE = 0.1
"""Of the inputs, that of embeddings."""
_LARGEST, _LEAST = 1e6, 1e-9
_LEAK = 0.01
_OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "blend": lambda a, b, c: a * b + (1 - a) * c,
    "elementwise_prod": np.multiply,
    "elementwise_sum": np.add,
    "activation_tanh": np.tanh,
    "activation_sigm": lambda a: 1 / (1 + np.exp(-a)),
    "activation_leaky_relu": lambda a: np.where(a > 0, a, _LEAK * a),
}
LENGTH = 7
"""The number of values that :func:`response` gives."""


def response(recipe: Recipe) -> np.ndarray:
    """Return decimal logarithms of what one changed input does to the output of a small cell; float64 [7].

    The change of the output at that step, in proportion to the output's root mean square, to its standard deviation
    over sequences and steps, to the change one step later and ten steps later; the root mean square and the standard
    deviation; the change itself. Weights and inputs are always the same; so is the response of equal recipes if they
    are in canonical form.
    """
    rng = np.random.default_rng(0)
    inputs = rng.normal(0, _SCALE, (_STEPS, _SEQUENCES, _UNITS))
    changed = inputs.copy()
    changed[_CHANGED] = np.roll(inputs[_CHANGED], 1, axis=0)
    outputs = _outputs(recipe, np.concatenate([inputs, changed], axis=1), rng)
    before, after = outputs[_CHANGED:, :_SEQUENCES], outputs[_CHANGED:, _SEQUENCES:]
    change = _log(np.sqrt(((after - before) ** 2).mean((1, 2))))
    size, spread = _log(np.sqrt((before**2).mean())), _log(np.sqrt(before.var((0, 1)).mean()))
    now, next_step, later = change[0], change[1], change[_LATER]
    return np.array([now - size, now - spread, now - next_step, now - later, size, spread, now])


def _outputs(recipe: Recipe, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The outputs [T, B, H] of a cell with random weights, from states of zero."""
    layers = {name: _layer(len(node.inputs), rng) for name, node in recipe.nodes.items() if node.op == "linear"}
    states = [np.zeros(inputs.shape[1:])] * recipe.n_states
    outputs = []
    with np.errstate(over="ignore", invalid="ignore"):
        for x in inputs:
            values = {"x": x, **{f"h_prev_{i}": state for i, state in enumerate(states)}}
            for name in recipe.order:
                node = recipe.nodes[name]
                given = [values[source] for source in node.inputs]
                values[name] = layers[name](given) if name in layers else _OPERATIONS[node.op](*given)
            states = [_bounded(values[f"h_new_{i}"]) for i in range(recipe.n_states)]
            outputs.append(states[0])
    return np.array(outputs)


def _layer(n_inputs: int, rng: np.random.Generator) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """A linear node with the weights of a fresh layer."""
    bound = _UNITS**-0.5
    weight, bias = rng.uniform(-bound, bound, (n_inputs * _UNITS, _UNITS)), rng.uniform(-bound, bound, _UNITS)
    return lambda given: np.concatenate(given, axis=1) @ weight + bias


def _bounded(state: np.ndarray) -> np.ndarray:
    return np.nan_to_num(state).clip(-_LARGEST, _LARGEST)


def _log(value: np.ndarray) -> np.ndarray:
    return np.log10(value + _LEAST)
