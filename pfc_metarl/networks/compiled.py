"""The compiled loops (`kernels`) under agents with LSTMs: they play and learn without a call of PyTorch in between."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.networks import kernels
from pfc_metarl.networks.agent import Costs, Played, State, Stimulus
from pfc_metarl.networks.recurrent import Recurrent
from pfc_metarl.tasks.episodes import Episodes

Weights = tuple[Tensor, Tensor]
"""Of a linear read-out: (network, unit, output), and biases (network, 1, output)."""


class Unrolled:
    """Layers and read-outs through an unroll.

    Args:
        layers: LSTMs. Of two the first is an actor, which sees the prediction errors of the second, a critic.
        policy: read out of the first layer.
        value: read out of the last layer.
        discount: gamma of the prediction errors.
    """

    def __init__(self, layers: Sequence[Recurrent], policy: Weights, value: Weights, discount: float = 0.0) -> None:
        self.layers, self.discount = layers, np.float32(discount)
        wx, wh, b = (np.stack([_numbers(own) for own in w]) for w in zip(*(layer.weights() for layer in layers)))
        self.recurrent = wh
        self.of_layers = (wx, wh, b[:, :, 0])
        self.outputs = [np.ascontiguousarray(_numbers(w).swapaxes(1, 2)) for w, _ in (policy, value)]
        self.biases = [np.ascontiguousarray(_numbers(b)[:, 0]) for _, b in (policy, value)]

    def play(
        self,
        world: Episodes,
        state: State,
        inputs: Tensor,
        noise: np.ndarray,
        given: np.ndarray | None,
        stimulus: Stimulus | None,
        learn: bool,
    ) -> Played:
        """Play episodes; arguments as those of `Agent.unroll`."""
        task, number, (networks, steps, size, actions) = world.task, len(self.layers), noise.shape
        told, units = steps + task.continues, state[0].shape[-1]  # one more where episodes run on

        def empty(*shape: int) -> np.ndarray:
            return np.empty(shape, np.float32)

        kept = told if learn else 1  # of what only the gradient needs
        hidden = empty(number, networks, told + 1, size, units)
        cell = empty(number, networks, told + 1 if learn else 2, size, units)
        gates, squashed = empty(number, networks, kept, size, 4 * units), empty(number, networks, kept, size, units)
        for i in range(number):
            hidden[i, :, 0], cell[i, :, 0] = state[2 * i], state[2 * i + 1]
        last = [_numbers(s).copy() for s in state[2 * number :]]  # of an actor and a critic
        last_value, begun = last or empty(2, networks, size)
        seen, added = empty(networks, steps + 1, size, inputs.shape[-1]), empty(networks, steps + 1, size)
        seen[:, 0], added[:, 0] = inputs, 0
        of_actor = empty(networks, told, size, inputs.shape[-1]) if number > 1 else seen[:, :0]
        logits, values, rewards = empty(*noise.shape), empty(networks, told, size), empty(networks, steps, size)
        chosen, active = np.empty((networks, steps, size), np.int64), np.empty((networks, steps, size), np.bool_)
        follow = np.empty((networks, 0, size), np.int64) if given is None else given
        event, stimuli = stimulus or (-1, empty(0, networks, size))
        (wp, wv), (bp, bv) = self.outputs, self.biases
        kernels.play(
            world.step_one, task.parameters, world.endless, task.steps_per_trial, world.records, world.trials,
            *self.of_layers, wp, bp, wv, bv, self.discount, steps, noise, follow, event, stimuli,
            seen, of_actor, hidden, cell, gates, squashed, last_value, begun, added,
            logits, values, chosen, rewards, active,
        )  # fmt: skip
        world.observation[:], world.reward[:] = seen[:, -1, :, : -1 - actions], rewards[:, -1]
        after = [x for i in range(number) for x in (hidden[i, :, steps], cell[i, :, steps % cell.shape[2]])]
        after += [values[:, steps - 1], np.ones_like(begun)] if number > 1 else []
        memory = (of_actor, hidden, cell, gates, squashed)
        return Played(
            seen, added, hidden[0, :, 1 : steps + 1], logits, values, chosen, rewards, active,
            tuple(torch.from_numpy(x.copy()) for x in after), memory,
        )  # fmt: skip

    @np.errstate(invalid="ignore", over="ignore")  # a training that diverges is told of by the learner
    def gradients(
        self, played: Played, begins: Tensor, bootstrap: np.ndarray, costs: Costs
    ) -> tuple[Tensor, list[list[Tensor]], list[tuple[Tensor, Tensor]]]:
        """The gradient of the networks' losses; arguments as those of `Agent.learn`.

        Returns:
            Losses (network,); of each layer the gradients of input weights, recurrent weights, biases and initial
            state; of policy and value those of weights and biases.
        """
        of_actor, hidden, cell, gates, squashed = played.memory
        number, (networks, steps, size, actions) = len(self.layers), played.logits.shape
        rows, units = steps * size, hidden.shape[-1]
        d_out, losses = np.empty((networks, steps, size, actions + 1), np.float32), np.empty(networks, np.float32)
        what = (played.logits, played.values, played.actions, played.rewards, played.active, bootstrap)
        told = (*what, *(np.float32(cost) for cost in costs), d_out, losses)
        kernels.errors(*told)
        d_outs = np.split(d_out.reshape(networks, rows, actions + 1), [actions], axis=-1)  # policy, value
        d_hidden = np.zeros((number, networks, rows, units), np.float32)
        for d, weights, layer in zip(d_outs, self.outputs, (0, -1)):
            d_hidden[layer] += d @ weights
        d_gates, d_state = np.empty_like(gates[:, :, :steps]), np.zeros((2, number, networks, size, units), np.float32)
        back = np.ascontiguousarray(self.recurrent.swapaxes(2, 3))
        of_layers, of_readouts = [], []
        for i in range(number):
            d_own = d_hidden[i].reshape(networks, steps, size, units)
            kernels.through_time(d_own, gates[i], cell[i], squashed[i], back[i], d_gates[i], *d_state[:, i])
            d = d_gates[i].reshape(networks, rows, -1)
            inputs = played.inputs if i == number - 1 else of_actor
            initial = np.stack([(own * begins.numpy()[..., None]).sum(1) for own in d_state[:, i]], axis=1)
            of_layers.append([_sent(inputs, d), _sent(hidden[i], d), d.sum(1, keepdims=True), initial])
        for d, layer in zip(d_outs, (0, -1)):
            of_readouts.append((_sent(hidden[layer][:, 1:], d), d.sum(1, keepdims=True)))
        return (
            torch.from_numpy(losses),
            [[torch.from_numpy(g) for g in own] for own in of_layers],
            [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in of_readouts],
        )


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def _sent(x: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Gradient of weights by what they see (network, time, episode, input) and the errors (network, row, output)."""
    steps = d.shape[1] // x.shape[2]
    return x[:, :steps].reshape(len(x), d.shape[1], -1).swapaxes(1, 2) @ d
