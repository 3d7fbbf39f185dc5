"""Simulation 3: a reversal task in which one cue's value tells the other's (Bromberg-Martin et al. 2010).

Methods, "Simulation 3". A trial has four steps: fixation cue (action C is due); one of two cues (C); the action
that the cue instructs, L or R; outcome (C). The right action earns 1 after the rewarded cue and 0 after the
other; an invalid action on any step earns -1. A block lasts 5 trials; at its start the rewarded cue changes with
probability 1/2, and nothing shows it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT, CENTRE = 0, 1, 2
FIXATION_CUE, LEFT_CUE, RIGHT_CUE, BLANK = 0, 1, 2, 3
STEPS_PER_TRIAL = 4


class InferredValue(Task):
    """The reversal task as an endless stream, in stretches of whole blocks.

    Our choices, where the paper is silent: observations one-hot (fixation, left cue, right cue, nothing), the cue
    stays on while its action is due, and the screen is blank at outcome. Blocks run on: neither the network's
    state nor the rewarded cue is reset between stretches.

    Trial table (columns of `record`): block, trial_in_block (from 1), cue (0 left, 1 right), rewarded_cue, reward
    (1 or 0), valid (all four responses valid).

    Args:
        blocks: of one stretch.
        block_trials: trials of a block.
        switch: probability that the rewarded cue changes at a block's start.
    """

    observations, actions, continues = 4, 3, True

    def __init__(self, blocks: int, block_trials: int, switch: float) -> None:
        self.blocks, self.block_trials, self.p_switch = blocks, block_trials, switch
        self.trials = blocks * block_trials
        self.steps = self.trials * STEPS_PER_TRIAL

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Go on with the stream: `carried` holds the rewarded cue of the last block (network, episode)."""
        switches = (draw_uniform(rngs, (self.blocks,), episodes) < self.p_switch).long()
        start = (draw_uniform(rngs, (), episodes) < 0.5).long()
        before = start if self.carried is None else self.carried
        by_block = (before + switches.cumsum(0)) % 2
        self.carried = by_block[-1]
        self.rewarded = by_block.repeat_interleave(self.block_trials, 0)  # (trial, network, episode)
        self.cue = (draw_uniform(rngs, (self.trials,), episodes) < 0.5).long()
        self.valid = torch.ones_like(self.cue, dtype=torch.bool)
        self.screens = torch.eye(4).unsqueeze(1).unsqueeze(1).expand(-1, len(rngs), episodes, -1)
        self.time = 0
        return self.screens[FIXATION_CUE]

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        trial, phase = divmod(self.time, STEPS_PER_TRIAL)
        self.time += 1
        cue = self.cue[trial]
        right = action == (cue if phase == 2 else CENTRE)  # LEFT and RIGHT are the cues' numbers too
        self.valid[trial] &= right
        pays = (cue == self.rewarded[trial]).float() if phase == 2 else 0.0
        reward = torch.where(right, pays, -1.0)
        if phase in (0, 1):
            return torch.where((cue == 0).unsqueeze(-1), self.screens[LEFT_CUE], self.screens[RIGHT_CUE]), reward
        return self.screens[BLANK if phase == 2 else FIXATION_CUE], reward

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        number = np.arange(self.trials)[:, None, None] + np.zeros(self.cue.shape, int)
        return {
            "block": number // self.block_trials + 1,
            "trial_in_block": number % self.block_trials + 1,
            "cue": self.cue.numpy().astype(np.int8),
            "rewarded_cue": self.rewarded.numpy().astype(np.int8),
            "reward": (self.valid & (self.cue == self.rewarded)).numpy().astype(np.int8),
            "valid": self.valid.numpy(),
        }
