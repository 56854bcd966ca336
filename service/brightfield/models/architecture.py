"""The base of the architectures in this folder."""

from __future__ import annotations

from torch import Tensor, nn


class Architecture(nn.Module):
    """A network whose file name is its name on a card (`[architecture] name = ...`).

    The other keys of that section are the keyword arguments of `__init__`. Activations are
    modules of their own and never work in place, so that hooks and gradients reach each of them.
    """

    @classmethod
    def rename(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A published state dict with its keys as this class names them; as it is by default."""
        return state
