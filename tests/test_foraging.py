"""The baited schedule, what known policies earn on it, and the analyses of matching."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from scipy.special import expit

from pfc_metarl.a2c import loss
from pfc_metarl.agents.foraging import incomes, matching_reward, optimal_reward, random_reward
from pfc_metarl.analysis.matching import choice_values, history_regression, matching_fit, matching_points
from pfc_metarl.analysis.trials import trial_table
from pfc_metarl.analysis.unit_coding import partial_correlations
from pfc_metarl.tasks.foraging import CENTRE, LEFT, RIGHT, Foraging

INTERVALS = [(0.0, 0.1), (0.2, 0.3), (0.4, 0.5)]


def rngs(networks: int = 2) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, 7]) for seed in range(networks)]


def run(task: Foraging, policy, episodes: int) -> dict[str, np.ndarray]:
    """Play with valid actions; policy(trial) gives the choices (network, episode)."""
    task.begin(rngs(), episodes)
    for trial in range(task.trials):
        task.step(torch.full((2, episodes), CENTRE))
        task.step(policy(trial).expand(2, episodes))
    return task.record()


def test_reward_probability_grows_with_waiting() -> None:
    task = Foraging(60, 60, 0.5, [(0.15, 0.15000001)])
    pattern = [LEFT] * 4 + [RIGHT]  # right waits four trials each time; left one trial after each right
    record = run(task, lambda trial: torch.tensor(pattern[trial % 5]), 2000)
    p_right, p_left = 0.35, 0.15
    for position, p in {0: 1 - (1 - p_left) ** 2, 1: p_left, 2: p_left, 4: 1 - (1 - p_right) ** 5}.items():
        rewards = record["reward"][5 + position :: 5]
        low, high = stats.binom.interval(0.9999, rewards.size, p)
        assert low <= rewards.sum() <= high, position


def test_base_probabilities_and_lengths() -> None:
    task = Foraging(100, 50, 0.5, INTERVALS)
    task.begin(rngs(), 5000)
    p = task.p0[..., 0].numpy().ravel()
    np.testing.assert_allclose(task.p0.sum(-1), 0.5, atol=1e-6)
    inside = [((p >= low) & (p <= high)).sum() for low, high in INTERVALS]
    assert sum(inside) == len(p) and min(inside) > 0.3 * len(p)
    lengths = task.n_trials.numpy()
    assert lengths.min() == 50 and lengths.max() == 100
    assert stats.chisquare(np.bincount(lengths.ravel() - 50, minlength=51)).pvalue > 1e-4


def test_invalid_actions_and_the_end() -> None:
    task = Foraging(4, 2, 0.5, INTERVALS)
    task.begin(rngs(), 400)
    rewards = []
    for action in [LEFT, CENTRE] * 4:  # wrong at both steps
        _, reward = task.step(torch.full((2, 400), action))
        rewards.append(reward)
    on = torch.arange(8).view(-1, 1, 1) < task.lengths
    assert torch.equal(torch.stack(rewards), -on.float())
    record = task.record()
    assert (record["choice"] == -1).all() and not record["valid"].any()
    np.testing.assert_array_equal(record["played"].sum(0), task.n_trials)


def test_loss_ignores_what_follows_the_end() -> None:
    torch.manual_seed(0)
    logits, values, targets = torch.randn(6, 1, 1, 3), torch.randn(6, 1, 1), torch.randn(6, 1, 1)
    actions = torch.randint(3, (6, 1, 1))
    active = torch.arange(6).view(-1, 1, 1) < 4
    got = loss(logits, values, actions, targets, 0.05, 0.05, active)
    torch.testing.assert_close(got, loss(logits[:4], values[:4], actions[:4], targets[:4], 0.05, 0.05))


@pytest.mark.parametrize("left", [0.3, 0.5])
def test_random_choice_earns_what_the_formula_says(left: float) -> None:
    task, rng = Foraging(100, 100, 0.5, [(0.1, 0.1000001)]), np.random.default_rng(0)
    record = run(task, lambda trial: torch.from_numpy((rng.random((2, 1000)) >= left).astype(int)), 1000)
    earned = record["reward"][30:].mean()
    assert earned == pytest.approx(random_reward(0.1, 0.4, left), abs=0.005)


def test_optimum_equals_dynamic_programming() -> None:
    """Reward per trial of the best policy for many trials, over (arm chosen last, trials the other has waited)."""
    p0, longest = (0.12, 0.38), 80
    waited, values = np.arange(longest + 1), [np.zeros((2, longest + 1))]
    for _ in range(4000):
        stay = [p0[last] + values[-1][last, np.minimum(waited + 1, longest)] for last in (0, 1)]
        switch = [1 - (1 - p0[1 - last]) ** (waited + 1) + values[-1][1 - last, 1] for last in (0, 1)]
        values.append(np.maximum(stay, switch))
    gain = (values[4000] - values[1000])[0, 1] / 3000
    assert optimal_reward(*p0) == pytest.approx(gain, abs=1e-4)


def test_policies_are_ordered() -> None:
    for p in np.linspace(0, 0.5, 11):
        assert optimal_reward(p, 0.5 - p) >= matching_reward(p, 0.5 - p) - 1e-9
        assert optimal_reward(p, 0.5 - p) >= random_reward(p, 0.5 - p)
    left, right = incomes(0.1, 0.4, 0.2)
    assert left + right == random_reward(0.1, 0.4, 0.2)


def sessions_of_a_matcher() -> pd.DataFrame:
    """Sessions whose choice ratio equals their reward ratio: every fourth choice of either arm is paid."""
    rng, tables = np.random.default_rng(0), []
    for session, n_left in enumerate((40, 80, 120, 160, 200), start=1):
        choice = np.repeat([0, 1], [n_left, 240 - n_left])
        reward = np.tile([1, 0, 0, 0], 60)
        order = rng.permutation(240)
        lead = {"choice": rng.integers(0, 2, 120), "reward": rng.integers(0, 2, 120)}  # the first third: anything
        table = pd.DataFrame(
            {"choice": np.r_[lead["choice"], choice[order]], "reward": np.r_[lead["reward"], reward[order]]}
        )
        tables.append(table.assign(subject=1, session=session, trial=np.arange(1, 361), valid=True))
    return pd.concat(tables, ignore_index=True)


def test_perfect_matcher_has_slope_one() -> None:
    fit = matching_fit(matching_points(sessions_of_a_matcher())).iloc[0]
    assert fit["slope"] == pytest.approx(1) and fit["intercept"] == pytest.approx(0, abs=1e-9) and fit["n"] == 5


def simulated(filters: dict[tuple[str, int], float], sessions: int, trials: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    choice, reward = np.zeros((2, trials, sessions), int)
    for t in range(trials):
        drive = np.full(sessions, 0.1)
        for (kind, lag), weight in filters.items():
            if t >= lag:
                side = 2 * choice[t - lag] - 1
                drive += weight * side * (reward[t - lag] if kind == "reward" else 1)
        choice[t] = rng.random(sessions) < expit(drive)
        reward[t] = rng.random(sessions) < 0.4
    record = {"choice": choice[:, None], "reward": reward[:, None], "valid": np.ones((trials, 1, sessions), bool)}
    return trial_table(record, [1])


def test_history_regression_recovers_filters() -> None:
    filters = {("reward", 1): 1.5, ("reward", 3): 0.6, ("choice", 1): -1.0, ("choice", 4): 0.4}
    got = history_regression(simulated(filters, 300), lags=5).set_index(["kind", "lag"])
    for key, row in got.iterrows():
        assert abs(row["weight"] - filters.get(key, 0.0)) < 4 * row["se"], key
    assert got["se"].max() < 0.1


def test_choice_value_by_hand() -> None:
    trials = pd.DataFrame(
        {"subject": 1, "session": 1, "trial": [1, 2, 3], "choice": [0, 1, 0], "reward": [1, 1, 0], "valid": True}
    )
    weights = pd.DataFrame(
        {"kind": ["reward", "choice", "reward", "choice"], "lag": [1, 1, 2, 2], "weight": [2.0, -1.0, 0.5, 0.25]}
    )
    values = choice_values(trials, weights)
    assert values.loc[2].tolist() == [0.5 + 0.25, 2.0 - 1.0]
    assert values.loc[:1].isna().any(axis=1).all()


@pytest.mark.parametrize("ranks", [True, False])
def test_partial_correlation_equals_inverse_covariance(ranks: bool) -> None:
    rng = np.random.default_rng(0)
    factors = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    factors["c"] += factors["a"]
    units = factors.to_numpy() @ rng.normal(size=(3, 4)) + rng.normal(size=(300, 4)) ** 3
    got = partial_correlations(units, factors, ranks)
    for unit in range(4):
        table = factors.assign(unit=units[:, unit])
        precision = np.linalg.inv((table.rank() if ranks else table).corr())
        for j, factor in enumerate("abc"):
            expected = -precision[3, j] / np.sqrt(precision[3, 3] * precision[j, j])
            row = got[(got["unit"] == unit) & (got["factor"] == factor)].iloc[0]
            assert row["r"] == pytest.approx(expected)
    if not ranks:  # p against the t test of a multiple regression, which is the same test
        import statsmodels.api as sm

        fit = sm.OLS(units[:, 0], sm.add_constant(factors)).fit()
        np.testing.assert_allclose(got[got["unit"] == 0]["p"], fit.pvalues.iloc[1:], rtol=1e-6)
