"""Simulation 4: the two-step task (Daw et al. 2011) in the version of Miller et al. 2017.

Methods, "Simulation 4". A trial has three steps: at the fixation cue action C is due; at the choice cue
L or R leads to state S1 or S2 (L to S1 and R to S2 with the common probability, else the other way);
in the state L or R are both valid, and reward 1 or 0 follows with the state's probability, .9 or .1.
At each trial's start the two probabilities swap with probability .025. An invalid action earns -1.

In a variant some episodes have their transitions reversed: L leads mostly to S2, R to S1, and nothing on the screen
says so.
"""

from collections.abc import Mapping

import numpy as np

from pfc_metarl.tasks.task import CENTRE, NONE, Task, require_probabilities, uniform

FIXATION, CHOICE, OUTCOME = 0, 1, 2
"""Steps of a trial."""
FIXATION_CUE, CHOICE_CUE, STATE_1 = 0, 1, 2
"""What is seen: places in the one-hot observation; STATE_2 is the next."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The fixation cue, the choice cue, or the state that was reached (nothing, if none was)."""
    trial, step = divmod(episode.time, 3)
    if step == FIXATION:
        observation[FIXATION_CUE] = 1
    elif step == CHOICE:
        observation[CHOICE_CUE] = 1
    elif trials[trial].state != NONE:
        observation[STATE_1 + trials[trial].state] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Fixate; choose, which leads to a state; respond there, which is rewarded or not."""
    trial, step = divmod(episode.time, 3)
    now = trials[trial]
    if step == FIXATION:
        return 0.0 if action == CENTRE else -1.0
    if step == CHOICE:
        if action == CENTRE:
            return -1.0
        now.choice = action
        now.state = action if now.common != episode.reversed else 1 - action
        now.valid = True
        return 0.0
    if action == CENTRE:
        now.valid = False
        return -1.0
    if now.state != NONE:
        now.reward = now.pays[now.state]
    return float(now.reward)


class TwoStep(Task):
    """The two-step task.

    Our choices, where the paper is silent: three steps per trial, all valid responses in the last one
    alike; observations one-hot (fixation, choice, S1, S2); after an invalid response at the choice cue no
    state is reached, the screen stays blank (all zeros) for that step and the trial pays nothing more.

    Args:
        trials: per episode.
        common_probability: of the common transition.
        reward_high, reward_low: reward probabilities of the better and of the worse state.
        switch_probability: chance per trial that the two swap.
        reversed_probability: that an episode's transitions are reversed.

    Raises:
        ConfigError: no such probability.
    """

    name = "two_step"
    observations, actions = (4,), 3
    steps_per_trial, choice_step = 3, CHOICE
    episode_fields = [("reversed", "?")]  # does L mostly lead to S2?
    trial_fields = [
        ("common", "?"),
        ("good_state", "i1"),
        ("pays", "i1", (2,)),  # would each state pay?
    ]
    outcome_fields = [("choice", "i1"), ("state", "i1"), ("reward", "i1"), ("valid", "?")]
    latents, commits = 2, FIXATION_CUE
    see, act = staticmethod(see), staticmethod(act)

    def __init__(
        self,
        trials: int,
        common_probability: float,
        reward_high: float,
        reward_low: float,
        switch_probability: float,
        reversed_probability: float = 0.0,
    ) -> None:
        require_probabilities(
            common_probability=common_probability, reward_high=reward_high, reward_low=reward_low,
            switch_probability=switch_probability, reversed_probability=reversed_probability,
        )  # fmt: skip
        self.trials = trials
        self.common_probability, self.switch_probability = common_probability, switch_probability
        self.reward_high, self.reward_low = reward_high, reward_low
        self.reversed_probability = reversed_probability

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Transitions, the better state, which states would pay, and the reversals; see `Task`."""
        switches = uniform(rng, *trials.shape) < self.switch_probability
        start = uniform(rng, len(episodes)) < 0.5
        trials["good_state"] = (start[:, None] + switches.cumsum(1)) % 2
        trials["common"] = uniform(rng, *trials.shape) < self.common_probability
        good = trials["good_state"][..., None] == (0, 1)
        p = np.where(good, np.float32(self.reward_high), np.float32(self.reward_low))
        trials["pays"] = uniform(rng, *trials.shape)[..., None] < p
        if self.reversed_probability:  # else nothing is drawn, and all else comes as it would
            episodes["reversed"] = uniform(rng, len(episodes)) < self.reversed_probability

    def latent(self, episodes: np.ndarray, trials: np.ndarray) -> np.ndarray:
        """The better state; see `Task`."""
        return trials["good_state"]

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """Fixation, then the choice, then a response of the same side (that of animals is not told)."""
        actions = super().responses(met)
        actions[:, OUTCOME] = np.where(met["valid"], actions[:, CHOICE], CENTRE)
        return actions
