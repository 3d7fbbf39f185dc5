"""Learning rates and volatility coding: known agents, and slow and obvious versions."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from pfc_metarl.agents.playing import play
from pfc_metarl.agents.volatility import FixedRate, beliefs, choose_best, traces
from pfc_metarl.analysis import volatility_coding as coding
from pfc_metarl.analysis.blocks import BLOCKS, block_learning_rates, earnings, named_blocks
from pfc_metarl.analysis.learning_rates import BETA_MAX, half_means, learning_rates
from pfc_metarl.errors import TableError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility
from pfc_metarl.trials import NETWORKS, OBSERVER, UNTRAINED


def episodes(order: str, sessions: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Test episodes: columns (trial, session)."""
    world = Episodes(Volatility(200, Schedule(order)), 1, sessions)
    world.begin([np.random.default_rng(seed)])
    columns = ("good_arm", "magnitude_left", "magnitude_right", "volatile", "p_left")
    return {name: world.trials[0][name].T for name in columns}


def table(record: dict[str, np.ndarray], choice: np.ndarray, order: str) -> pd.DataFrame:
    trials, sessions = choice.shape
    index = pd.MultiIndex.from_product([range(1, sessions + 1), range(1, trials + 1)], names=["session", "trial"])
    columns = {name: column.T.reshape(-1) for name, column in (record | {"choice": choice}).items()}
    return pd.DataFrame(columns, index=index).reset_index().assign(group="agent", subject=1, order=order)


def fixed_rate(alpha: float, beta: float, order: str, sessions: int = 100) -> pd.DataFrame:
    task = Volatility(200, Schedule(order))
    return play(FixedRate(alpha, beta), task, np.random.default_rng(5), sessions, "agent").assign(order=order)


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
    p = beliefs(own["good_arm"], Process()).p_left
    log_odds = 6 * (p * sides[0] - (1 - p) * sides[1]) / 100
    softmax = (np.random.default_rng(0).random(p.shape) > expit(log_odds)).astype(int)
    choice = choose_best(p, *sides) if greedy else softmax
    got = learning_rates(table(own, choice, LOW_FIRST))
    for first in (1, 98, 130, 191):
        window = slice(first - 1, first + 9)

        def negative(parameters: np.ndarray, window: slice = window) -> float:
            rho = traces(own["good_arm"][: window.stop], parameters[:1])[0, window]
            drive = parameters[1] * (rho * sides[0][window] - (1 - rho) * sides[1][window]) / 100
            return -log_expit(np.where(choice[window] == 0, drive, -drive)).sum()

        starts = [(a, b) for a in (0.02, 0.2, 0.7) for b in (3.0, 15.0)]
        fits = [minimize(negative, x, bounds=[(0, 1), (0, 500)], method="L-BFGS-B") for x in starts]
        best = min(fits, key=lambda fit: fit.fun)
        row = got.iloc[first - 1]
        assert row["alpha"] == pytest.approx(best.x[0], abs=0.005)
        assert negative(row[["alpha", "beta"]].to_numpy(float)) < best.fun + 0.1


def test_subjects_and_orders_are_fitted_apart() -> None:
    parts = [
        fixed_rate(a, 10, order).assign(subject=s)
        for s, a in (("x", 0.1), ("y", 0.5))
        for order in (LOW_FIRST, HIGH_FIRST)
    ]
    together = learning_rates(pd.concat(parts, ignore_index=True), length=100, step=100)
    apart = pd.concat([learning_rates(part, length=100, step=100) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart)
    assert together["last"].tolist() == [100, 200] * 4


def test_separable_choices_stay_finite() -> None:
    own = fixed_rate(0.3, 1e6, LOW_FIRST, sessions=3)  # a few choices that the model predicts without a miss
    got = learning_rates(own)
    separated = np.isclose(got["beta"], BETA_MAX * 100 / own[["magnitude_left", "magnitude_right"]].max(axis=None))
    assert np.isfinite(got["beta"]).all() and separated.any() and (got["alpha"].isna() == separated).all()
    assert got.loc[~separated, "alpha"].between(0, 1).all()


def test_slopes_equal_statsmodels() -> None:
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(60), rng.integers(0, 2, 60), rng.normal(size=(60, 3))])
    activity = rng.normal(size=(60, 7)) + design[:, [1]] * np.linspace(0, 1, 7) + design[:, [2]]
    for column in (1, 2):
        got = coding.slope_tests(activity, design, column)
        fits = [sm.OLS(activity[:, unit], design).fit() for unit in range(7)]
        expected = [[fit.params[column] for fit in fits], [fit.pvalues[column] for fit in fits]]
        np.testing.assert_allclose(got, expected, rtol=1e-8)
    slopes, p = coding.slope_tests(activity, design[:, [0, 0, 2]])
    assert (slopes == 0).all() and (p == 1).all()  # cannot be told


