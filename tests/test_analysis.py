"""Analyses on tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pfc_metarl.analysis.lagged import TRIAL_TYPES, lagged_design, lagged_regression
from pfc_metarl.analysis.prediction_errors import compare_prediction_errors, model_free_residual
from pfc_metarl.analysis.stay import stay_matrix, stay_probabilities, stay_regression, stay_trials
from pfc_metarl.dopamine import prediction_errors
from pfc_metarl.trials import check_trials


def small() -> pd.DataFrame:
    """Two sessions; the last trial of the first and the first of the second must not meet."""
    return pd.DataFrame(
        {
            "group": "networks",
            "subject": 1,
            "session": [1, 1, 1, 1, 2, 2, 2],
            "trial": [1, 2, 3, 4, 1, 2, 3],
            "choice": [0, 0, 1, 1, 1, -1, 1],
            "common": [1, 0, 1, 1, 1, 1, 1],
            "reward": [1, 1, 0, 1, 0, 0, 1],
            "valid": [True, True, True, True, True, False, True],
        }
    )


def test_stay_counts() -> None:
    got = stay_probabilities(small()).set_index(["rewarded", "common"])[["stay", "n"]]
    assert got.loc[(1, 1)].tolist() == [1, 1]  # trial 1 -> 2
    assert got.loc[(1, 0)].tolist() == [0, 1]  # 2 -> 3
    assert got.loc[(0, 1)].tolist() == [1, 1]  # 3 -> 4; session 2 has no valid pair
    assert got.loc[(0, 0), "n"] == 0 and np.isnan(got.loc[(0, 0), "stay"])
    assert stay_trials(small())["stay"].tolist() == [1, 0, 1]


def table(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """A trial table from arrays (session, trial)."""
    sessions, trials = next(iter(columns.values())).shape
    index = pd.MultiIndex.from_product([range(1, sessions + 1), range(1, trials + 1)], names=["session", "trial"])
    flat = {name: array.reshape(-1) for name, array in columns.items()}
    return pd.DataFrame(flat, index=index).reset_index().assign(group="somebody", subject=1)


def random_choices(weights: dict[tuple[str, int], float], sessions: int, trials: int = 150) -> pd.DataFrame:
    """Choices drawn from the lagged regression's own model."""
    rng = np.random.default_rng(0)
    shape = (sessions, trials)
    common, reward = rng.random(shape) < 0.8, rng.random(shape) < 0.5
    choice = np.zeros(shape, int)
    types = {name: (common == c) & (reward == r) for name, (c, r) in TRIAL_TYPES.items()}
    for t in range(trials):
        drive = np.full(sessions, 0.2)
        for (name, lag), w in weights.items():
            if t >= lag:
                drive += w * (2 * choice[:, t - lag] - 1) * types[name][:, t - lag]
        choice[:, t] = rng.random(sessions) < expit(drive)
    return table({"choice": choice, "common": common, "reward": reward.astype(int)})


def test_lagged_regression_recovers_weights() -> None:
    true = {("common rewarded", 1): 1.5, ("common unrewarded", 2): -0.8, ("uncommon rewarded", 3): -1.0}
    got = lagged_regression(random_choices(true, 300), lags=4).set_index(["trial_type", "lag"])
    for key, row in got.iterrows():
        assert abs(row["weight"] - true.get(key, 0.0)) < 4 * row["se"], key
    assert got["se"].max() < 0.1


def test_lagged_design_equals_slow_version() -> None:
    trials = check_trials(small(), "two_step")
    design = lagged_design(trials, 2)
    for i, row in trials.iterrows():
        for (name, lag), value in design.loc[i].items():
            if row["trial"] <= lag:
                assert np.isnan(value)
                continue
            past = trials.loc[i - lag]
            fits = (past["common"], past["reward"]) == TRIAL_TYPES[name] and past["valid"]
            assert value == (0 if not fits else 1 if past["choice"] == 1 else -1)


def test_stay_regression_recovers_log_odds() -> None:
    rng = np.random.default_rng(1)
    n = 40_000
    common, reward = rng.random(n) < 0.8, rng.random(n) < 0.5
    log_odds = 0.3 + 0.5 * (reward - 0.5) + 1.2 * (reward - 0.5) * (common - 0.5)
    choice = np.zeros(n, int)
    for t in range(1, n):
        stays = rng.random() < expit(log_odds[t - 1])
        choice[t] = choice[t - 1] if stays else 1 - choice[t - 1]
    columns = {"choice": choice, "common": common, "reward": reward.astype(int)}
    got = stay_regression(table({name: array[None] for name, array in columns.items()})).set_index("term")
    for term, true in {"Intercept": 0.3, "reward": 0.5, "transition": 0.0, "reward x transition": 1.2}.items():
        assert abs(got.loc[term, "weight"] - true) < 4 * got.loc[term, "se"], term


def test_stay_matrix_has_the_papers_order() -> None:
    columns = {"rewarded": [0, 0, 1, 1], "common": [0, 1, 0, 1], "stay": [0.1, 0.2, 0.3, 0.4]}
    probabilities = pd.DataFrame({"group": "rats", "subject": 1, **columns})
    assert stay_matrix(probabilities).loc["rats", 1].tolist() == [0.4, 0.3, 0.2, 0.1]


def test_prediction_errors_by_hand() -> None:
    rewards, values = np.array([0.0, 0.0, 1.0, 0.0]), np.array([0.5, 0.4, 0.8, 0.2])
    np.testing.assert_allclose(prediction_errors(rewards, values, 0.5), [-0.3, 0.0, 0.3])


def test_whose_prediction_errors() -> None:
    rng = np.random.default_rng(0)
    model_based = rng.normal(size=5000)
    model_free = 0.7 * model_based + rng.normal(size=5000)
    noise = 0.1 * rng.normal(size=5000)
    for network, r2_mb, r2_residual in (
        (model_based + noise, 1 / 1.01, 0.0),
        (model_free + noise, 0.49 / 1.50, 1.0 / 1.50),
    ):
        errors = pd.DataFrame({"subject": 1, "network": network, "model_based": model_based, "model_free": model_free})
        got = compare_prediction_errors(errors).iloc[0]
        assert got["r2_model_based"] == pytest.approx(r2_mb, abs=0.03)
        assert got["r2_model_free_residual"] == pytest.approx(r2_residual, abs=0.03)
    assert model_free_residual(errors).corr(errors["model_based"]) == pytest.approx(0, abs=1e-12)
