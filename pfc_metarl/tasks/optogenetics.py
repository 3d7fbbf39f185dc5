"""Simulation 6: a safe and a risky arm, under stimulation of dopamine (Stopper et al. 2014).

Methods, "Simulation 6". The safe arm always pays 1; the risky arm pays 4 with probability .125 or .5, drawn at
the episode's start. Five forced pulls of each arm, in randomised pairs, are followed by 20 free pulls. Which side
is risky changes from episode to episode with probability 1/2. A trial has two steps: fixation (action C is due)
and choice. An invalid action earns -1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT, CENTRE = 0, 1, 2
FIXATION_CUE, FORCED_LEFT, FORCED_RIGHT, FREE = 0, 1, 2, 3
STEPS_PER_TRIAL = 2


class Optogenetics(Task):
    """Safe against risky for many networks and episodes at once.

    Our choices, where the paper is silent: observations one-hot (fixation, forced left, forced right, free); on a
    forced trial the other arm is invalid.

    Trial table (columns of `record`): free (is the choice free), risky (1 risky chosen, 0 safe, -1 invalid),
    reward (4, 1 or 0), p_risky, risky_side (0 left, 1 right).

    Events: safe_reward, risky_reward, risky_loss.

    Args:
        forced_pairs: pairs of forced pulls.
        free: free pulls.
        p_risky: the probabilities from which the risky arm's is drawn.
        safe_reward, risky_reward: what the arms pay.
    """

    observations, actions = 4, 3

    def __init__(
        self, forced_pairs: int, free: int, p_risky: Sequence[float], safe_reward: float, risky_reward: float
    ) -> None:
        self.forced = 2 * forced_pairs
        self.trials = self.forced + free
        self.steps = self.trials * STEPS_PER_TRIAL
        self.p_risky, self.safe_pays, self.risky_pays = list(p_risky), safe_reward, risky_reward

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        which = (draw_uniform(rngs, (), episodes) * len(self.p_risky)).long().clamp(max=len(self.p_risky) - 1)
        self.p = torch.tensor(self.p_risky)[which]  # (network, episode)
        self.risky_side = (draw_uniform(rngs, (), episodes) < 0.5).long()
        first = (draw_uniform(rngs, (self.forced // 2,), episodes) < 0.5).long()
        pairs = torch.stack([first, 1 - first], 1).flatten(0, 1)  # forced sides (trial, network, episode)
        free = torch.full((self.trials - self.forced, *self.p.shape), FREE)
        self.cues = torch.cat([pairs + FORCED_LEFT, free])
        self.luck = draw_uniform(rngs, (self.trials,), episodes)
        self.risky = torch.full(self.luck.shape, -1)
        self.reward = torch.zeros_like(self.luck)
        self.screens = torch.eye(4)
        self.fixation = self.screens[FIXATION_CUE].expand(*self.p.shape, -1)
        self.time = 0
        return self.fixation

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        trial, phase = divmod(self.time, STEPS_PER_TRIAL)
        self.time += 1
        self._chose = phase == 1
        if phase == 0:
            return self.screens[self.cues[trial]], -(action != CENTRE).float()
        cue = self.cues[trial]
        valid = (action != CENTRE) & ((cue == FREE) | (action == cue - FORCED_LEFT))
        risky = action == self.risky_side
        paid = torch.where(risky, self.risky_pays * (self.luck[trial] < self.p), self.safe_pays)
        self.risky[trial] = risky.long().masked_fill(~valid, -1)
        self.reward[trial] = paid.masked_fill(~valid, 0.0)
        return self.fixation, paid.masked_fill(~valid, -1.0)

    def events(self) -> dict[str, Tensor]:
        """The outcome that the last action led to; none at fixation."""
        trial = (self.time - 1) // STEPS_PER_TRIAL
        risky, paid = self.risky[trial], self.reward[trial] > 0
        now = torch.full_like(paid, self._chose)
        return {
            "safe_reward": now & (risky == 0),
            "risky_reward": now & (risky == 1) & paid,
            "risky_loss": now & (risky == 1) & ~paid,
        }

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        return {
            "free": (self.cues == FREE).numpy(),
            "risky": self.risky.numpy().astype(np.int8),
            "reward": self.reward.numpy(),
            "p_risky": self.p.expand(self.trials, -1, -1).numpy(),
            "risky_side": self.risky_side.expand(self.trials, -1, -1).numpy().astype(np.int8),
        }
