"""DropNAS: operations are left out at random in groups (Hong et al., arXiv 2201.11679)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import masked_softmax

__all__ = ["DropNAS"]


class DropNAS(Differentiable):
    """Train α and the weights on one batch, each time without some operations, and leave those the share they had.

    On each edge convolutions are one group and the rest another. Of a group each operation is dropped with the
    probability p whose power by the size of the group is ``rate_of_groups``; one stays at least. After the step the α
    of what took part are moved together, so that the shares of what did not are as before. There is one level:
    validation examples are not used.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of DropNAS.

        Parameters
        ----------
        rate_of_groups
            How likely all operations of a group would be dropped, in [0, 1); 3e-5 drops one of four with .074.
        """

        rate_of_groups: float = 3e-5

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("rate_of_groups", 0 <= self.rate_of_groups < 1, "0 or more and less than 1")

    order: tuple[str, ...] = ("both",)
    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """The softmax over what was not dropped."""
        self._kept = {cell: self._undropped(cell) for cell in self.alphas}
        weights = {
            cell: masked_softmax(alpha, self._kept[cell].to(alpha.device)) for cell, alpha in self.alphas.items()
        }
        return [(1.0, Mixture(weights, self._kept))]

    def _undropped(self, cell: str) -> Tensor:
        """[E, O] bool."""
        alive, kept = self.supernet.masks[cell], torch.zeros_like(self.supernet.masks[cell])
        is_convolution = torch.tensor(["conv" in name for name in self.supernet.operations])
        for group in (is_convolution, ~is_convolution):
            if count := int(group.sum()):
                drawn = torch.rand(alive.shape, generator=self.generator) * (alive & group)
                stays = drawn > self.options.rate_of_groups ** (1 / count)
                luckiest = torch.zeros_like(kept).scatter_(-1, drawn.argmax(-1, keepdim=True), True)
                kept |= (stays | luckiest) & alive & group
        return kept

    def move_alphas(self) -> None:
        """A step of Adam on what took part, and the shift."""
        before = {cell: alpha.detach().clone() for cell, alpha in self.alphas.items()}
        super().move_alphas()
        with torch.no_grad():
            for cell, alpha in self.alphas.items():
                kept = self._kept[cell].to(alpha.device)
                was, now = (masked_sum(rows, kept) for rows in (before[cell], alpha))
                alpha.copy_(torch.where(kept, alpha + (was - now).unsqueeze(-1), before[cell]))


def masked_sum(alpha: Tensor, mask: Tensor) -> Tensor:
    """log Σ exp α over a mask, [E]; 0 where it is empty."""
    total = alpha.masked_fill(~mask, -torch.inf).logsumexp(-1)
    return total.masked_fill(~mask.any(-1), 0.0)
