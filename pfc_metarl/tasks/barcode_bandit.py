"""The contextual ("barcode") bandit of Ritter et al. 2018: contexts come again, and with each its good arm."""

from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import NONE, Contexts, Task, require_counts, require_probabilities, uniform

BITS = 10
"""Of a barcode."""
BEGINS, BARCODE = 0, 1
"""Places in the observation: whether an episode begins; the first bit."""


class Rules(NamedTuple):
    """What `see` is told."""

    pulls: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The barcode, bit by bit, and whether an (inner) episode begins."""
    observation[BEGINS] = episode.time % task.pulls == 0
    rest = trials[episode.time].barcode
    for bit in range(BITS):
        observation[BARCODE + bit] = rest % 2
        rest //= 2


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Pull an arm; it pays or not."""
    now = trials[episode.time]
    now.choice = action
    if action != NONE:  # as a subject may have done that a network is led along
        now.reward = now.pays[action]
    if episode.time + 1 == episode.trials:
        episode.over = True
    return float(now.reward)


def random_barcodes(rng: np.random.Generator, episodes: int, number: int) -> np.ndarray:
    """Distinct barcodes other than the one of zeros alone, which shows nothing: (episode, number)."""
    return uniform(rng, episodes, 2**BITS - 1).argsort(axis=1)[:, :number] + 1


class BarcodeBandit(Task):
    """An epoch of the bandit, which is one episode of the bench, made of inner episodes of a few pulls.

    As quoted from the publication: 10 arms, of which the good one pays with .9, the others with .1; 10 pulls in an
    inner episode; 10 contexts in an epoch, each shown in 10 inner episodes, in random order; each arm is the good one
    in a context. Our reading: barcodes are of 10 bits, all different, and drawn anew for each epoch. Our choice: that
    an inner episode begins is shown to all networks.

    Args:
        arms: of the bandit, and contexts of an epoch.
        pulls: of an inner episode.
        meetings: inner episodes with each context.
        high, low: probabilities with which the good arm and the others pay.
        unroll: inner episodes after which weights are updated, where epochs follow each other; 0: an epoch stands for
            itself.

    Raises:
        ConfigError: no such numbers, or more arms than there can be barcodes to choose from.
    """

    name = "barcode_bandit"
    observations = (BARCODE + BITS,)
    steps_per_trial, choice_step = 1, 0
    outcome_fields = [("choice", "i1"), ("reward", "i1")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, arms: int, pulls: int, meetings: int, high: float, low: float, unroll: int = 0) -> None:
        require_counts(arms=arms, pulls=pulls, meetings=meetings)
        require_probabilities(high=high, low=low)
        if not 2 <= arms <= 100:
            raise ConfigError(f"arms must be from 2 to 100, not {arms}")
        self.actions, self.pulls, self.meetings, self.high, self.low = arms, pulls, meetings, high, low
        self.inner, self.running, self.stretch = arms * meetings, unroll > 0, unroll * pulls
        self.trials, self.parameters = self.inner * pulls, Rules(pulls)
        self.contexts = Contexts(BEGINS, BARCODE, BITS, self.inner, apart=True)
        self.trial_fields = [
            ("inner", "i4"),
            ("pull", "i4"),
            ("barcode", "i4"),
            ("met", "i4"),
            ("good_arm", "i1"),
            ("pays", "i1", (arms,)),  # would each arm pay?
        ]

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Barcodes, their good arms, their order, and which arms would pay; see `Task`."""
        number, episodes["trials"] = len(episodes), self.trials
        barcodes = random_barcodes(rng, number, self.actions)  # the n-th goes with the n-th arm
        bag = np.repeat(np.arange(self.actions), self.meetings)
        context = bag[uniform(rng, number, self.inner).argsort(axis=1)]
        same = context[:, :, None] == context[:, None, :]
        met = np.tril(same).sum(axis=2)
        inner, pull = divmod(np.arange(self.trials), self.pulls)
        trials["inner"], trials["pull"] = inner + 1, pull + 1
        trials["met"], trials["good_arm"] = met[:, inner], context[:, inner]
        trials["barcode"] = np.take_along_axis(barcodes, context, axis=1)[:, inner]
        good = trials["good_arm"][..., None] == np.arange(self.actions)
        p = np.where(good, np.float32(self.high), np.float32(self.low))
        trials["pays"] = uniform(rng, *p.shape) < p
