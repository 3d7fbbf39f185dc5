"""The prefrontal network with eyes, for simulation 5: a convolutional front, then LSTM, policy and value."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.lstm import INITIALISATION, LSTM, State
from pfc_metarl.network import PrefrontalNetwork


class Eye(nn.Module):
    """Convolutions and a fully connected layer, rectified.

    The paper names only "a conventional image-processing network"; the layers are those of the 2016 architecture
    (Mirowski et al. 2016): 16 filters 8 x 8 stride 4, 32 filters 4 x 4 stride 2, 256 units. Initial weights
    normal with s.d. sqrt(2 / inputs), biases 0 (our choice, He et al. 2015).

    Args:
        seed: of the initial weights.
        view: height and width of what is seen, in pixels.
        filters: (number, size, stride) of each convolution.
        features: units of the last layer.
    """

    def __init__(self, seed: int, view: int, filters: Sequence[tuple[int, int, int]], features: int) -> None:
        super().__init__()
        channels, size = 3, view
        layers: list[nn.Module] = []
        for number, width, stride in filters:
            layers += [nn.Conv2d(channels, number, width, stride), nn.ReLU()]
            channels, size = number, (size - width) // stride + 1
        layers += [nn.Flatten(), nn.Linear(channels * size * size, features), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        rng = np.random.default_rng([seed, INITIALISATION, 100])  # streams below 100 are the LSTMs'
        with torch.no_grad():
            for layer in layers:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    inputs = layer.weight[0].numel()
                    drawn = rng.standard_normal(tuple(layer.weight.shape), np.float32) * np.sqrt(2 / inputs)
                    layer.weight.copy_(torch.from_numpy(drawn))
                    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, views: Tensor) -> Tensor:
        """Views (..., 3, height, width), uint8 -> features (..., feature), together about as long as a one-hot vector.

        Height and width change places on the way in, which spares a copy, since that is how views lie in memory.
        """
        flat = views.reshape(-1, *views.shape[-3:]).transpose(-1, -2)
        features = self.layers(flat.float().div_(255).sub_(0.5))
        return features.view(*views.shape[:-3], -1) / features.shape[-1] ** 0.5


class SeeingNetwork(nn.Module):
    """One network that sees: the eye's features take the place of the one-hot observation.

    Args:
        seed: of the initial weights.
        eye: its visual front.
        features: units of the eye's last layer.
        actions: number of actions.
        units: LSTM units.
    """

    def __init__(self, seed: int, eye: Eye, features: int, actions: int, units: int) -> None:
        super().__init__()
        self.eye = eye
        self.prefrontal = PrefrontalNetwork([seed], features, actions, units)
        self.units, self.actions = units, actions

    def zero_state(self, episodes: int) -> State:
        """The state at an episode's start (P: zeros in this simulation)."""
        zeros = self.prefrontal.heads.bias.new_zeros(1, episodes, self.units)
        return State(zeros, zeros)

    def inputs(self, views: Tensor, rewards: Tensor, actions: Tensor) -> Tensor:
        """What the LSTM receives (..., network = 1, episode, input).

        Args:
            views: (..., episode, 3, height, width). rewards: (..., episode), the last ones.
            actions: (..., episode), the last ones, -1 at an episode's start.
        """
        last_action = torch.nn.functional.one_hot(actions + 1, self.actions + 1)[..., 1:]
        return torch.cat([self.eye(views), rewards.unsqueeze(-1), last_action], -1).unsqueeze(-3)

    @torch.no_grad()
    def act(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One step without gradients: inputs (1, episode, input) -> policy logits (1, episode, action), next state."""
        logits, _, state = self.prefrontal.act(inputs, state)
        return logits, state

    def forward(self, inputs: Tensor, state: State, starts: Tensor) -> tuple[Tensor, Tensor]:
        """A stretch of running episodes; arguments as in `unroll` -> logits (..., action), values (...)."""
        out = self.prefrontal.heads(unroll(self.prefrontal.lstm, inputs, state, starts))
        return out[..., :-1], out[..., -1]


def unroll(lstm: LSTM, inputs: Tensor, state: State, starts: Tensor) -> Tensor:
    """The LSTM through time where episodes begin in between, with gradients by autograd.

    Args:
        lstm: its equations are those of `LSTM`.
        inputs: (time, network, episode, input). state: before the first step.
        starts: (time, episode), whether an episode begins with this step: the state is then 0.

    Returns:
        Hidden states (time, network, episode, unit).
    """
    products = torch.einsum("tnbi,nio->tnbo", inputs, lstm.input_weight) + lstm.bias
    carried = (~starts).to(products.dtype).unsqueeze(-1)  # (time, episode, 1)
    hidden, cell = state
    out = []
    for product, carry in zip(products.unbind(), carried.unbind()):
        gates = torch.baddbmm(product, hidden * carry, lstm.hidden_weight)
        o, i, f, g = gates.split(lstm.units, -1)
        cell = torch.sigmoid(f) * (cell * carry) + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        out.append(hidden)
    return torch.stack(out)
