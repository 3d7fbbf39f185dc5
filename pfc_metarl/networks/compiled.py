"""Agents with LSTMs play and learn in compiled loops (`kernels`), without a call of PyTorch in between."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.networks import kernels
from pfc_metarl.networks.agent import Agent, Costs, Played, State, Stimulus
from pfc_metarl.networks.lstm import LSTM
from pfc_metarl.networks.recurrent import Head, Recurrent
from pfc_metarl.tasks.episodes import Episodes


class Compiled(Agent):
    """One or two recurrent layers, each with a linear read-out.

    Of two layers the first is an actor, which sees in place of the last reward the prediction errors of the second, a
    critic. The policy is read out of the first layer; the value, the last output, of the last one. (With other units
    than an LSTM's, or on a GPU, it takes single steps like any agent.)
    """

    layer: ClassVar[type[Recurrent]] = LSTM
    discount = 0.0
    """Gamma of the prediction errors."""

    @property
    @abstractmethod
    def parts(self) -> list[tuple[Recurrent, Head]]:
        """The layers, and what is read out of each."""

    @property
    def compiled(self) -> bool:
        """Whether compiled loops play and learn; see `Agent`."""
        return self.layer is LSTM and self.device.type == "cpu" and not self.play_plainly

    def unroll(
        self,
        world: Episodes,
        state: State,
        reward: np.ndarray,
        action: np.ndarray,
        noise: np.ndarray,
        given: np.ndarray | None,
        stimulus: Stimulus | None,
        learn: bool,
    ) -> Played:
        """Play in compiled loops; see `Agent`."""
        task, number, (networks, steps, size, actions) = world.task, len(self.parts), noise.shape
        told, units = steps + task.continues, self.units  # one more where episodes run on
        shown = world.observation.shape[-1]
        own = shown + 2 + actions  # where a layer's own output begins, among what it sees

        def empty(*shape: int) -> np.ndarray:
            return np.empty(shape, np.float32)

        kept = told if learn else 1  # of what only the gradient needs
        seen = empty(number, networks, told + 1, size, own + units)
        cell = empty(number, networks, kept + 1, size, units)
        gates, squashed = empty(number, networks, kept, size, 4 * units), empty(number, networks, kept, size, units)
        for i in range(number):
            seen[i, :, 0, :, own:], cell[i, :, 0] = state[2 * i], state[2 * i + 1]
        seen[..., own - 1], seen[-1, :, 0, :, :shown], seen[-1, :, 0, :, shown] = 1, world.observation, reward
        seen[-1, :, 0, :, shown + 1 : own - 1] = action[..., None] == np.arange(actions)
        last = [_numbers(s).copy() for s in state[2 * number :]]  # of an actor and a critic
        last_value, begun = last or empty(2, networks, size)
        added = empty(networks, steps + 1, size)
        added[:, 0] = 0
        logits, values, rewards = empty(*noise.shape), empty(networks, told, size), empty(networks, steps, size)
        chosen = np.empty((networks, steps + 1, size), np.int64)
        chosen[:, 0], active = action, np.empty((networks, steps, size), np.bool_)
        follow = np.empty((networks, 0, size), np.int64) if given is None else given
        event, stimuli = stimulus or (-1, empty(0, networks, size))
        weights, read_outs = self._weights()
        kernels.play(  # type: ignore[call-arg]
            world.step_one, task.parameters, world.endless, task.steps_per_trial, world.records, world.trials,
            weights, *read_outs[0], *read_outs[-1], np.float32(self.discount), steps, noise, follow, event, stimuli,
            seen, cell, gates, squashed, last_value, begun, added, logits, values, chosen[:, 1:], rewards, active,
        )  # fmt: skip
        inputs, hidden = seen[-1, :, : steps + 1, :, : own - 1], seen[..., own:]
        world.observation[:], world.reward[:] = inputs[:, -1, :, :shown], rewards[:, -1]
        after = [x for i in range(number) for x in (hidden[i, :, steps], cell[i, :, steps % (kept + 1)])]
        after += [values[:, steps - 1], np.ones_like(begun)] if number > 1 else []
        memory = (seen, cell, gates, squashed, weights, [w for w, _ in read_outs])
        return Played(
            inputs, added, hidden[0, :, 1 : steps + 1], logits, values, chosen, rewards, active,
            tuple(torch.from_numpy(x.copy()) for x in after), memory,
        )  # fmt: skip

    def _weights(self) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """Of all layers (layer, network, seen, gate x unit); of each read-out, and its biases, (network, output, ...).

        A bias is the weight of an input that is always 1.
        """
        told = [layer.weights() for layer, _ in self.parts]
        of_layers = [np.concatenate([_numbers(x), _numbers(b), _numbers(h)], axis=1) for x, h, b in told]
        heads = [(_numbers(head.weight).swapaxes(1, 2), _numbers(head.bias)[:, 0]) for _, head in self.parts]
        return np.stack(of_layers), [(np.ascontiguousarray(w), np.ascontiguousarray(b)) for w, b in heads]

    @np.errstate(invalid="ignore", over="ignore")  # a training that diverges is told of by the learner
    def learn(self, played: Played, begins: Tensor, bootstrap: np.ndarray, costs: Costs) -> Tensor:
        """Fill in the gradient; see `Agent`."""
        seen, cell, gates, squashed, weights, read_outs = played.memory
        (networks, steps, size, actions), units = played.logits.shape, self.units

        d_out, losses = np.empty((networks, steps, size, actions + 1), np.float32), np.empty(networks, np.float32)
        what = (played.logits, played.values, played.actions[:, 1:], played.rewards, played.active, bootstrap)
        kernels.errors(*what, *(np.float32(cost) for cost in costs), d_out, losses)  # type: ignore[call-arg]
        own, first = -1 - units, 0
        for i, (layer, head) in enumerate(self.parts):
            told, of_weights = (seen[i], cell[i], gates[i], squashed[i], weights[i]), np.zeros_like(weights[i])
            of_state = np.zeros((2, networks, size, units), np.float32)
            of_read = np.zeros((networks, seen.shape[-1], actions + 1), np.float32)
            kernels.through_time(d_out, first, read_outs[i], *told, *of_state, of_weights, of_read)  # type: ignore[call-arg]
            begun = (of_state * _numbers(begins)[..., None]).sum(2).swapaxes(0, 1)
            layer.take_gradients(of_weights[:, :own], of_weights[:, own + 1 :], of_weights[:, own : own + 1], begun)
            last = first + read_outs[i].shape[1]
            head.take_gradients(of_read[:, own + 1 :, first:last], of_read[:, own : own + 1, first:last])
            first = last
        return torch.from_numpy(losses)


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()
