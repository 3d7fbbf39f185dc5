"""What known policies earn on the baited schedule, and the analyses of matching."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pfc_metarl.agents.foraging import incomes, matching_reward, optimal_reward, random_reward
from pfc_metarl.analysis.matching import (
    choice_values,
    history_regression,
    matching_fit,
    matching_points,
    reward_rates,
    steady_state,
)
from pfc_metarl.analysis.past_coding import POLICY, STATE, past_coding
from pfc_metarl.analysis.unit_coding import (
    FACTORS,
    PEARSON,
    SPEARMAN,
    UPCOMING,
    VALUE,
    foraging_factors,
    partial_correlations,
    unit_coding,
)
from pfc_metarl.errors import TableError
from pfc_metarl.trials import NONE, check_trials


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
    assert fit["fit"] == "ok" and fit["group"] == "animals"


def test_too_few_sessions_have_no_slope() -> None:
    trials = sessions_of_a_matcher()
    both = pd.concat([trials, trials[trials["session"] <= 2].assign(subject=2)])
    fits = matching_fit(matching_points(both)).set_index("subject")
    assert fits["fit"].tolist() == ["ok", "too few trials"] and fits["n"].tolist() == [5, 2]
    assert fits.loc[2, ["slope", "intercept", "r"]].isna().all() and fits.loc[1, "slope"] == pytest.approx(1)


def test_steady_state_is_the_last_two_thirds() -> None:
    trials = check_trials(sessions_of_a_matcher(), "foraging")
    for table in (trials, trials.assign(trial=trials["trial"] + 1000)):  # wherever the count begins
        use = steady_state(table)
        assert use.groupby(trials["session"]).sum().tolist() == [240] * 5 and not use[trials["trial"] <= 120].any()


def test_reward_rates_by_hand() -> None:
    trials = sessions_of_a_matcher().assign(p0_left=lambda t: 0.1 * (t["session"] - 1))
    rates = reward_rates(trials, 0.5).set_index("group")
    assert rates.loc["animals", "reward"] == pytest.approx(1 / 4)  # every fourth choice
    best = np.mean([optimal_reward(p, 0.5 - p) for p in (0, 0.1, 0.2, 0.3, 0.4)])
    assert rates.loc["optimum", "reward"] == pytest.approx(best)
    assert rates.loc["animals", "share_of_optimum"] == pytest.approx(0.25 / best)
    assert rates.loc["matching", "reward"] < best and rates.loc["random", "reward"] < best
    with pytest.raises(TableError, match="no column p0_left"):
        reward_rates(sessions_of_a_matcher(), 0.5)


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
    keys = {"subject": 1, "session": np.repeat(np.arange(sessions), trials) + 1}
    keys["trial"] = np.tile(np.arange(trials), sessions) + 1
    return pd.DataFrame(keys | {"choice": choice.T.ravel(), "reward": reward.T.ravel()})


def test_history_regression_recovers_filters() -> None:
    filters = {("reward", 1): 1.5, ("reward", 3): 0.6, ("choice", 1): -1.0, ("choice", 4): 0.4}
    got = history_regression(simulated(filters, 300), lags=5).set_index(["kind", "lag"])
    for key, row in got.iterrows():
        assert abs(row["weight"] - filters.get(key, 0.0)) < 4 * row["se"], key
    assert got["se"].max() < 0.1


def test_choice_value_by_hand() -> None:
    trials = pd.DataFrame(
        {"group": "x", "subject": 1, "session": 1, "trial": [1, 2, 3], "choice": [0, 1, 0], "reward": [1, 1, 0]}
    )
    weights = pd.DataFrame(
        {"kind": ["reward", "choice", "reward", "choice"], "lag": [1, 1, 2, 2], "weight": [2.0, -1.0, 0.5, 0.25]}
    )
    values = choice_values(trials, weights)
    assert values.loc[2].tolist() == [0.5 + 0.25, 2.0 - 1.0]
    assert values.loc[:1].isna().any(axis=1).all()


@pytest.mark.parametrize("method", [SPEARMAN, PEARSON])
def test_partial_correlation_equals_inverse_covariance(method: str) -> None:
    rng = np.random.default_rng(0)
    factors = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    factors["c"] += factors["a"]
    units = factors.to_numpy() @ rng.normal(size=(3, 4)) + rng.normal(size=(300, 4)) ** 3
    got = partial_correlations(units, factors, method)
    for unit in range(4):
        table = factors.assign(unit=units[:, unit])
        precision = np.linalg.inv((table.rank() if method == SPEARMAN else table).corr())
        for j, factor in enumerate("abc"):
            expected = -precision[3, j] / np.sqrt(precision[3, 3] * precision[j, j])
            row = got[(got["unit"] == unit) & (got["factor"] == factor)].iloc[0]
            assert row["r"] == pytest.approx(expected)
    if method == PEARSON:  # p against the t test of a multiple regression, which is the same test
        import statsmodels.api as sm

        fit = sm.OLS(units[:, 0], sm.add_constant(factors)).fit()
        np.testing.assert_allclose(got[got["unit"] == 0]["p"], fit.pvalues.iloc[1:], rtol=1e-6)


def test_units_that_code_the_factors_are_found() -> None:
    """Unit by unit one factor of the trial before. (The value's filters need a second lag: with one, value is a sum of
    the other factors.)"""
    trials = simulated({("reward", 2): 2.0, ("choice", 2): -1.0}, 100)
    own = check_trials(trials, "foraging")
    before = own.groupby("session")[["choice", "reward"]].shift(1).fillna(0)
    action = 2 * before["choice"] - 1
    rng = np.random.default_rng(0)
    signals = np.column_stack([action, before["reward"], action * (2 * before["reward"] - 1)])
    noise = rng.normal(size=(len(own), 3))
    table, correlation = unit_coding(trials, {"know": signals + noise, "do not": noise}, lags=2)
    assert correlation["subject"].tolist() == [1] and -1 <= correlation["r"].item() <= 1
    assert len(table) == 2 * 2 * 3 * 4 and set(table["factor"]) == set(FACTORS)
    r = table[table["group"] == "know"].set_index(["method", "unit", "factor"])["r"].abs().sort_index()
    for method in (SPEARMAN, PEARSON):
        for unit, factor in enumerate(FACTORS[:3]):
            assert r[method, unit].idxmax() == factor and r[method, unit, factor] > 0.2
    assert (table[table["group"] == "do not"]["r"].abs() < 0.08).all()


@pytest.mark.parametrize("choice", [0, NONE])  # always left, never any
def test_units_of_a_subject_whose_value_cannot_be_told(choice: int) -> None:
    trials = simulated({("reward", 1): 1.0}, 20)
    both = pd.concat([trials, trials.assign(subject=2, choice=choice, reward=trials["reward"] * (choice != NONE))])
    units = np.random.default_rng(0).normal(size=(len(both), 2))
    table, correlation = unit_coding(both, {"networks": units}, lags=2)
    known = table["subject"] == 1
    assert table.loc[~known, ["r", "p"]].isna().all(axis=None) and set(table.loc[~known, "factor"]) == set(FACTORS)
    assert table.loc[known, ["r", "p"]].notna().all(axis=None)
    assert correlation["r"].isna().tolist() == [False, True]


def test_factors_of_the_trial_before() -> None:
    """Units that say what happened two trials back are found by the factors of one trial further back."""
    trials = simulated({("reward", 2): 2.0, ("choice", 2): -1.0}, 60)
    own = check_trials(trials, "foraging")
    before = own.groupby("session")[["choice", "reward"]].shift(2).fillna(0)
    action = 2 * before["choice"] - 1
    signals = np.column_stack([action, before["reward"], action * (2 * before["reward"] - 1)])
    units = signals + np.random.default_rng(0).normal(size=signals.shape)
    table, _ = unit_coding(trials, {"networks": units}, lags=2, back=2)
    r = table[table["method"] == SPEARMAN].set_index(["unit", "factor"])["r"].abs()
    for unit, factor in enumerate(FACTORS[:3]):
        assert r[unit].idxmax() == factor and r[unit, factor] > 0.2


def test_the_upcoming_action() -> None:
    """A unit that tells it is found by it, and by no other factor; trials without a response do not count."""
    trials = simulated({("reward", 1): 1.0, ("reward", 2): 1.0, ("choice", 1): -0.5}, 60)
    rng = np.random.default_rng(0)
    trials["valid"] = rng.random(len(trials)) > 0.1
    told = np.where(trials["valid"], 2.0 * trials["choice"] - 1, 1000.0)  # were they used, they would be all there is
    units = told[:, None] + rng.normal(size=(len(trials), 1))
    table, _ = unit_coding(trials, {"networks": units}, lags=2, upcoming=True)
    r = table[table["method"] == PEARSON].set_index("factor")["r"]
    assert list(r.index) == [*FACTORS, UPCOMING]
    assert r[UPCOMING] == pytest.approx(2**-0.5, abs=0.1) and (r[list(FACTORS)].abs() < 0.1).all()


def test_what_lies_beyond_the_last_trial() -> None:
    """A state that knows the last trial alone tells nothing further back; one that knows all does; and so for policies,
    of which one follows value."""
    trials = simulated({("reward", 1): 1.0, ("reward", 2): 1.0, ("choice", 2): -1.0}, 60)
    own = check_trials(trials, "foraging").reset_index(drop=True)
    back = [own.groupby("session")[["choice", "reward"]].shift(k).fillna(0) for k in (1, 2)]
    each = [np.column_stack([b, b["choice"] * b["reward"]]) for b in back]
    noise = np.random.default_rng(0).normal(size=(len(own), 2))
    states = {"know": np.hstack([*each, noise]), "do not": np.hstack([each[0], noise])}
    value = np.zeros((len(own), 1))
    factors, _ = foraging_factors(own, lags=2)
    value[factors.index, 0] = factors[VALUE]
    policies = {"know": value + each[0] @ np.ones((3, 1)), "do not": each[0] @ np.ones((3, 1)) + noise}
    table = past_coding(own, states, policies, lags=2)
    table = table.set_index(["group", "by", "target"])["r2"].sort_index()
    assert (table["know", STATE] > 0.95).all() and (table["do not", STATE] < 0.05).all()
    assert table["know", POLICY, VALUE] > 0.95 and (table["do not", POLICY] < 0.02).all()


def test_a_regression_of_choices_alone() -> None:
    trials = simulated({("choice", 1): -1.5}, 60)
    weights = history_regression(trials, 2, ["choice"])
    assert set(weights["kind"]) == {"choice"} and len(weights) == 2
    assert abs(weights.set_index("lag")["weight"][1] + 1.5) < 0.2
