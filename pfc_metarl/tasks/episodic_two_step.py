"""The episodic two-step task of Ritter, Wang et al. 2018: some trials are cued with the context of an earlier one.

Its definition follows the public replication BKHMSI/Meta-RL-TwoStep-Task (tasks/ep_two_step.py, configs); the
publication itself we could not read. From there: 100 trials; a common transition has probability .9; the better state
pays with .9, the other with .1, and before each trial they swap with probability .1; every trial has a context of 10
bits. Trials 1 to 50 are not cued. Trials 51 to 75 are cued, at their start, with the context of one of the trials 1 to
25, trials 76 to 100 with that of one of the trials 26 to 50, drawn with replacement. If a cued trial reaches the state
that the earlier trial had reached, it brings that trial's reward again, and its context is the cue; else it is a trial
like all others, with a reward by the present probabilities and a context of its own.

Our choices: a trial has two steps, the choice and, with whatever action, its outcome, so that a state of memory that is
stored at the trial's end knows of the outcome (there, a trial is one step, and what is stored has not seen it yet). The
context is shown with the outcome. Contexts of an episode are all different, and none of them is all zeros, which stand
for no cue (there: all -1).
"""

from collections.abc import Mapping

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.barcode_bandit import BITS, random_barcodes
from pfc_metarl.tasks.task import NONE, Contexts, Task, is_number, require_probabilities, uniform

CHOICE, STATE, CONTEXT = 0, 1, 3
"""Places in the observation: the choice is due (and a trial begins); the first state; the first bit of a context."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The choice cue with the cue of memory, if there is one; or the state that was reached, with the context."""
    trial, step = divmod(episode.time, 2)
    now = trials[trial]
    observation[CHOICE] = step == 0
    rest = now.cue if step == 0 else now.context
    if step == 1 and now.state != NONE:
        observation[STATE + now.state] = 1
    for bit in range(BITS):
        observation[CONTEXT + bit] = rest % 2
        rest //= 2


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Choose, which leads to a state that pays or not; what is done at the outcome makes no difference."""
    trial, step = divmod(episode.time, 2)
    now = trials[trial]
    if step == 1 or action == NONE:
        return 0.0
    now.choice = action
    now.state = action if now.common else 1 - action
    now.reward = now.pays[now.state]
    if now.source > 0 and trials[now.source - 1].state == now.state:
        now.reward, now.context = trials[now.source - 1].reward, now.cue
    return float(now.reward)


class EpisodicTwoStep(Task):
    """The task; see the module.

    Args:
        trials: per episode, in four quarters.
        common_probability: of the common transition.
        reward_high, reward_low: reward probabilities of the better and of the worse state.
        switch_probability: chance per trial that the two swap.

    Raises:
        ConfigError: no such probability, or trials that have no quarters or more of them than there are barcodes.
    """

    name = "episodic_two_step"
    observations, actions = (CONTEXT + BITS,), 2
    steps_per_trial, choice_step = 2, 0
    trial_fields = [
        ("source", "i2"),  # number of the trial from which it is cued, from 1; 0: not cued
        ("cue", "i2"),
        ("context", "i2"),
        ("common", "?"),
        ("good_state", "i1"),
        ("pays", "i1", (2,)),  # would each state pay, if this trial brings no earlier reward again?
    ]
    outcome_fields = [("choice", "i1"), ("state", "i1"), ("reward", "i1")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(
        self, trials: int, common_probability: float, reward_high: float, reward_low: float, switch_probability: float
    ) -> None:
        require_probabilities(
            common_probability=common_probability, reward_high=reward_high, reward_low=reward_low,
            switch_probability=switch_probability,
        )  # fmt: skip
        if not is_number(trials) or trials % 4 or not 4 <= trials < 2**BITS:
            raise ConfigError(f"trials must be a multiple of 4, below {2**BITS}, not {trials}")
        self.trials = trials
        self.common_probability, self.switch_probability = common_probability, switch_probability
        self.reward_high, self.reward_low = reward_high, reward_low
        self.contexts = Contexts(CHOICE, CONTEXT, BITS, trials, apart=False)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Contexts, cues, transitions, the better state, and which states would pay; see `Task`."""
        number, quarter = len(episodes), self.trials // 4
        switches = uniform(rng, *trials.shape) < self.switch_probability
        start = uniform(rng, number) < 0.5
        trials["good_state"] = (start[:, None] + switches.cumsum(1)) % 2
        trials["common"] = uniform(rng, *trials.shape) < self.common_probability
        good = trials["good_state"][..., None] == (0, 1)
        p = np.where(good, np.float32(self.reward_high), np.float32(self.reward_low))
        trials["pays"] = uniform(rng, *trials.shape)[..., None] < p
        trials["context"] = random_barcodes(rng, number, self.trials)
        within = (uniform(rng, number, 2 * quarter) * quarter).astype(int)
        source = within + quarter * (np.arange(2 * quarter) >= quarter)  # from 0
        trials["source"][:, 2 * quarter :] = source + 1
        trials["cue"][:, 2 * quarter :] = np.take_along_axis(trials["context"], source, axis=1)

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """The choice, and the same again at the outcome, where it makes no difference; see `Task`."""
        return np.repeat(met["choice"][:, None], 2, axis=1)
