"""The weights of trained networks, as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from nni_nasplus._files import damage_named, new_file
from nni_nasplus.errors import UserError

__all__ = ["load_weights", "only_room_for", "save_weights"]

_MOST_MODULES = 100_000
"""Of a network: a hundred times as many as the largest of our spaces has, and made within seconds."""


def load_weights(network: nn.Module, path: Path, remedy: str = "restore it from a copy") -> None:
    """Give a network the weights of a ``.safetensors`` file.

    Raises
    ------
    UserError
        If the file is absent, damaged, or of another architecture; it ends with ``remedy``.
    """
    with damage_named(path, remedy):
        try:
            network.load_state_dict(load_file(path))
        except SafetensorError as error:
            raise UserError(f"{path} is damaged ({error}); {remedy}") from error


def save_weights(network: nn.Module, path: Path) -> None:
    """Leave the weights of a network in a ``.safetensors`` file, whose folder is made if need be."""
    with new_file(path) as partial:
        save_file({name: weight.contiguous() for name, weight in network.state_dict().items()}, partial)


@contextmanager
def only_room_for(path: Path, remedy: str = "restore it from a copy") -> Iterator[None]:
    """Let a network that is made in the block have no more weights than a file: what describes it may name any sizes.

    Raises
    ------
    UserError
        If it has more, or the file is absent; it ends with ``remedy``.
    """
    with damage_named(path, remedy):
        left = path.stat().st_size
    known: set[int] = set()
    modules = 0

    def count_weights(module: nn.Module, name: str, weights: nn.Parameter | None) -> None:
        nonlocal left
        if weights is not None and id(weights) not in known:
            known.add(id(weights))
            left -= weights.nbytes
        if left < 0:
            raise UserError(f"{path} is damaged: it has fewer weights than the network described beside it; {remedy}")

    def count_modules(*_: object) -> None:
        nonlocal modules
        modules += 1
        if modules > _MOST_MODULES:
            raise UserError(f"the network described beside {path} has more than {_MOST_MODULES:,} parts; {remedy}")

    hooks = [
        register_module_parameter_registration_hook(count_weights),
        register_module_module_registration_hook(count_modules),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
