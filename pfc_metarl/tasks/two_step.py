"""Simulation 4: the two-step task (Daw et al. 2011) in the version of Miller et al. 2017.

Methods, "Simulation 4". A trial has three steps: at the fixation cue action C is due; at the choice cue
L or R leads to state S1 or S2 (L to S1 and R to S2 with the common probability, else the other way);
in the state L or R are both valid, and reward 1 or 0 follows with the state's probability, .9 or .1.
At each trial's start the two probabilities swap with probability .025. An invalid action earns -1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT, CENTRE = 0, 1, 2
FIXATION_CUE, CHOICE_CUE, STATE_1, STATE_2, BLANK = 0, 1, 2, 3, 4
STEPS_PER_TRIAL = 3


class TwoStep(Task):
    """The two-step task for many networks and episodes at once.

    Our choices, where the paper is silent: three steps per trial, all valid responses in the last one
    alike; observations one-hot (fixation, choice, S1, S2); after an invalid response at the choice cue no
    state is reached, the screen stays blank (all zeros) for that step and the trial pays nothing more.

    Trial table (columns of `record`): choice (0 left, 1 right, -1 invalid), state (0 S1, 1 S2, -1 none),
    common (was it the common transition), reward (1 or 0), good_state (the state that pays with the
    higher probability), valid (both responses valid).

    Args:
        trials: per episode.
        common: probability of the common transition.
        reward_high, reward_low: reward probabilities of the better and of the worse state.
        switch: probability per trial that the two swap.
    """

    observations, actions = 4, 3

    def __init__(self, trials: int, common: float, reward_high: float, reward_low: float, switch: float) -> None:
        self.trials, self.steps = trials, trials * STEPS_PER_TRIAL
        self.p_common, self.p_high, self.p_low, self.p_switch = common, reward_high, reward_low, switch

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        switches = draw_uniform(rngs, (self.trials,), episodes) < self.p_switch
        start = draw_uniform(rngs, (), episodes) < 0.5
        self.good_state = (start + switches.cumsum(0)) % 2  # (trial, network, episode)
        self.common = draw_uniform(rngs, (self.trials,), episodes) < self.p_common
        luck = draw_uniform(rngs, (self.trials,), episodes)
        # would each state pay on this trial? (trial, network, episode, state)
        good = one_hot(self.good_state, 2).bool()
        self.pays = luck.unsqueeze(-1) < torch.where(good, self.p_high, self.p_low)
        self.choice = torch.empty_like(self.good_state)
        self.state = torch.empty_like(self.good_state)
        self.reward = torch.zeros_like(luck)
        self.valid = torch.empty_like(self.common)
        # one-hot, and all zeros for BLANK
        self.screens = torch.eye(5, self.observations).unsqueeze(1).expand(-1, len(rngs) * episodes, -1)
        self.screens = self.screens.reshape(5, len(rngs), episodes, self.observations)
        self.time = 0
        return self.screens[FIXATION_CUE]

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        trial, phase = divmod(self.time, STEPS_PER_TRIAL)
        self.time += 1
        left_or_right = action != CENTRE
        if phase == 0:
            return self.screens[CHOICE_CUE], -left_or_right.float()
        if phase == 1:
            state = torch.where(self.common[trial], action, 1 - action)
            self.choice[trial] = action.masked_fill(~left_or_right, -1)
            self.state[trial] = state.masked_fill_(~left_or_right, -1)
            self.valid[trial] = left_or_right
            screen = (state + STATE_1).masked_fill_(~left_or_right, BLANK)
            return self.screens[:, 0, 0][screen], left_or_right.float() - 1
        state = self.state[trial]
        pays = self.pays[trial].gather(-1, state.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        reward = (pays & left_or_right & (state >= 0)).float()
        self.reward[trial] = reward
        self.valid[trial] &= left_or_right
        return self.screens[FIXATION_CUE], torch.where(left_or_right, reward, -1.0)

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        return {
            "choice": self.choice.numpy().astype(np.int8),
            "state": self.state.numpy().astype(np.int8),
            "common": self.common.numpy(),
            "reward": self.reward.numpy().astype(np.int8),
            "good_state": self.good_state.numpy().astype(np.int8),
            "valid": self.valid.numpy(),
        }
