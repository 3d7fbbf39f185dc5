"""Bandits: the reference agents against other ways of computing the same, the belief read-out."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.bandits import (
    AGENTS,
    UCB,
    Gittins,
    Thompson,
    bayes_optimal_regret,
    bayes_optimal_regret_correlated,
    gittins_indices,
    posterior,
)
from pfc_metarl.agents.playing import play
from pfc_metarl.analysis.read_out import (
    BY_GROUP,
    BY_SAMPLE,
    NO_PENALTY,
    belief_read_out,
    decode,
    explained,
    principal_components,
)
from pfc_metarl.analysis.regret import (
    BAYES_INDEPENDENT,
    THOMPSON,
    bayes_optimal_curves,
    known_regrets,
    optimal_regret,
    regret_curves,
)
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, PAIRS, Bandit


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
    exact = np.diff(bayes_optimal_regret_correlated(12, (p, 1 - p)), prepend=0) / 0.4
    np.testing.assert_allclose(wrong, exact, atol=0.02)


def worlds(distribution: str) -> tuple[np.ndarray, np.ndarray]:
    """Points of a distribution of bandits (point, arm), and their probabilities: enough of them for a few trials."""
    x, weights = np.polynomial.legendre.leggauss(8)
    x, weights = np.concatenate([x + 1, x + 3]) / 4, np.concatenate([weights, weights]) / 4
    if distribution == "independent":
        share, best = (grid.ravel() for grid in np.meshgrid(x, x))  # of the worse arm in the better one's probability
        p, chances = np.column_stack([share * best, best]), np.outer(weights, weights).ravel() * best
        return np.concatenate([p, p[:, ::-1]]), np.tile(chances, 2)
    p = np.array(PAIRS[distribution]) if distribution in PAIRS else x
    return np.column_stack([p, 1 - p]), np.full(2, 0.5) if distribution in PAIRS else weights


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_optimal_regret_equals_the_best_of_all_ways_to_choose(distribution: str) -> None:
    p, chances = worlds(distribution)

    def most(chances: np.ndarray, left: int) -> float:
        """What can be earned, by the chances of each world times those of what was seen."""
        if not left:
            return 0.0
        return max(
            (chances * p[:, arm]).sum()
            + most(chances * p[:, arm], left - 1)
            + most(chances * (1 - p[:, arm]), left - 1)
            for arm in (0, 1)
        )

    assert chances.sum() == pytest.approx(1)
    for trials in (1, 2, 5):
        regret = trials * (chances * p.max(axis=1)).sum() - most(chances, trials)
        assert optimal_regret(distribution, trials) == pytest.approx(regret)
    with pytest.raises(ConfigError, match="trials must be a whole number of at least 1, not 0"):
        optimal_regret(distribution, 0)


def test_known_regrets() -> None:
    tasks = {name: Bandit(20, 2, name) for name in ("independent", "easy")}
    table = known_regrets(tasks, [3, 4], 400)
    assert table["training"].tolist() == ([THOMPSON] * 2 + ["exact optimum"]) * 2
    assert table["subject"].tolist() == [3, 4, 0] * 2 and table["test"].tolist() == ["independent"] * 3 + ["easy"] * 3
    assert table["regret"].nunique() == 6
    by_hand = play(Thompson(), tasks["easy"], np.random.default_rng(0), 4_000, "")["regret"].sum() / 4_000
    assert table["regret"][[3, 4]].mean() == pytest.approx(by_hand, abs=0.2)
    assert table["regret"][5] == optimal_regret("easy", 20) < by_hand
    with pytest.raises(ConfigError, match="distribution must be one of independent, .*, not heavy"):
        optimal_regret("heavy", 20)


def counted(agent: ReferenceAgent, pulls: list[tuple[int, int]]) -> np.ndarray:
    """An agent's probabilities after these choices and rewards: (arm,)."""
    agent.start(1)
    for choice, reward in pulls:
        agent.observe(np.array([0]), {"choice": np.array([choice]), "reward": np.array([reward])})
    return agent.probabilities({})[0]


def test_indices_by_hand() -> None:
    assert counted(UCB(arms=3), []).tolist() == [1 / 3] * 3
    assert counted(UCB(arms=3), [(1, 1)]).tolist() == [1 / 2, 0, 1 / 2]  # untried ones first
    # bounds: 1/2 + sqrt(log 4 / 4) = 1.09, 1 + sqrt(log 4 / 2) = 1.83
    assert counted(UCB(), [(0, 1), (0, 0), (1, 1)]).tolist() == [0, 1]
    assert counted(Gittins(), [(0, 1), (1, 1)]).tolist() == [1 / 2, 1 / 2]
    assert counted(Gittins(), [(0, 1)]).tolist() == [1, 0]
    assert counted(Gittins(), [(0, 1)] * 120 + [(1, 0)]).tolist() == [1, 0]  # beyond the task's 100 trials


def test_thompsons_probability_equals_the_closed_form() -> None:
    """Of two arms with Beta posteriors: a sum (e.g. Evan Miller 2015)."""
    rng = np.random.default_rng(0)
    for n in (0, 1, 7, 60, 300):
        pulls = list(zip(rng.integers(0, 2, n), rng.integers(0, 2, n)))
        wins, losses = ([1 + pulls.count((arm, outcome)) for arm in (0, 1)] for outcome in (1, 0))
        i = np.arange(wins[1])
        terms = special.betaln(wins[0] + i, losses[0] + losses[1]) - np.log(losses[1] + i)
        terms -= special.betaln(1 + i, losses[1]) + special.betaln(wins[0], losses[0])
        assert counted(Thompson(), pulls) == pytest.approx([1 - np.exp(terms).sum(), np.exp(terms).sum()], abs=1e-10)


