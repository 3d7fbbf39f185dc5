"""Gated recurrent units in place of the LSTM (Cho et al. 2014): does meta-RL need the LSTM's memory cell?"""

import torch
from torch import Tensor

from pfc_metarl.networks.actor_critic import ActorCriticRPE
from pfc_metarl.networks.agent import State
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.recurrent import Recurrent


class GRU(Recurrent):
    """Replicated gated recurrent units, in the order reset, update, candidate (as in torch.nn.GRU):

    r, u = sigmoid(x W_x + h W_h + b),  n = tanh(x W_x + b + r (h W_h)),  h' = (1 - u) n + u h
    """

    gates, states = 3, 1

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        (hidden,) = state
        inner, units = torch.bmm(hidden, self.hidden_weight), self.units
        reset, update = torch.sigmoid(gates[..., : 2 * units] + inner[..., : 2 * units]).split(units, -1)
        candidate = torch.tanh(gates[..., 2 * units :] + reset * inner[..., 2 * units :])
        return (torch.lerp(candidate, hidden, update),)


class GRUNetwork(PrefrontalNetwork):
    """The prefrontal network with gated recurrent units in place of the LSTM."""

    layer = GRU


class GRUActorCriticRPE(ActorCriticRPE):
    """Actor and critic with gated recurrent units in place of the LSTMs."""

    layer = GRU
