"""The bandit with a cue: where the good arm goes, and what it pays."""

import numpy as np
import pytest
from playing import at_random, begun, play, within_binomial_bounds

from pfc_metarl.tasks.context_bandit import ALTERNATES, ContextBandit


@pytest.mark.parametrize("changes", [False, True])
def test_the_rules(changes: bool) -> None:
    task = ContextBandit(20, 0.75, changes)
    met = play(begun(task, episodes=200), at_random(task))
    trials = met.world.trials
    context, good = trials["context"], trials["good_arm"].astype(bool)
    np.testing.assert_array_equal(np.moveaxis(met.observations.argmax(-1), 0, -1), context)
    assert (met.observations.sum(-1) == 1).all()
    np.testing.assert_array_equal(good[..., 1:], good[..., :-1] ^ (context[..., 1:] == ALTERNATES))
    np.testing.assert_array_equal(context[..., 0] != context[..., -1], np.full(context.shape[:2], changes))
    assert (context[..., :10] == context[..., :1]).all() and (context[..., 10:] == context[..., -1:]).all()
    assert within_binomial_bounds(int(context[..., 0].sum()), 400, 0.5)
    assert within_binomial_bounds(int(good[..., 0].sum()), 400, 0.5)
    for chosen_good, p in ((True, 0.75), (False, 0.25)):
        rewards = trials["reward"][(trials["choice"] == good) == chosen_good]
        assert within_binomial_bounds(int(rewards.sum()), len(rewards), p)
