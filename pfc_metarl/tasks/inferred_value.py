"""Simulation 3: a reversal task in which one cue's value tells the other's (Bromberg-Martin et al. 2010).

Methods, "Simulation 3". A trial has four steps: fixation cue (action C is due); one of two cues (C); the action
that the cue instructs, L or R; outcome (C). The right action earns 1 after the rewarded cue and 0 after the
other; an invalid action on any step earns -1. A block lasts 5 trials; at its start the rewarded cue changes with
probability 1/2, and nothing shows it.
"""

from collections.abc import Mapping

import numpy as np

from pfc_metarl.tasks.task import CENTRE, Task, require_counts, require_probabilities, uniform

FIXATION, CUE, ACTION, OUTCOME = 0, 1, 2, 3
"""Steps of a trial."""
FIXATION_CUE, LEFT_CUE, BLANK = 0, 1, 3
"""What is seen: places in the one-hot observation; the right cue follows the left one."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The fixation cue, one of the two cues, or nothing."""
    trial, step = divmod(episode.time, 4)
    if step == FIXATION:
        observation[FIXATION_CUE] = 1
    elif step == OUTCOME:
        observation[BLANK] = 1
    else:
        observation[LEFT_CUE + trials[trial].cue] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Fixate; wait; do as the cue says, which is rewarded if the cue is; wait."""
    trial, step = divmod(episode.time, 4)
    now = trials[trial]
    if step == FIXATION:
        if now.reverses:
            episode.rewarded = 1 - episode.rewarded
        now.rewarded_cue = episode.rewarded
        now.valid = True
    due = now.cue if step == ACTION else CENTRE  # LEFT and RIGHT are the cues' numbers too
    if action != due:
        now.valid = False
        return -1.0
    pays = now.cue == now.rewarded_cue
    if step == OUTCOME:
        now.reward = now.valid and pays
    return 1.0 if step == ACTION and pays else 0.0


class InferredValue(Task):
    """The reversal task as an endless stream, in stretches of whole blocks.

    Our choices, where the paper is silent: observations one-hot (fixation, left cue, right cue, nothing), the cue
    stays on while its action is due, and the screen is blank at outcome. Blocks run on: neither the network's
    state nor the rewarded cue is reset between stretches.

    Args:
        blocks: of one stretch.
        block_trials: trials of a block.
        switch_probability: chance that the rewarded cue changes at a block's start.

    Raises:
        ConfigError: no such probability, or no trials.
    """

    name = "inferred_value"
    observations, actions = (4,), 3
    steps_per_trial, choice_step = 4, ACTION
    continues = True
    episode_fields = [("rewarded", "i1")]  # the cue that is rewarded now
    trial_fields = [
        ("block", "i4"),
        ("trial_in_block", "i4"),
        ("reverses", "?"),  # does the rewarded cue change at this trial's start?
        ("cue", "i1"),
    ]
    outcome_fields = [("rewarded_cue", "i1"), ("reward", "i1"), ("valid", "?")]
    latents = 2
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, blocks: int, block_trials: int, switch_probability: float) -> None:
        require_probabilities(switch_probability=switch_probability)
        require_counts(blocks=blocks, block_trials=block_trials)
        self.blocks, self.block_trials, self.switch_probability = blocks, block_trials, switch_probability
        self.trials = blocks * block_trials

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Reversals, the cue that is rewarded at the stream's start, and the cues; see `Task`."""
        trials["reverses"][:, :: self.block_trials] = uniform(rng, len(episodes), self.blocks) < self.switch_probability
        episodes["rewarded"] = uniform(rng, len(episodes)) < 0.5
        trials["cue"] = uniform(rng, *trials.shape) < 0.5
        block, trial = divmod(np.arange(self.trials), self.block_trials)
        trials["block"], trials["trial_in_block"] = block + 1, trial + 1

    def latent(self, episodes: np.ndarray, trials: np.ndarray) -> np.ndarray:
        """The cue that pays; see `Task`."""
        return trials["rewarded_cue"]

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: its cues, and which of them was rewarded."""
        super().lead(episode, trials, met)
        rewarded = met["rewarded_cue"]
        episode["rewarded"] = rewarded[0]
        trials["reverses"][1:] = rewarded[1:] != rewarded[:-1]

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """Centre, and the action that the cue instructs where the trial is valid."""
        actions = np.full((len(met["cue"]), 4), CENTRE)
        actions[:, ACTION] = np.where(met.get("valid", True), met["cue"], CENTRE)
        return actions