def coded_hidden(order: str = LOW_FIRST) -> tuple[np.ndarray, list[np.ndarray]]:
    """Units 0-3 code volatility, 4-7 the reward before, 8-11 the choice to come, 12-15 noise: one network."""
    own, rng = episodes(order, 40), np.random.default_rng(0)
    choice = rng.integers(0, 2, own["good_arm"].shape)
    reward = np.where(choice == own["good_arm"], own["magnitude_left"], 0)
    columns = [x.T[None].astype(float) for x in (own["volatile"], reward, choice, own["p_left"])]
    before = np.roll(columns[1], 1, axis=-1) / 50
    hidden = rng.normal(size=(1, 40, 200, 16))
    for i, signal in enumerate((columns[0], before, columns[2])):
        hidden[..., 4 * i : 4 * i + 4] += 2 * signal[..., None]
    return hidden, columns


def test_volatility_units_are_found_and_others_not() -> None:
    hidden, columns = coded_hidden()
    tables = coding.volatility_units({NETWORKS: hidden}, columns, [7])
    assert tables["volatility_units"].loc[0, "share"] == pytest.approx(4 / 16, abs=0.01)
    _, p = coding.by_episode(hidden[0], coding.covariates(*(column[0] for column in columns)))
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
    (slopes, by_episode), by_trial = coding.by_episode(hidden[0], design), coding.p_by_trial(hidden[0], design)
    for unit in (0, 5, 9, 13):
        fit = sm.OLS(hidden[0, 3, 1:, unit], design[3]).fit()
        assert by_episode[3, unit] == pytest.approx(fit.pvalues[1], rel=1e-6, abs=1e-100)
        assert slopes[3, unit] == pytest.approx(fit.params[1])
    both = np.concatenate([design, design + [0, 1, 0, 0, 0]])  # as if other episodes had the other level
    states = np.concatenate([hidden[0], hidden[0][:, ::-1]])
    fit = sm.OLS(states[:, trial, 5], both[:, trial - 1]).fit()
    assert coding.p_by_trial(states, both)[trial - 1, 5] == pytest.approx(fit.pvalues[1], rel=1e-6)
    assert (by_trial == 1).all()  # with one order alone volatility does not vary across episodes


def both_orders() -> tuple[np.ndarray, list[np.ndarray]]:
    parts = [coded_hidden(order) for order in (LOW_FIRST, HIGH_FIRST)]
    columns = [np.concatenate(pair, axis=1) for pair in zip(*(c for _, c in parts))]
    return np.concatenate([h for h, _ in parts], axis=1), columns


