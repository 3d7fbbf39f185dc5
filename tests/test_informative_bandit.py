"""The bandit with an informative arm: the task, known agents, the exact optimum, what is told of strategies."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from playing import begun, play

from pfc_metarl.agents.informative_bandit import UCB, Thompson, optimal_rewards
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.informative_arm import by_trial, strategies
from pfc_metarl.comparison import OPPOSITE, UNPUBLISHED
from pfc_metarl.errors import ConfigError
from pfc_metarl.simulation import Tested as Outcome
from pfc_metarl.tasks.informative_bandit import INFORMATIVE, InformativeBandit
from pfc_metarl.tasks.task import NONE
from pfc_metarl.trials import NETWORKS
from simulations.informative_bandit import PRESETS, analyse, compare_with_published


def test_what_arms_pay_and_what_is_seen() -> None:
    met = play(begun(InformativeBandit(11), episodes=500), lambda t, world: t)
    target = met.world.records["target"]
    assert np.bincount(target.ravel()).tolist() == pytest.approx([100] * 10, abs=40)
    for arm, reward in enumerate(met.rewards[:10]):
        np.testing.assert_array_equal(reward, np.where(target == arm, 5, 1))
    np.testing.assert_allclose(met.rewards[10], (target + 1) / 10)
    np.testing.assert_allclose(met.world.trials["regret"], 5 - np.moveaxis(met.rewards, 0, -1), rtol=1e-6)
    told = play(begun(InformativeBandit(2), episodes=500), lambda t, world: [[INFORMATIVE], [3]])
    last = met.observations[:, 0, 0]
    np.testing.assert_allclose(last[:, 0], np.arange(11) / 11)
    assert not last[0, 1:].any() and (last[1:, 1:].sum(axis=1) == 1).all()
    for t in range(1, 11):
        assert last[t, 11 if target[0, 0] == t - 1 else 10] == 1  # 5, or 1
    hints = told.observations[1, 0, :, 1:].argmax(axis=-1)  # the informative arm tells which is the target
    np.testing.assert_array_equal(hints, told.world.records["target"][0])


def test_a_trial_without_a_choice_pays_and_shows_nothing() -> None:
    met = play(begun(InformativeBandit(2)), lambda t, world: NONE)
    assert not met.rewards.any() and not met.observations[1, ..., 1:].any()
    assert not met.world.trials["regret"].any()


def test_thompson_searches_and_stays() -> None:
    agent = Thompson()
    agent.start(3)
    assert agent.probabilities({}).tolist() == [[0.1] * 10 + [0]] * 3
    agent.observe(np.arange(3), {"choice": np.array([0, 9, INFORMATIVE]), "reward": np.array([1, 5, 0.3])})
    one_less, tenth, third = agent.probabilities({})
    assert one_less == pytest.approx([0] + [1 / 9] * 9 + [0])
    assert tenth.tolist() == np.eye(11)[9].tolist() and third.tolist() == np.eye(11)[2].tolist()


def test_rewards_of_known_agents() -> None:
    """Thompson sampling finds the target at the n-th pull with 1/10; UCB's pulls are all different. Within 4 s.e."""
    search = [((n - 1) + 5 * (6 - n), 0.1) for n in range(1, 6)] + [(5, 0.5)]
    for kind, expected in ((Thompson, sum(r * p for r, p in search)), (UCB, 5 * (5 + 9 + 0.55) / 11)):
        played = play_agent(kind(), InformativeBandit(5), np.random.default_rng(1), 10_000, "")
        reward = played.groupby("session")["reward"].sum()
        assert abs(reward.mean() - expected) < 4 * reward.sem()
        assert (played["choice"] == INFORMATIVE).any() == (kind is UCB)
    longer = play_agent(UCB(), InformativeBandit(30), np.random.default_rng(1), 50, "")
    assert (longer[longer["trial"] <= 11].groupby("session")["choice"].nunique() == 11).all()
    late = longer[longer["trial"] > 25]
    assert (late["choice"] == late["target"]).mean() > 0.3


@pytest.mark.parametrize("trials", range(1, 6))
def test_the_exact_optimum_is_the_best_of_all_ways_to_choose(trials: int) -> None:
    @cache
    def worth(possible: frozenset[int], left: int) -> float:
        """By which arms may be the target, whatever was done before."""
        if not left:
            return 0.0
        if len(possible) == 1:
            return 5.0 * left
        asking = sum((arm + 1) / 10 for arm in possible) / len(possible) + 5 * (left - 1)
        searching = [
            5 * left / len(possible) + (1 - 1 / len(possible)) * (1 + worth(possible - {arm}, left - 1))
            for arm in possible
        ]
        return max(asking, *searching, 1 + worth(possible, left - 1))  # the last: an arm that is excluded

    assert optimal_rewards(trials).sum() == pytest.approx(worth(frozenset(range(10)), trials))
    assert len(optimal_rewards(trials)) == trials


def test_bad_numbers_of_trials() -> None:
    with pytest.raises(ConfigError, match="trials must be a whole number of at least 1, not 0"):
        optimal_rewards(0)


def behaving(choices: list[list[int]], subject: int = 1) -> pd.DataFrame:
    """A trial table of these choices, session by session; the target is arm 2."""
    rows = [(subject, s + 1, t + 1, arm) for s, own in enumerate(choices) for t, arm in enumerate(own)]
    table = pd.DataFrame(rows, columns=["subject", "session", "trial", "choice"]).assign(group=NETWORKS, target=2)
    pays = table["choice"].map(lambda arm: {2: 5.0, INFORMATIVE: 0.3}.get(arm, 1.0))
    return table.assign(reward=pays, regret=5 - pays)


def test_strategies_and_means_by_hand() -> None:
    table = behaving([[10, 2, 2], [10, 2, 4], [2, 2, 2], [3, 10, 2]])
    told = strategies(table).iloc[0]
    assert (told["first"], told["then_target"]) == (0.5, 0.25)
    means = by_trial(table)
    assert means["informative"].tolist() == [0.5, 0.25, 0] and means["target"].tolist() == [0.25, 0.75, 0.75]
    assert means["reward"].tolist() == pytest.approx([1.65, 3.825, 4]) and means["trial"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(means["regret"], 5 - means["reward"])


@pytest.mark.parametrize("best", [True, False])
def test_the_comparison_tells_who_asks_from_who_searches(best: bool) -> None:
    config = PRESETS["paper"]
    if best:
        own = [behaving([[10, 2, 2, 2, 2]] * 20, seed) for seed in config.seeds]
    else:
        rng = np.random.default_rng
        own = [play_agent(Thompson(), InformativeBandit(5), rng(s), 50, NETWORKS) for s in config.seeds]
        own = [table.assign(subject=seed) for table, seed in zip(own, config.seeds)]
    got = compare_with_published(analyse(config, Outcome(pd.concat(own, ignore_index=True)))).set_index("quantity")
    for name in ("informative arm first, share of episodes", "then the target alone, share of episodes"):
        assert got["verdict"][name] == (UNPUBLISHED if best else OPPOSITE)
    assert (got["networks_in_direction"]["learned: regret"] == 8) == best
    assert got["networks_in_direction"]["regret, Thompson"] == 8
    if best:
        assert got["ours"]["regret (exact optimum 4.45), networks"] == pytest.approx(4.7)  # arm 3's hint pays .3
