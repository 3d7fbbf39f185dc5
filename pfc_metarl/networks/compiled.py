"""Agents with LSTMs play and learn in compiled loops, without a call of PyTorch in between."""

import os
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numba
import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.networks import kernels, updates
from pfc_metarl.networks.agent import Agent, Lesson, Played, State, Stimulus, Taught
from pfc_metarl.networks.lstm import LSTM
from pfc_metarl.networks.policies import Softmax
from pfc_metarl.networks.recurrent import Head, Recurrent
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.stepping import see_and_step


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
        """Whether compiled loops play and learn; see `Agent`. They know no further weights, and no auxiliary loss;
        with NUMBA_DISABLE_JIT=1 they are left alone."""
        known = type(self).auxiliary_loss is Agent.auxiliary_loss and len(self._known()) == len(list(self.parameters()))
        on_cpu, softmax = self.device.type == "cpu", isinstance(self.action_policy, Softmax)
        plainly = self.play_plainly or numba.config.DISABLE_JIT  # type: ignore[attr-defined]
        return known and self.layer is LSTM and on_cpu and softmax and not plainly

    def in_order(self) -> list[nn.Parameter]:
        """As `updates` has it, then whatever else there is; see `Agent`."""
        known = self._known()
        return [*known, *(p for p in self.parameters() if all(p is not other for other in known))]

    def _known(self) -> list[nn.Parameter]:
        """In the order of `updates`: a bias is the weight of an input that is always 1."""
        layers = [p for layer, _ in self.parts for p in (layer.input_weight, layer.bias, layer.hidden_weight)]
        heads = [p for _, head in self.parts for p in (head.weight, head.bias)]
        return [*layers, *heads, *(layer.initial for layer, _ in self.parts)]

    @property
    def _shape(self) -> updates.Shape:
        first, _ = self.parts[0]
        learned = first.initial.requires_grad
        return updates.Shape(len(self.parts), self.observations[0], self.actions, self.units, learned)

    def unroll(
        self,
        world: Episodes,
        state: State,
        reward: np.ndarray,
        action: np.ndarray,
        noise: np.ndarray,
        given: np.ndarray | None,
        stimulus: Stimulus | None,
    ) -> Played:
        """Play in compiled loops; see `Agent`."""
        task, shape, (networks, steps, size, actions) = world.task, self._shape, noise.shape
        told, units = steps + task.continues, self.units  # one more where episodes run on
        own = shape.shown + 2 + actions  # where a layer's own output begins, among what it sees

        def empty(*sizes: int) -> np.ndarray:
            return np.empty((networks, *sizes), np.float32)

        seen, cell = empty(shape.layers, told + 1, size, own + units), empty(shape.layers, 2, size, units)
        gates, squashed = empty(shape.layers, 1, size, 4 * units), empty(shape.layers, 1, size, units)
        for i in range(shape.layers):
            seen[:, i, 0, :, own:], cell[:, i, 0] = state[2 * i], state[2 * i + 1]
        seen[..., own - 1], first = 1, seen[:, -1, 0]
        first[..., : shape.shown], first[..., shape.shown] = world.observation, reward
        first[..., shape.shown + 1 : own - 1] = action[..., None] == np.arange(actions)
        last = [_numbers(s).copy() for s in state[2 * shape.layers :]]  # of an actor and a critic
        last_value, begun = last or (empty(size), empty(size))
        added = empty(steps + 1, size)
        added[:, 0] = 0
        logits, values, rewards = empty(steps, size, actions), empty(told, size), empty(steps, size)
        chosen = np.empty((networks, steps + 1, size), np.int64)
        chosen[:, 0], active = action, np.empty((networks, steps, size), np.bool_)
        event, stimuli = stimulus or (-1, np.empty((0, networks, size), np.float32))
        stimuli = np.ascontiguousarray(stimuli.swapaxes(0, 1))
        follow = np.empty((networks, 0, size), np.int64) if given is None else given
        numbers = _numbers(torch.cat([p.flatten(1) for p in self.in_order()], 1))
        by_layer = (shape.layers, own + units, 4 * units)
        of_layers = int(np.prod(by_layer))

        (_, step), (episodes, trials) = see_and_step(task, world.endless), world.as_bytes()

        def play(n: int) -> None:
            read, bias = np.empty((actions + 1, units), np.float32), np.empty(actions + 1, np.float32)
            updates.read_outs(numbers[n], shape, read, bias)
            kernels.play(  # type: ignore[call-arg]
                step, episodes[n], trials[n], numbers[n, :of_layers].reshape(by_layer), read, bias,
                np.float32(self.discount), noise[n], follow[n], event, stimuli[n], seen[n], cell[n], gates[n],
                squashed[n], last_value[n], begun[n], added[n], logits[n], values[n], chosen[n, 1:], rewards[n],
                active[n],
            )  # fmt: skip

        play(0)  # compiled now, if it has not been
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(play, range(1, networks)))
        inputs, hidden = seen[:, -1, : steps + 1, :, : own - 1], seen[..., own:]
        world.observation[:], world.reward[:] = inputs[:, -1, :, : shape.shown], rewards[:, -1]
        after = [x for i in range(shape.layers) for x in (hidden[:, i, steps], cell[:, i, steps % 2])]
        after += [values[:, steps - 1], np.ones_like(begun)] if shape.layers > 1 else []
        return Played(
            inputs, added, hidden[:, 0, 1 : steps + 1], logits, values, chosen, rewards, active,
            tuple(torch.from_numpy(x.copy()) for x in after),
        )  # fmt: skip

    def learn(self, lesson: Lesson) -> Taught:
        """Several updates in one compiled call; see `Agent`."""
        world, task, noise, optimiser = lesson.world, lesson.world.task, lesson.noise, lesson.optimiser
        networks, number, steps, size, _ = noise.shape
        rules = (
            lesson.discount,
            lesson.trace_decay,
            lesson.state_value_cost,
            optimiser.decay,
            optimiser.epsilon,
            lesson.clip,
            *lesson.bounds,
        )
        standing, gradient = self._standing(lesson.start, size), torch.empty_like(optimiser.weights)
        rewards, losses = (
            np.empty((networks, number, steps, size), np.float32),
            np.empty((networks, number), np.float32),
        )
        updates.train(
            *see_and_step(task, world.endless), task.continues, lesson.start is not None, *world.as_bytes(),
            np.ascontiguousarray(noise), self._shape,
            updates.Rules(*(np.float32(rule) for rule in rules)),  # type: ignore[arg-type]
            np.array(lesson.rates, np.float32), np.array(lesson.entropy_costs, np.float32),
            *(own.numpy() for own in (optimiser.weights, optimiser.mean_square, gradient)), standing, rewards, losses,
        )  # type: ignore[call-arg]  # fmt: skip
        return Taught(rewards, losses, gradient, self._end(standing))

    def _standing(self, start: tuple[State, Tensor, Tensor] | None, size: int) -> updates.Standing:
        """Where episodes stand, for the loops; nothing of note if they begin."""
        networks, layers = len(self.seeds), len(self.parts)
        none = (np.zeros((networks, layers, 2, size, self.units)), np.zeros((networks, size, 1 + self.actions)))
        standing = updates.Standing(*(x.astype(np.float32) for x in (*none, *np.zeros((2, networks, size)))))
        if start:
            state, reward, action = ([_numbers(x) for x in start[0]], _numbers(start[1]), _numbers(start[2]))
            for i in range(layers):
                standing.state[:, i, 0], standing.state[:, i, 1] = state[2 * i], state[2 * i + 1]
            standing.told[..., 0], standing.told[..., 1:] = reward, action[..., None] == np.arange(self.actions)
            for own, its in zip((standing.value, standing.begun), state[2 * layers :]):
                own[:] = its
        return standing

    def _end(self, standing: updates.Standing) -> tuple[State, Tensor, Tensor]:
        """State, last reward and last action, from the loops."""
        state = [standing.state[:, i, k] for i in range(len(self.parts)) for k in (0, 1)]
        state += [standing.value, np.ones_like(standing.begun)] if len(self.parts) > 1 else []
        told, action = standing.told, standing.told[..., 1:].argmax(-1)
        return (
            tuple(torch.from_numpy(x.copy()) for x in state),
            torch.from_numpy(told[..., 0].copy()),
            torch.from_numpy(action),
        )


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()