def test_thompsons_probability_equals_draws() -> None:
    pulls = [(0, 1), (0, 1), (0, 0), (1, 1), (2, 0), (2, 0), (2, 1), (3, 0)]
    rng, n = np.random.default_rng(0), 200_000
    draws = [rng.beta(1 + pulls.count((arm, 1)), 1 + pulls.count((arm, 0)), n) for arm in range(4)]
    shares = np.bincount(np.argmax(draws, axis=0), minlength=4) / n
    assert counted(Thompson(arms=4), pulls) == pytest.approx(shares, abs=0.005)


def test_agents_beat_chance_in_the_known_order() -> None:
    task, regret = Bandit(100, 2, (0.25, 0.75)), {}
    for name, kind in AGENTS.items():
        played = play(kind(), task, np.random.default_rng(0), 4000, name)
        curve = regret_curves(played)
        assert (curve["group"] == name).all() and curve["trial"].tolist() == list(range(1, 101))
        regret[name] = curve["regret"].iloc[-1]
        assert regret[name] == pytest.approx(0.5 * (played["choice"] == 0).sum() / 4000, rel=1e-5)
    best = bayes_optimal_curves(100, (0.25, 0.75)).set_index(["group", "trial"])["regret"]
    assert best[BAYES_INDEPENDENT, 100] == bayes_optimal_regret(100, (0.25, 0.75))[-1]
    assert best[BAYES_INDEPENDENT, 100] - 0.1 < regret["Gittins"] < regret["Thompson"] < 25
    assert regret["Gittins"] < regret["UCB"] < 25


def test_regret_by_hand() -> None:
    keys = {"group": "x", "subject": 3, "session": [1, 1, 1, 2, 2, 2], "trial": [1, 2, 3] * 2}
    table = pd.DataFrame(keys | {"choice": 0, "reward": 0, "regret": [0.5, 0, 0, 0.5, 0.5, 0]})
    assert regret_curves(table)["regret"].tolist() == [0.5, 0.75, 0.75]


def test_posterior_by_hand() -> None:
    choices, rewards = np.array([[0], [0], [1]]), np.array([[1], [0], [1]])
    mean, sd = posterior(choices, rewards, 2)
    np.testing.assert_allclose(mean[:, 0], [[2 / 3, 1 / 2], [1 / 2, 1 / 2], [1 / 2, 2 / 3]])
    np.testing.assert_allclose(sd[2, 0] ** 2, [4 / (16 * 5), 2 / (9 * 4)])  # Beta(2, 2), Beta(2, 1)


@pytest.mark.parametrize("penalty", [BY_SAMPLE, BY_GROUP, NO_PENALTY])
def test_read_out_is_held_out(penalty: str) -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(400, 48))
    targets = np.column_stack([hidden @ rng.normal(size=48), rng.normal(size=400), np.ones(400)])
    known, noise, constant = explained(targets, decode(hidden, targets, np.arange(400), penalty))
    assert known > 0.98 and noise < 0.1 and np.isnan(constant)
    # what marks an episode tells nothing of the others
    marks, of_episode = np.repeat(np.eye(20), 10, axis=0), np.repeat(rng.normal(size=20), 10)
    assert explained(of_episode, decode(marks, of_episode, np.repeat(np.arange(20), 10), penalty)) < 0.1


def test_penalties_with_which_episodes_are_not_recognised() -> None:
    """A state that tells which episode it is, and nothing of what is read out, predicts it no worse than its mean."""
    rng, episodes = np.random.default_rng(0), np.repeat(np.arange(50), 10)
    states = rng.normal(size=(50, 128))[episodes] + 0.3 * rng.normal(size=(500, 128))
    belief = rng.normal(size=50)[episodes] + 0.3 * rng.normal(size=500)
    sample, group = (explained(belief, decode(states, belief, episodes, by)) for by in (BY_SAMPLE, BY_GROUP))
    assert group > -0.1 > sample
    # nor do targets that hardly vary decide on the penalty
    both = np.column_stack([states @ rng.normal(size=128), 1 / 48 + 1e-17 * rng.normal(size=500)])
    assert explained(both, decode(states, both, episodes, BY_GROUP))[0] > 0.99


def test_beliefs_are_read_out_where_they_are() -> None:
    rng = np.random.default_rng(0)
    beliefs = rng.normal(size=(2, 100, 3, 4))  # network, episode, trial, (mean, s.d.) x arm
    states = {"know": beliefs @ rng.normal(size=(4, 6)), "do not": rng.normal(size=(2, 100, 3, 6))}
    table = belief_read_out(states, beliefs, [7, 8], [1, 5, 9])
    assert len(table) == 2 * 2 * 3 * 4 and table.groupby(["subject", "trial", "target", "arm"]).ngroups == 24
    assert table[table["group"] == "know"]["r2"].min() > 0.99 and table[table["group"] == "do not"]["r2"].max() < 0.2


def test_principal_components_find_the_plane() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 20, 2)) * [3, 1]
    axes = np.linalg.qr(rng.normal(size=(10, 2)))[0]
    found, share = principal_components(plane @ axes.T)
    assert share.sum() == pytest.approx(1)
    for k in range(2):
        assert abs(np.corrcoef(found[..., k].ravel(), plane[..., k].ravel())[0, 1]) > 0.99


def test_the_page_has_the_exact_optima() -> None:
    page = (Path(__file__).parents[1] / "docs" / "simulations" / "bandits.md").read_text()
    for name in DISTRIBUTIONS:
        assert f"{name} {optimal_regret(name, 100):.3f}".replace(" 0.", " .") in page
