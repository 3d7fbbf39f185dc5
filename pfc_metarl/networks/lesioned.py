"""Prefrontal networks that lack, from the start of their training, what meta-RL is said to need (Functional
neuroanatomy): the last reward or the last action among their inputs, or any memory from step to step."""

import torch
from torch import Tensor, nn

from pfc_metarl.networks.prefrontal import PrefrontalNetwork

SHUT = -30.0
"""Bias of a gate that is never open."""


class Lesioned(PrefrontalNetwork):
    """The prefrontal network with some weights at a value that learning leaves as it is."""

    def lesion(self) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """Parameters, where they are held (truth values of their shape), and at which value."""
        raise NotImplementedError

    def __init__(self, *args, **more) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*args, **more)
        with torch.no_grad():
            for parameter, (where, value) in self.lesion().items():
                parameter[where] = value

    def fixed(self) -> dict[nn.Parameter, Tensor]:
        """What is held; see `Agent`."""
        return {parameter: where for parameter, (where, _) in self.lesion().items()}

    def _unheard(self, first: int, last: int) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """Inputs from `first` to before `last` have no weight."""
        weight = self.recurrent.input_weight
        where = torch.zeros_like(weight, dtype=torch.bool)
        where[:, first:last] = True
        return {weight: (where, 0.0)}


class WithoutReward(Lesioned):
    """It never hears of the last reward. (The weights learn from reward, as in all others.)"""

    def lesion(self) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """The weights of the last reward; see `Lesioned`."""
        return self._unheard(self.observations[0], self.observations[0] + 1)


class WithoutAction(Lesioned):
    """It never hears of its last action."""

    def lesion(self) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """The weights of the last action; see `Lesioned`."""
        return self._unheard(self.observations[0] + 1, self.observations[0] + 1 + self.actions)


class WithoutMemory(Lesioned):
    """Feed-forward: what it does depends on observation, last reward and last action alone.

    No recurrent weights, and forget gates that are shut (in an LSTM the cell would go on remembering).
    """

    def lesion(self) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """All recurrent weights, and all of the forget gates'; see `Lesioned`."""
        layer, forget = self.recurrent, slice(2 * self.units, 3 * self.units)
        held = {layer.hidden_weight: (torch.ones_like(layer.hidden_weight, dtype=torch.bool), 0.0)}
        for parameter, value in ((layer.input_weight, 0.0), (layer.bias, SHUT)):
            where = torch.zeros_like(parameter, dtype=torch.bool)
            where[..., forget] = True
            held[parameter] = where, value
        return held
