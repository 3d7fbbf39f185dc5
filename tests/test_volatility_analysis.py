"""Learning rates and volatility coding: known agents, and slow and obvious versions."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import log_expit

from pfc_metarl.agents.volatility import choose_best, choose_softmax, fixed_rate_trace, observe
from pfc_metarl.analysis import volatility_coding as coding
from pfc_metarl.analysis.learning_rates import half_means, learning_rates
from pfc_metarl.analysis.trials import trial_table
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility


def episodes(order: str, sessions: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Test episodes: columns (trial, session)."""
    task = Volatility(200, Schedule(order))
    task.begin([np.random.default_rng(seed)], sessions)
    return {name: column[:, 0] for name, column in task.record().items()}


def table(record: dict[str, np.ndarray], choice: np.ndarray, order: str) -> pd.DataFrame:
    columns = {name: column[:, None] for name, column in (record | {"choice": choice}).items()}
    return trial_table(columns, ["agent"]).assign(order=order)


def fixed_rate(alpha: float, beta: float, order: str, sessions: int = 100) -> pd.DataFrame:
    own = episodes(order, sessions)
    rho = fixed_rate_trace(own["good_arm"], alpha)
    rng = np.random.default_rng(1)
    return table(own, choose_softmax(rho, own["magnitude_left"], own["magnitude_right"], beta, rng), order)


@pytest.mark.parametrize("alpha, beta", [(0.05, 8), (0.2, 5), (0.4, 12), (0.7, 10)])
def test_fixed_rate_is_recovered_without_bias(alpha: float, beta: float) -> None:
    for order in (LOW_FIRST, HIGH_FIRST):
        got = learning_rates(fixed_rate(alpha, beta, order, 200))
        assert len(got) == 191 and got["first"].tolist() == list(range(1, 192)) and got["last"].iloc[-1] == 200
        for mean in half_means(got, ["order"], 100)["alpha"]:
            assert mean == pytest.approx(alpha, abs=0.02)
        assert got["beta"].mean() == pytest.approx(beta, rel=0.1)


@pytest.mark.parametrize("greedy", [False, True])
def test_windows_equal_a_general_optimiser(greedy: bool) -> None:
    own = episodes(LOW_FIRST, 60)
    sides = own["magnitude_left"], own["magnitude_right"]
    p = observe(own["good_arm"], Process()).p_left
    choice = choose_best(p, *sides) if greedy else choose_softmax(p, *sides, 6.0, np.random.default_rng(0))
    got = learning_rates(table(own, choice, LOW_FIRST))
    for first in (1, 40, 98, 105, 130, 191):
        window = slice(first - 1, first + 9)

        def negative(parameters: np.ndarray, window: slice = window) -> float:
            rho = fixed_rate_trace(own["good_arm"], parameters[0])
            drive = parameters[1] * (rho * sides[0] - (1 - rho) * sides[1]) / 100
            return -log_expit(np.where(choice == 0, drive, -drive)[window]).sum()

        starts = [(a, b) for a in (0.02, 0.1, 0.3, 0.6, 0.9) for b in (3.0, 15.0)]
        fits = [minimize(negative, x, bounds=[(0, 1), (0, 500)], method="L-BFGS-B") for x in starts]
        best = min(fits, key=lambda fit: fit.fun)
        row = got.iloc[first - 1]
        assert row["alpha"] == pytest.approx(best.x[0], abs=0.005)
        assert negative(row[["alpha", "beta"]].to_numpy(float)) < best.fun + 0.1


def test_subjects_and_orders_are_fitted_apart() -> None:
    parts = [
        fixed_rate(a, 10, order).assign(subject=s) for s, a in (("x", 0.1), ("y", 0.5)) for order in ("p", HIGH_FIRST)
    ]
    together = learning_rates(pd.concat(parts, ignore_index=True), length=100, step=100)
    apart = pd.concat([learning_rates(part, length=100, step=100) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart)
    assert together["last"].tolist() == [100, 200] * 4


def test_separable_choices_stay_finite() -> None:
    own = fixed_rate(0.3, 1e6, LOW_FIRST, sessions=3)  # a few choices that the model predicts without a miss
    got = learning_rates(own)
    assert np.isfinite(got[["alpha", "beta"]]).all(axis=None) and got["alpha"].between(0, 1).all()


def test_slope_p_values_equal_statsmodels() -> None:
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(60), rng.integers(0, 2, 60), rng.normal(size=(60, 3))])
    activity = rng.normal(size=(60, 7)) + design[:, [1]] * np.linspace(0, 1, 7) + design[:, [2]]
    for column in (1, 2):
        got = coding.slope_p_values(activity, design, column)
        expected = [sm.OLS(activity[:, unit], design).fit().pvalues[column] for unit in range(7)]
        np.testing.assert_allclose(got, expected, rtol=1e-8)
    assert (coding.slope_p_values(activity, design[:, [0, 0, 2]]) == 1).all()  # cannot be told


