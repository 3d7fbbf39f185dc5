"""Logistic regressions that say when they cannot be told: separation against enumeration, and what tables show then."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.logistic import OK, SEPARATED, SINGULAR, TOO_FEW, UNSETTLED, fit_logistic, separates
from pfc_metarl.analysis.matching import history_regression
from pfc_metarl.analysis.stay import stay_regression


def with_intercept(*columns: object) -> np.ndarray:
    return np.column_stack([np.ones(len(np.asarray(columns[0]))), *map(np.asarray, columns)])


def test_weights_are_those_of_maximum_likelihood() -> None:
    rng = np.random.default_rng(0)
    x = with_intercept(*rng.normal(size=(3, 400)))
    y = (rng.random(400) < expit(x @ [0.3, 1.0, -2.0, 0.0])).astype(float)
    got, other = fit_logistic(x, y), sm.GLM(y, x, family=sm.families.Binomial()).fit()
    assert got.fit == OK
    for ours, theirs in ((got.weights, other.params), (got.errors, other.bse), (got.p, other.pvalues)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-8)
    slope = x.T @ (y - expit(x @ got.weights))
    np.testing.assert_allclose(slope, 0, atol=1e-8)


def test_separation_by_one_number_is_a_gap_or_a_tie() -> None:
    """With one regressor there is separation if and only if the two outcomes' ranges do not overlap."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        n = int(rng.integers(3, 8))
        x, y = rng.integers(0, 4, n).astype(float), rng.integers(0, 2, n).astype(float)
        if len(set(x)) == 1:
            continue
        zeros, ones = x[y == 0], x[y == 1]
        apart = not len(zeros) or not len(ones) or zeros.max() <= ones.min() or ones.max() <= zeros.min()
        assert separates(with_intercept(x), y) == apart, (x, y)
        found.append(apart)
    assert 50 < sum(found) < 250


def test_separation_by_two_numbers_equals_enumeration() -> None:
    """In the plane, every separating line can be turned until it touches two of the points (or one, along an axis)."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        points = rng.integers(-2, 3, (6, 2)).astype(float)
        y = rng.integers(0, 2, 6).astype(float)
        x = with_intercept(points)
        if np.linalg.matrix_rank(x) < 3:
            continue
        towards = np.where(y == 1, 1, -1)[:, None] * x
        lines = [np.cross(x[i], x[j]) for i, j in itertools.combinations(range(6), 2)] + [np.eye(3)[0]]
        margins = [sign * towards @ line for line in lines for sign in (1, -1)]
        apart = any((m >= 0).all() and m.max() > 0 for m in margins)
        assert separates(x, y) == apart, (points, y)
        found.append(apart)
    assert 5 < sum(found) < len(found) - 5


@pytest.mark.parametrize("n", [30, 3000])
def test_what_cannot_be_told(n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, n)).astype(float)
    noise = (rng.random(n) < 0.5).astype(float)
    cases = {
        SEPARATED: [
            (with_intercept(a, b), a),
            (with_intercept(a, b), np.where(a == 1, 1, noise)),  # told on one side, by chance on the other
            (with_intercept(a), 0 * a),
        ],
        SINGULAR: [(with_intercept(a, other), noise) for other in (a, 0 * b, 1 - a)],
        TOO_FEW: [(with_intercept(a, b)[:3], noise[:3]), (with_intercept(a)[:0], noise[:0])],
        OK: [(with_intercept(a, b), noise)],
    }
    for fit, examples in cases.items():
        for x, y in examples:
            got = fit_logistic(x, y)
            assert got.fit == fit
            for values in got[:3]:
                assert len(values) == x.shape[1] and np.isnan(values).all() == (fit != OK)


def test_one_exception_is_no_separation() -> None:
    """Steep fits are kept; where Newton's method does not get there, nothing is told."""
    x = np.random.default_rng(0).normal(size=20_000)
    nearest = np.argsort(np.abs(x))
    y = (x > 0).astype(float)
    assert fit_logistic(with_intercept(x), y).fit == SEPARATED
    for exception, fit in ((2000, OK), (5, UNSETTLED)):
        y = (x > 0).astype(float)
        y[nearest[exception]] = 1 - y[nearest[exception]]
        got = fit_logistic(with_intercept(x), y)
        assert got.fit == fit
        assert got.weights[1] > 30 if fit == OK else np.isnan(got.weights).all()


def rats() -> pd.DataFrame:
    """Four rats: one as any, one that always stays, one that was always rewarded, and one of three trials."""
    rng = np.random.default_rng(0)
    tables = []
    for name, trials in (("any", 400), ("stays", 400), ("lucky", 400), ("lazy", 3)):
        table = pd.DataFrame({"subject": name, "trial": np.arange(1, trials + 1)})
        table["choice"] = 1 if name == "stays" else rng.integers(0, 2, trials)
        table["common"] = rng.random(trials) < 0.7
        table["reward"] = 1 if name == "lucky" else rng.integers(0, 2, trials)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


FITS = {"any": OK, "stays": SEPARATED, "lucky": SINGULAR, "lazy": TOO_FEW}


@pytest.mark.parametrize("regression", [stay_regression, lagged_regression, history_regression])
def test_no_subject_takes_the_others_down(regression) -> None:  # type: ignore[no-untyped-def]
    table = rats()
    got = regression(table).set_index("subject")
    expected = FITS | ({"stays": SINGULAR} if regression is not stay_regression else {})  # its choice is no regressor
    assert got.groupby(level=0)["fit"].unique().map(list).to_dict() == {name: [fit] for name, fit in expected.items()}
    assert got[got["fit"] != OK][["weight", "se"]].isna().all(axis=None)
    alone = regression(table[table["subject"] == "any"]).set_index("subject")
    pd.testing.assert_frame_equal(got.loc[["any"]], alone)
    assert alone["weight"].notna().all()
