"""Policies at rest: each is the softmax of its own returns, as slow and obvious computations tell them."""

import numpy as np
import pytest
from scipy.special import softmax

from pfc_metarl.agents.bandits import bayes_optimal_regret
from pfc_metarl.agents.playing import lead, play
from pfc_metarl.agents.stationary import StationaryForager, StationaryGambler, StationaryPlanner
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.optogenetics import Optogenetics
from pfc_metarl.tasks.task import NONE

COST = 0.2


def test_forager() -> None:
    """Returns by summing up what its own policy earns from each state on, step by step."""
    p0, gamma = (0.1, 0.35), 0.8
    agent = StationaryForager(*p0, discount=gamma, entropy_cost=COST)

    def paid(last: int, wait: int, choice: int) -> float:
        return p0[choice] if choice == last else 1 - (1 - p0[choice]) ** (wait + 1)

    def after(last: int, wait: int, choice: int) -> tuple[int, int]:
        return (last, wait + 1) if choice == last else (choice, 1)

    def worth(last: int, wait: int, choice: int, pulls: int = 40) -> float:
        """Expected return of a choice, by forward propagation of where the policy leads."""
        total = paid(last, wait, choice)
        at = {after(last, wait, choice): 1.0}
        for n in range(1, pulls):
            then: dict[tuple[int, int], float] = {}
            for state, chance in at.items():
                for arm, p in enumerate(agent.policy[state]):
                    total += gamma ** (2 * n) * chance * p * paid(*state, arm)
                    then[after(*state, arm)] = then.get(after(*state, arm), 0.0) + chance * p
            at = then
        return total

    for last, wait in ((0, 0), (0, 3), (1, 1), (1, 7)):
        returns = np.array([worth(last, wait, choice) for choice in (0, 1)])
        np.testing.assert_allclose(agent.policy[last, wait], softmax(returns / COST), atol=1e-6)


def test_planner() -> None:
    """Returns by the tree of all that can happen in the next trials."""
    common, high, low, switch, gamma = 0.7, 0.8, 0.3, 0.1, 0.5
    agent = StationaryPlanner(common, high, low, switch, gamma, COST)

    def policy(belief: float) -> np.ndarray:
        agent.start(1)
        agent.belief[:] = belief
        return agent.probabilities({})[0]

    def worth(belief: float, choice: int, depth: int) -> float:
        total = 0.0
        for state in (0, 1):
            for reward in (0, 1):
                if_s1, if_s2 = ((high, low), (low, high))[state]
                likely = [p if reward else 1 - p for p in (if_s1, if_s2)]
                evidence = belief * likely[0] + (1 - belief) * likely[1]
                chance = (common if state == choice else 1 - common) * evidence
                posterior = belief * likely[0] / evidence
                total += chance * gamma * reward
                if depth > 1:
                    new = posterior * (1 - switch) + (1 - posterior) * switch
                    p = policy(new)
                    total += chance * gamma**3 * sum(p[a] * worth(new, a, depth - 1) for a in (0, 1))
        return total

    for belief in (0.2, 0.5, 0.85):
        returns = np.array([worth(belief, choice, 4) for choice in (0, 1)])
        np.testing.assert_allclose(policy(belief), softmax(returns / COST), atol=1e-3)


def test_gambler() -> None:
    """Returns by the tree of all wins and losses that are left."""
    p, pulls, gamma = (0.5, 0.125), 3, 0.9
    agent = StationaryGambler(2, pulls, p, 1.0, 4.0, gamma, COST)

    def value(pull: int, wins: int, losses: int) -> float:
        if pull == pulls:
            return 0.0
        returns = worth(pull, wins, losses)
        return softmax(returns / COST) @ returns

    def worth(pull: int, wins: int, losses: int) -> np.ndarray:
        weights = np.array([q**wins * (1 - q) ** losses for q in p])
        win = (weights @ p) / weights.sum()
        risky = win * (4 + gamma**2 * value(pull + 1, wins + 1, losses))
        risky += (1 - win) * gamma**2 * value(pull + 1, wins, losses + 1)
        return np.array([1 + gamma**2 * value(pull + 1, wins, losses), risky])

    for pull, wins, losses in ((0, 0, 2), (0, 2, 0), (1, 1, 2), (2, 3, 1)):
        expected = softmax(worth(pull, wins, losses) / COST)[1]
        assert agent.risky[pull, wins, losses] == pytest.approx(expected, abs=1e-12)