def test_units_by_covariates_and_what_slow_activity_gives() -> None:
    """Units that code volatility do so whatever stands beside it, with one sign. Slow ones that do not are often
    significant: about as often for a shifted one, or, if they drift, with either sign."""
    hidden, columns = both_orders()
    rng, trials = np.random.default_rng(1), hidden.shape[2]
    faded = 0.9 ** np.abs(np.subtract.outer(np.arange(trials), np.arange(trials)))  # correlation of an AR(1) process
    slow = np.einsum("st,netu->nesu", np.linalg.cholesky(faded), rng.normal(size=hidden.shape))
    drift = hidden[..., 12:] + 4 * np.linspace(0, 1, trials)[:, None]  # noise, and all go up
    groups = {NETWORKS: hidden, "slow": slow, "walk": np.cumsum(slow, axis=2), "drift": drift}
    told = coding.units_by_covariates(groups, columns, [7]).set_index(["group", "covariates"])
    assert set(told.loc[NETWORKS].index) == set(coding.COVARIATES) and (told["subject"] == 7).all()
    usual = coding.volatility_units({NETWORKS: hidden}, columns, [7])["volatility_units"].loc[0, "share"]
    assert told["share"][NETWORKS, "all covariates"] == usual
    assert (told["share"][NETWORKS] >= 0.24).all() and (told["share_of_one_sign"][NETWORKS] >= 0.24).all()
    assert told["share_shifted"][NETWORKS, "no covariates"] < 0.1
    share, shifted = (told[column]["slow", "no covariates"] for column in ("share", "share_shifted"))
    assert share > 0.1 and abs(share - shifted) < 0.03
    for group in ("walk", "drift"):
        assert told["share"][group, "no covariates"] > 0.7
        assert abs(told["share_of_one_sign"][group, "no covariates"]) < 0.1


def test_volatility_units_across_episodes() -> None:
    hidden, columns = both_orders()
    hidden[:, :40, :, 0] = 1  # these episodes, stable first, have one coding unit less
    tables = coding.volatility_units({NETWORKS: hidden}, columns, [7])
    shares = tables["volatility_units"].iloc[0]
    assert shares["share_stable_first"] == pytest.approx(3 / 16, abs=0.01)
    assert shares["share_volatile_first"] == pytest.approx(4 / 16, abs=0.01)
    over_time = tables["volatility_units_by_trial"]
    assert over_time["trial"].tolist() == list(range(2, 201))
    assert over_time["share"].mean() == pytest.approx(0.25, abs=0.02)


def test_decoding_is_held_out() -> None:
    rng = np.random.default_rng(0)
    hidden, target = rng.normal(size=(20, 50, 10)), rng.normal(size=(20, 50))
    assert coding.decode_trace(hidden, target)[1] < 0  # nothing to decode: worse than the mean on unseen episodes
    decoded, r2 = coding.decode_trace(hidden, hidden[..., 0] - 0.5 * hidden[..., 3] + 0.1 * target)
    assert r2 == pytest.approx(1.25 / 1.26, abs=0.005) and decoded.shape == target.shape
    # an episode with a mark of its own cannot be told from the others' regressions
    marks = np.repeat(np.eye(20)[:, None], 50, axis=1)
    assert coding.decode_trace(marks, np.repeat(rng.normal(size=(20, 1)), 50, axis=1))[1] < 0.1


def test_networks_are_decoded_one_by_one() -> None:
    rng = np.random.default_rng(0)
    states = {NETWORKS: rng.normal(size=(2, 10, 30, 4)), UNTRAINED: rng.normal(size=(2, 10, 30, 4))}
    target = states[NETWORKS][..., 1]
    decoded, table = coding.decode_networks(states, target, [5, 6])
    np.testing.assert_allclose(decoded[NETWORKS], target, atol=1e-8)
    assert table["r2"].tolist()[:2] == pytest.approx([1, 1]) and (table["r2"][2:] < 0.05).all()
    assert table[["group", "subject"]].to_numpy().tolist() == [[g, s] for g in (NETWORKS, UNTRAINED) for s in (5, 6)]


