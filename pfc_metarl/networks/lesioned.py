"""Prefrontal networks that lack what meta-RL is said to need (Functional neuroanatomy): the last reward or the last
action among their inputs, or any memory from step to step; from the start of their training, or lost after it."""

from copy import deepcopy
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.prefrontal import PrefrontalNetwork

SHUT = -30.0
"""Bias of a gate that is never open."""
N = TypeVar("N", bound=PrefrontalNetwork)


class Lesioned(PrefrontalNetwork):
    """The prefrontal network with some weights at a value that learning leaves as it is."""

    def lesion(self) -> dict[nn.Parameter, tuple[Tensor, float]]:
        """Parameters, where they are held (truth values of their shape), and at which value."""
        raise NotImplementedError

    def __init__(self, *args, **more) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*args, **more)
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Give the weights that are held their value."""
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


def lesion(networks: PrefrontalNetwork, kind: type[Lesioned]) -> Lesioned:
    """Trained networks that lose what the others of a kind lack from the start.

    Args:
        networks: with LSTMs, trained; they are left as they are.
        kind: what they lose.

    Raises:
        ConfigError: networks with other units.
    """
    if networks.layer is not kind.layer:
        raise ConfigError(f"{kind.__name__} is a lesion of networks with LSTMs, not of {type(networks).__name__}")
    lesioned = kind(networks.seeds, networks.observations, networks.actions, networks.units)
    lesioned.load_state_dict(networks.state_dict())
    lesioned.hold()
    lesioned.task_name = networks.task_name
    return lesioned.requires_grad_(False)


@torch.no_grad()
def silence(networks: N, units: np.ndarray) -> N:
    """Trained networks some of whose units are silent: no other unit, policy or value hears of them.

    Args:
        networks: which are left as they are.
        units: which (network, unit).

    Raises:
        ConfigError: not a truth value for each unit of each network.
    """
    if units.shape != (len(networks.seeds), networks.units) or units.dtype != bool:
        raise ConfigError(f"units must be truth values (network, unit): {(len(networks.seeds), networks.units)}")
    silenced = deepcopy(networks)
    which = torch.from_numpy(units)
    for weight in (*silenced.recurrent.heard, silenced.heads.weight):
        weight[which] = 0
    return silenced
