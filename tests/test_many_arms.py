"""Reference agents of bandits with many arms: what they are, what they earn beside the published table, the optimum."""

import itertools

import numpy as np
import pytest

from pfc_metarl.agents.bandits import BanditAgent, Gittins, IndexAgent, Thompson
from pfc_metarl.agents.many_arms import (
    AGENTS,
    GITTINS,
    PUBLICATION,
    UCB1,
    EpsilonGreedy,
    Greedy,
    SampledThompson,
    explore_then_commit,
    optimal_total_reward,
)
from pfc_metarl.agents.playing import play
from pfc_metarl.errors import ConfigError
from pfc_metarl.published import published_number
from pfc_metarl.tasks.bandit import Bandit

BEST = {"optimistic Thompson": {"samples": 20}, "UCB1": {"c": 0.2}, "epsilon-greedy": {"epsilon": 0.0}}
"""What tuning finds with 10 pulls, or nearly."""


def after(agent: BanditAgent, outcomes: list[tuple[int, int]]) -> BanditAgent:
    """The agent after some pulls (arm, reward) in one session."""
    agent.start(1)
    for arm, reward in outcomes:
        agent.observe(np.array([0]), {"choice": np.array([arm]), "reward": np.array([reward])})
    return agent


def test_what_they_pull() -> None:
    outcomes = [(0, 1), (0, 1), (0, 0), (1, 0)]  # estimates 3/5, 1/3, 1/2
    assert after(Greedy(3), outcomes).probabilities({}).tolist() == [[1, 0, 0]]
    assert after(Greedy(3), [(0, 1), (0, 0), (0, 0)]).probabilities({}).tolist() == [[0, 1, 0]]  # of two the first
    assert after(EpsilonGreedy(3, 0.3), outcomes).probabilities({}) == pytest.approx(np.array([[0.8, 0.1, 0.1]]))
    bonus = np.sqrt(2 * np.log(4) / np.array([5, 3, 2]))
    assert after(UCB1(3, 0.1), outcomes).index()[0] == pytest.approx(np.array([3 / 5, 1 / 3, 1 / 2]) + 0.1 * bonus)
    assert after(UCB1(3, 1.0), outcomes).probabilities({}).tolist() == [[0, 0, 1]]
    with pytest.raises(ConfigError, match="epsilon must be between 0 and 1, not 2"):
        EpsilonGreedy(2, 2.0)
    with pytest.raises(ConfigError, match="samples must be a whole number of at least 1, not 0"):
        SampledThompson(2, 0)


class Drawn(Greedy):
    """Draws one of the arms that look alike."""

    probabilities = IndexAgent.probabilities


def test_who_draws_among_arms_that_look_alike_earns_more() -> None:
    """Than who takes the first; by more than 2 s.e."""
    told = [
        play(kind(10), Bandit(100, 10, "independent"), np.random.default_rng(1), 2_000, "greedy")
        .groupby("session")["reward"].sum() for kind in (Drawn, Greedy)
    ]  # fmt: skip
    assert told[0].mean() - told[1].mean() > 2 * np.hypot(told[0].sem(), told[1].sem())


def test_thompson_by_samples_is_thompson_by_integration() -> None:
    """How often each arm is pulled, within 4 s.d."""
    outcomes, sessions = [(0, 1), (0, 1), (1, 0), (2, 1)], 4_000
    sampled = SampledThompson(3)
    sampled.start(sessions)
    for arm, reward in outcomes:
        every = np.arange(sessions)
        sampled.observe(every, {"choice": np.full(sessions, arm), "reward": np.full(sessions, reward)})
    exact = after(Thompson(3), outcomes).probabilities({})[0]
    pulled = sampled.probabilities({}).mean(axis=0)
    assert np.all(np.abs(pulled - exact) < 4 * np.sqrt(exact * (1 - exact) / sessions))


def test_of_many_samples_the_densest_is_near_the_mode() -> None:
    """With very many samples the arm of the highest mode is pulled: optimism that has gone."""
    agent = after(SampledThompson(2, 20_000), [(0, 1), (0, 1), (0, 0), (1, 1), (1, 0), (1, 0)])
    assert all(agent.probabilities({}).tolist() == [[1, 0]] for _ in range(20))


@pytest.mark.parametrize("arms, pulls", [(5, 10), (10, 10), (50, 10), (10, 100)])
@pytest.mark.parametrize("group", [GITTINS, *AGENTS])
def test_rewards_are_those_of_the_published_table(group: str, arms: int, pulls: int) -> None:
    """Within 3 s.e. of the published mean of 1,000 bandits, and of ours, and half of its last digit."""
    number = 2_000 if pulls == 10 else 1_000
    agent = Gittins(arms, 1 - 1 / pulls) if group == GITTINS else AGENTS[group](arms, **BEST.get(group, {}))  # type: ignore[arg-type]
    played = play(agent, Bandit(pulls, arms, "independent"), np.random.default_rng(1), number, group)
    reward = played.groupby("session")["reward"].sum()
    paper = published_number(PUBLICATION, series=group, condition=f"{arms} arms, {pulls} pulls")
    error = reward.std() * np.sqrt(1 / 1_000 + 1 / number)
    assert abs(reward.mean() - paper.value) < 3 * error + paper.error


def every_policy(arms: int, pulls: int) -> float:
    """The best of all ways to choose by what was seen: slow and obvious."""

    def worth(counts: list[list[int]], left: int) -> float:
        if not left:
            return 0.0
        best = 0.0
        for arm, (s, f) in enumerate(counts):
            p, total = (s + 1) / (s + f + 2), 0.0
            for reward, chance in ((1, p), (0, 1 - p)):
                after = [list(c) for c in counts]
                after[arm][1 - reward] += 1
                total += chance * (reward + worth(after, left - 1))
            best = max(best, total)
        return best

    return worth([[0, 0] for _ in range(arms)], pulls)


@pytest.mark.parametrize("arms, pulls", [*itertools.product((1, 2, 3), (1, 2, 4)), (5, 3)])
def test_the_exact_optimum(arms: int, pulls: int) -> None:
    assert optimal_total_reward(arms, pulls) == pytest.approx(every_policy(arms, pulls))


@pytest.mark.parametrize("arms, pulls", [(1, 3), (2, 1), (2, 3), (3, 2), (3, 4), (5, 4)])
def test_explore_then_commit(arms: int, pulls: int) -> None:
    """Beside all ways in which pulls can be divided, and all successes that there can be."""

    def worth(counts: tuple[int, ...]) -> float:
        every = itertools.product(*(range(n + 1) for n in counts))
        return float(np.mean([max((s + 1) / (n + 2) for s, n in zip(successes, counts)) for successes in every]))

    divided = [c for c in itertools.product(range(pulls + 1), repeat=arms) if sum(c) == pulls]
    assert explore_then_commit(arms, pulls) == pytest.approx(pulls * max(map(worth, divided)))


def test_no_agent_earns_more_than_the_optimum() -> None:
    played = play(Gittins(10, 0.9), Bandit(10, 10, "independent"), np.random.default_rng(2), 20_000, GITTINS)
    reward = played.groupby("session")["reward"].sum()
    assert abs(reward.mean() - optimal_total_reward(10, 10)) < 4 * reward.sem()  # Gittins is nearly optimal
    with pytest.raises(ConfigError, match="pulls must be a whole number of at least 1, not 0"):
        optimal_total_reward(2, 0)
