"""Bandits: the task, the reference agents against other ways of computing the same, the belief read-out."""

from functools import cache

import numpy as np
import pytest
import torch

from pfc_metarl.agents.bandits import (
    RULES,
    bayes_optimal_regret,
    bayes_optimal_regret_correlated,
    gittins_indices,
    play,
    posterior,
)
from pfc_metarl.analysis.read_out import read_out_r2
from pfc_metarl.analysis.state_space import principal_components
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, Bandit


def rngs(networks: int = 2) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, 5]) for seed in range(networks)]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_distributions(distribution: str) -> None:
    task = Bandit(10, 2, distribution)
    task.begin(rngs(), 4000)
    left, right = task.p[..., 0].numpy(), task.p[..., 1].numpy()
    assert left.mean() == pytest.approx(0.5, abs=0.02)
    if distribution == "independent":
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.05
        assert left.std() == pytest.approx(12**-0.5, abs=0.01)
    else:
        np.testing.assert_allclose(left + right, 1, atol=1e-6)
    if distribution == "medium":
        assert set(np.unique(left.round(6))) == {0.25, 0.75}


def test_rewards_regret_and_trial_number() -> None:
    task = Bandit(50, 3, (0.2, 0.5, 0.9))
    assert (task.begin(rngs(), 500) == 0).all()
    for t in range(50):
        action = torch.full((2, 500), t % 3)
        observation, _ = task.step(action)
        assert observation.unique().item() == pytest.approx((t + 1) / 50)
    record = task.record()
    for arm, p in enumerate((0.2, 0.5, 0.9)):
        rewards = record["reward"][arm::3]
        assert rewards.mean() == pytest.approx(p, abs=4 * (p * (1 - p) / rewards.size) ** 0.5)
        np.testing.assert_allclose(record["regret"][arm::3], 0.9 - p, atol=1e-6)


def test_gittins_indices_of_the_literature() -> None:
    """Gittins 1989; to four digits in Christian & Griffiths 2016, ch. 2: by wins and losses, discounts .9 and .99."""
    nine_tenths = gittins_indices(4, 0.9)
    assert nine_tenths[0, 0] == pytest.approx(0.7029, abs=1e-4)
    assert nine_tenths[1, 1] == pytest.approx(0.6346, abs=1e-4)
    assert nine_tenths[2, 2] == pytest.approx(0.6010, abs=1e-4)
    assert gittins_indices(1, 0.99)[0, 0] == pytest.approx(0.8699, abs=1e-4)


@pytest.mark.parametrize("start", [(0, 0), (2, 1), (1, 3)])
def test_gittins_equals_restart_problem(start: tuple[int, int]) -> None:
    """The index is (1 - gamma) times the value of the problem with restarts (Katehakis & Veinott 1987)."""
    gamma, depth = 0.7, 40
    restart = 0.0
    for _ in range(200):  # value iteration on the value of restarting

        @cache
        def value(s: int, f: int, restart: float = restart) -> float:
            mean = (s + 1) / (s + f + 2)
            if s + f - sum(start) >= depth:
                return max(restart, mean / (1 - gamma))
            return max(restart, mean * (1 + gamma * value(s + 1, f)) + (1 - mean) * gamma * value(s, f + 1))

        s, f = start
        mean = (s + 1) / (s + f + 2)
        new = mean * (1 + gamma * value(s + 1, f)) + (1 - mean) * gamma * value(s, f + 1)
        if abs(new - restart) < 1e-10:
            break
        restart = new
    assert gittins_indices(5, gamma)[start] == pytest.approx((1 - gamma) * restart, abs=2e-5)


def test_bayes_optimal_regret_equals_plain_recursion() -> None:
    trials, p = 7, (0.3, 0.8)

    @cache
    def values(s1: int, f1: int, s2: int, f2: int) -> tuple[float, float]:
        if s1 + f1 + s2 + f2 == trials:
            return 0.0, 0.0
        m1, m2 = (s1 + 1) / (s1 + f1 + 2), (s2 + 1) / (s2 + f2 + 2)
        first = m1 * (1 + max(values(s1 + 1, f1, s2, f2))) + (1 - m1) * max(values(s1, f1 + 1, s2, f2))
        second = m2 * (1 + max(values(s1, f1, s2 + 1, f2))) + (1 - m2) * max(values(s1, f1, s2, f2 + 1))
        return first, second

    def regret(s1: int, f1: int, s2: int, f2: int) -> float:
        if s1 + f1 + s2 + f2 == trials:
            return 0.0
        first, second = values(s1, f1, s2, f2)
        share = 0.5 if abs(first - second) < 1e-12 else float(first > second)
        one = 0.5 + p[0] * regret(s1 + 1, f1, s2, f2) + (1 - p[0]) * regret(s1, f1 + 1, s2, f2) if share else 0.0
        two = p[1] * regret(s1, f1, s2 + 1, f2) + (1 - p[1]) * regret(s1, f1, s2, f2 + 1) if share < 1 else 0.0
        return share * one + (1 - share) * two

    assert bayes_optimal_regret(trials, p)[-1] == pytest.approx(regret(0, 0, 0, 0))


def test_correlated_bayes_agent_equals_simulation() -> None:
    rng, episodes, p = np.random.default_rng(0), 20_000, 0.3
    evidence, wrong = np.zeros(episodes), []
    for _ in range(12):
        left = np.where(evidence == 0, rng.random(episodes) < 0.5, evidence > 0)
        wrong.append(left.mean())  # left is the worse one
        outcome = rng.random(episodes) < np.where(left, p, 1 - p)
        evidence += np.where(left == outcome, 1, -1)
    exact = np.diff(bayes_optimal_regret_correlated(12, p), prepend=0) / 0.4
    np.testing.assert_allclose(wrong, exact, atol=0.02)


def test_agents_beat_chance_in_the_known_order() -> None:
    p = np.tile([0.25, 0.75], (4000, 1))
    regret = {}
    for name, rule in RULES.items():
        choices, rewards = play(rule, p, 100, np.random.default_rng(0))
        regret[name] = 0.5 * (choices == 0).mean(1).sum()
        assert rewards[choices == 1].mean() == pytest.approx(0.75, abs=0.01)
    assert bayes_optimal_regret(100, (0.25, 0.75))[-1] - 0.1 < regret["Gittins"] < regret["Thompson"] < 25
    assert regret["Gittins"] < regret["UCB"] < 25


def test_posterior_by_hand() -> None:
    choices, rewards = np.array([[0], [0], [1]]), np.array([[1], [0], [1]])
    mean, sd = posterior(choices, rewards, 2)
    np.testing.assert_allclose(mean[:, 0], [[2 / 3, 1 / 2], [1 / 2, 1 / 2], [1 / 2, 2 / 3]])
    np.testing.assert_allclose(sd[2, 0] ** 2, [4 / (16 * 5), 2 / (9 * 4)])  # Beta(2, 2), Beta(2, 1)


def test_read_out_is_held_out() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 48))
    targets = np.column_stack([hidden @ rng.normal(size=48), rng.normal(size=200), np.ones(200)])
    known, noise, constant = read_out_r2(hidden, targets)
    assert known > 0.98 and noise < 0.1 and np.isnan(constant)


def test_principal_components_find_the_plane() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 20, 2)) * [3, 1]
    axes = np.linalg.qr(rng.normal(size=(10, 2)))[0]
    found, share = principal_components(plane @ axes.T)
    assert share.sum() == pytest.approx(1)
    for k in range(2):
        assert abs(np.corrcoef(found[..., k].ravel(), plane[..., k].ravel())[0, 1]) > 0.99
