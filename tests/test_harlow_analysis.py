"""Analyses of Harlow's task: learning curves, and what the state knows of the objects."""

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.analysis.learning_set import change_points, performance, stretches_of_learning
from pfc_metarl.analysis.object_memory import components_by_trial, first_choice_preference, object_code

F = 4


def test_performance_scale() -> None:
    assert performance(np.array([0.5] * 6)) == pytest.approx(50)
    assert performance(np.array([0.5] + [1.0] * 5)) == pytest.approx(100)


@pytest.mark.parametrize("first, last", [(20, 60), (5, 15), (50, 90)])
def test_change_points_are_recovered(first: int, last: int) -> None:
    x = np.arange(1, 101) * 10.0
    noise = np.random.default_rng(0).normal(0, 1, 100)
    y = np.interp(x, [first * 10, last * 10], [50, 98]) + noise
    assert change_points(x, y) == pytest.approx((first * 10, last * 10), abs=25)


def test_stretches_by_hand() -> None:
    episodes, accuracy = np.arange(1, 101), np.interp(np.arange(1, 101), [20, 80], [0.5, 1.0])
    rows = [(7, e, t, 0.5 if t == 1 else a) for e, a in zip(episodes, accuracy) for t in (1, 2)]
    points, stretches = stretches_of_learning(pd.DataFrame(rows, columns=["subject", "episode", "trial", "correct"]))
    assert points.iloc[0].tolist() == pytest.approx([7, 20, 80], abs=0.5)
    second = stretches[stretches["trial"] == 2]["accuracy"]
    assert second.tolist() == pytest.approx([54.2, 62.5, 70.8, 79.2, 87.5, 95.8], abs=0.5)
    assert (stretches[stretches["trial"] == 1]["accuracy"] == 50).all()


def test_codes_are_found_where_they_are() -> None:
    rng = np.random.default_rng(0)
    rewarded, mixing = rng.normal(size=(300, F)), rng.normal(size=(F, 12))
    hidden = rng.normal(0, 0.1, (300, 2, 12))
    hidden[:, 1] += rewarded @ mixing
    code = object_code(hidden, rewarded, 3).set_index("trial")["r2"]
    assert code[1] < 0.05 and code[2] > 0.95
    left, right = rng.normal(size=(2, 300, F))
    prefers = ((right - left)[:, 0] > 0).astype(int)
    assert first_choice_preference(left, right, prefers) > 0.9
    assert abs(first_choice_preference(left, right, rng.integers(0, 2, 300)) - 0.5) < 0.1


def test_components_by_trial_and_side() -> None:
    rng = np.random.default_rng(0)
    choice = rng.integers(0, 2, (200, 3))
    hidden = rng.normal(0, 0.01, (200, 3, 5))
    hidden[..., 2] += 2 * choice
    hidden[..., 4] += np.arange(3)
    table = components_by_trial(hidden, choice, 1)
    assert table.groupby("component")["explained"].first().sum() > 0.99
    means = table.pivot(index="trial", columns=["component", "choice"], values="mean")
    assert ((means[1][1] - means[1][0]).abs() > 1.9).all()  # the side, on every trial
    assert (means[2].diff().abs().iloc[1:] > 0.9).all().all()  # and the trial
