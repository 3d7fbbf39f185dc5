"""A plain recurrent network (Elman 1990) in place of the LSTM: does meta-RL need gates?"""

import torch
from torch import Tensor

from pfc_metarl.networks.actor_critic import ActorCriticRPE
from pfc_metarl.networks.agent import State
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.recurrent import Recurrent


class RNN(Recurrent):
    """Replicated tanh units: h' = tanh(x W_x + h W_h + b)."""

    gates, states = 1, 1

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        return (torch.tanh(torch.baddbmm(gates, state[0], self.hidden_weight)),)


class RNNNetwork(PrefrontalNetwork):
    """The prefrontal network with plain tanh units in place of the LSTM."""

    layer = RNN


class RNNActorCriticRPE(ActorCriticRPE):
    """Actor and critic with plain tanh units in place of the LSTMs."""

    layer = RNN