def coded_hidden(order: str = LOW_FIRST) -> tuple[np.ndarray, list[np.ndarray]]:
    """Units 0-3 code volatility, 4-7 the reward before, 8-11 the choice to come, 12-15 noise: one network."""
    own, rng = episodes(order, 40), np.random.default_rng(0)
    choice = rng.integers(0, 2, own["choice"].shape)
    reward = np.where(choice == own["good_arm"], own["magnitude_left"], 0)
    columns = [x.T[None].astype(float) for x in (own["volatile"], reward, choice, own["p_left"])]
    before = np.roll(columns[1], 1, axis=-1) / 50
    hidden = rng.normal(size=(1, 40, 200, 16))
    for i, signal in enumerate((columns[0], before, columns[2])):
        hidden[..., 4 * i : 4 * i + 4] += 2 * signal[..., None]
    return hidden, columns


def test_volatility_units_are_found_and_others_not() -> None:
    hidden, columns = coded_hidden()
    tables = coding.volatility_units({"hidden": hidden}, columns, [7])
    assert tables["volatility_units"].loc[0, "share"] == pytest.approx(4 / 16, abs=0.01)
    p = coding.p_by_episode(hidden[0], coding.covariates(*(column[0] for column in columns)))
    assert p.shape == (40, 16) and (p[:, :4] < 1e-6).all() and (p[:, 4:] < 0.05 / 16).mean() < 0.02
    by_threshold = tables["volatility_units_by_threshold"]["share"]
    assert by_threshold.is_monotonic_increasing
    assert by_threshold.iloc[-1] == pytest.approx(0.25 + 0.75 * 0.1, abs=0.03)  # threshold .1


def test_states_meet_their_own_trials_covariates() -> None:
    hidden, columns = coded_hidden()
    volatile, reward, choice, p_left = (column[0] for column in columns)
    design = coding.covariates(volatile, reward, choice, p_left)
    assert design.shape == (40, 199, 5)
    trial = 120
    expected = [1, volatile[3, trial], reward[3, trial - 1], choice[3, trial], p_left[3, trial]]
    assert design[3, trial - 1].tolist() == expected
    by_episode, by_trial = coding.p_by_episode(hidden[0], design), coding.p_by_trial(hidden[0], design)
    for unit in (0, 5, 9, 13):
        fit = sm.OLS(hidden[0, 3, 1:, unit], design[3]).fit()
        assert by_episode[3, unit] == pytest.approx(fit.pvalues[1], rel=1e-6, abs=1e-100)
    both = np.concatenate([design, design + [0, 1, 0, 0, 0]])  # as if other episodes had the other level
    states = np.concatenate([hidden[0], hidden[0][:, ::-1]])
    fit = sm.OLS(states[:, trial, 5], both[:, trial - 1]).fit()
    assert coding.p_by_trial(states, both)[trial - 1, 5] == pytest.approx(fit.pvalues[1], rel=1e-6)
    assert (by_trial == 1).all()  # with one order alone volatility does not vary across episodes


def test_volatility_units_across_episodes() -> None:
    parts = [coded_hidden(order) for order in (LOW_FIRST, HIGH_FIRST)]
    hidden = np.concatenate([h for h, _ in parts], axis=1)
    columns = [np.concatenate(pair, axis=1) for pair in zip(*(c for _, c in parts))]
    hidden[:, :40, :, 0] = 1  # these episodes, stable first, have one coding unit less
    tables = coding.volatility_units({"hidden": hidden}, columns, [7])
    shares = tables["volatility_units"].iloc[0]
    assert shares["share_stable_first"] == pytest.approx(3 / 16, abs=0.01)
    assert shares["share_volatile_first"] == pytest.approx(4 / 16, abs=0.01)
    over_time = tables["volatility_units_by_trial"]
    assert over_time["trial"].tolist() == list(range(2, 201))
    assert over_time["share"].mean() == pytest.approx(0.25, abs=0.02)


def test_decoding_is_held_out() -> None:
    rng = np.random.default_rng(0)
    hidden, target = rng.normal(size=(20, 50, 10)), rng.normal(size=(20, 50))
    assert coding.decode(hidden, target)[1] < 0  # nothing to decode: worse than the mean on unseen episodes
    decoded, r2 = coding.decode(hidden, hidden[..., 0] - 0.5 * hidden[..., 3] + 0.1 * target)
    assert r2 == pytest.approx(1.25 / 1.26, abs=0.005) and decoded.shape == target.shape
    # an episode with a mark of its own cannot be told from the others' regressions
    marks = np.repeat(np.eye(20)[:, None], 50, axis=1)
    assert coding.decode(marks, np.repeat(rng.normal(size=(20, 1)), 50, axis=1))[1] < 0.1