def test_gambler_at_play() -> None:
    """It does as it is told on forced trials, and then goes by what they paid, on whichever side."""
    task = Optogenetics(5, 20, (0.5, 0.125), 1.0, 4.0)
    agent = StationaryGambler(5, 20, (0.5, 0.125), 1.0, 4.0)
    trials = play(agent, task, np.random.default_rng(0), 300, "gambler")
    forced, free = trials[~trials["free"]], trials[trials["free"]]
    assert (forced["choice"] == forced["forced_side"]).all() and (free["forced_side"] == NONE).all()
    assert forced["valid"].all() and (forced["probability"] == 1).all()
    first = free.groupby("session").first()
    won = (forced["risky"] * (forced["reward"] > 0)).groupby(forced["session"]).sum()
    risky = first["probability"].where(first["risky"] == 1, 1 - first["probability"])
    np.testing.assert_allclose(risky, agent.risky[0, won, 5 - won])
    np.testing.assert_allclose(lead(agent, trials)[trials["free"]], free["probability"])
    with pytest.raises(TableError, match="more than 19 free pulls"):
        lead(StationaryGambler(5, 19, (0.5, 0.125), 1.0, 4.0), trials)
    assert abs(first["risky_side"].mean() - 0.5) < 0.1 and 0.2 < first["risky"].mean() < 0.8


def test_what_is_at_stake_decides() -> None:
    """Without entropy in the objective the better choice is made; with much of it any."""
    for cost, bounds in ((0.001, (0.99, 1.0)), (100.0, (0.49, 0.51))):
        agent = StationaryPlanner(0.8, 0.9, 0.1, 0.025, entropy_cost=cost)
        agent.start(1)
        agent.belief[:] = 0.2  # S2, to which right leads
        assert bounds[0] <= agent.probabilities({})[0, 1] <= bounds[1]


def test_discounted_bandit() -> None:
    """Of an agent that cares for the next trial alone: it pulls the arm of the higher mean; by all that can happen."""
    trials, p = 5, (0.3, 0.8)

    def regret(counts: tuple[int, int, int, int], left: int) -> float:
        if left == 0:
            return 0.0
        means = [(counts[0] + 1) / (counts[0] + counts[1] + 2), (counts[2] + 1) / (counts[2] + counts[3] + 2)]
        best = np.isclose(means, max(means))
        total = 0.0
        for arm in np.flatnonzero(best):
            own = max(p) - p[arm]
            for won, chance in ((0, 1 - p[arm]), (1, p[arm])):
                after = list(counts)
                after[2 * arm + (1 - won)] += 1
                own += chance * regret(tuple(after), left - 1)  # type: ignore[arg-type]
            total += own / best.sum()
        return total

    assert bayes_optimal_regret(trials, p, discount=0.0)[-1] == pytest.approx(regret((0, 0, 0, 0), trials))


@pytest.mark.parametrize(
    "made",
    [
        lambda: StationaryForager(1.2, 0.1),
        lambda: StationaryForager(0.2, 0.1, discount=1.0),
        lambda: StationaryPlanner(0.8, 0.9, 0.1, 0.025, entropy_cost=0.0),
        lambda: StationaryGambler(0, 20, (0.5,), 1.0, 4.0),
        lambda: StationaryGambler(5, 20, (0.5,), float("nan"), 4.0),
    ],
)
def test_bad_input(made: object) -> None:
    with pytest.raises(ConfigError):
        made()  # type: ignore[operator]