def test_sample_episode_is_the_first_that_starts_left() -> None:
    own = fixed_rate(0.3, 10, LOW_FIRST, sessions=6).assign(group=NETWORKS)
    both = pd.concat([own, own.assign(group=OBSERVER, choice=1 - own["choice"])], ignore_index=True)
    first = own[(own["trial"] == 1) & (own["p_left"] > 0.5)]["session"].iloc[0]
    estimates = {
        group: np.arange(6)[:, None] + np.zeros(200) + shift for group, shift in ((OBSERVER, 0.5), (NETWORKS, 0))
    }
    got = coding.sample_episode(both, estimates)
    assert got["group"].tolist() == [OBSERVER] * 200 + [NETWORKS] * 200
    assert got["volatility"].tolist() == [first - 0.5] * 200 + [first - 1.0] * 200
    assert got["choice"][200:].tolist() == own[own["session"] == first]["choice"].tolist()
    assert (got["choice"][:200].to_numpy() == 1 - got["choice"][200:].to_numpy()).all()


def test_blocks_are_named_as_in_the_figure() -> None:
    parts = [fixed_rate(0.3, 10, order, 20).assign(subject=s) for s in (1, 2) for order in BLOCKS]
    trials = pd.concat(parts, ignore_index=True)
    trials["session"] += 20 * (trials["order"] == HIGH_FIRST)
    rates = learning_rates(trials)
    got = block_learning_rates(trials, rates).set_index(["subject", "block"])
    own = rates[(rates["subject"] == 2) & (rates["order"] == HIGH_FIRST)]
    assert got.loc[(2, "volatile 2"), "alpha"] == pytest.approx(own[own["last"] <= 100]["alpha"].mean())
    assert got.loc[(2, "stable 2"), "alpha"] == pytest.approx(own[own["first"] > 100]["alpha"].mean())
    assert len(got) == 8 and got["whole"].between(0.15, 0.45).all()
    with pytest.raises(TableError, match="order is 'mixed'; expected low first or high first"):
        named_blocks(pd.DataFrame({"order": ["mixed"], "half": [1]}))


def test_trials_that_are_no_responses_do_not_count() -> None:
    """Their choices do not matter, their outcomes do; a window without a response has no estimate."""
    trials = fixed_rate(0.3, 10, LOW_FIRST, 50).drop(columns="reward")
    free = (np.random.default_rng(0).random(len(trials)) < 0.7) & ~trials["trial"].between(41, 52)
    flipped = trials["choice"].where(free, 1 - trials["choice"])
    ways = [
        trials.assign(free=free),
        trials.assign(choice=flipped, free=free),
        trials.assign(valid=free),
        trials.assign(choice=trials["choice"].where(free, -1)),
    ]
    first, *others = (learning_rates(way) for way in ways)
    for other in others:
        pd.testing.assert_frame_equal(first, other)
    assert first.index[first["alpha"].isna()].tolist() == [40, 41, 42]
    assert first["alpha"].mean() == pytest.approx(0.3, abs=0.04)
    changed = trials.assign(free=free, good_arm=trials["good_arm"].where(free, 1 - trials["good_arm"]))
    assert learning_rates(changed)["alpha"].mean() != pytest.approx(first["alpha"].mean(), abs=0.01)


def test_short_sessions_and_missing_orders() -> None:
    trials = fixed_rate(0.3, 10, LOW_FIRST, 3)
    with pytest.raises(TableError, match="sessions of 8 trials are shorter than a window, 10"):
        learning_rates(trials[trials["trial"] <= 8])
    with pytest.raises(TableError, match="no column order"):
        learning_rates(trials.drop(columns="order"))
    pd.testing.assert_frame_equal(
        learning_rates(trials.drop(columns="order"), by=["subject"]),
        learning_rates(trials).drop(columns=["group", "order"]),
    )


def test_earnings_by_hand() -> None:
    trials = pd.DataFrame(
        {
            "subject": ["a", "a", "a", "b"],
            "trial": [1, 2, 3, 1],
            "choice": [0, 1, -1, 1],
            "good_arm": [0, 0, 1, 1],
            "magnitude_left": [60, 10, 5, 1],
            "magnitude_right": [2, 30, 90, 70],
        }
    )
    assert earnings(trials)[["subject", "points"]].to_numpy().tolist() == [["a", 20.0], ["b", 70.0]]
