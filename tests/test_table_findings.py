"""What a stranger with 1,400 tables found: each kind once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import SMALL, rngs

from pfc_metarl.agents import bandits, foraging
from pfc_metarl.agents.fitting import fit_model_free
from pfc_metarl.agents.playing import lead as lead_agent
from pfc_metarl.agents.playing import play
from pfc_metarl.agents.two_step import ModelBased, ModelFree
from pfc_metarl.agents.volatility import FixedRate, IdealObserver, beliefs, traces
from pfc_metarl.analysis.blocks import block_learning_rates
from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.learning_rates import learning_rates
from pfc_metarl.analysis.learning_set import accuracy_by_trial, change_points, performance, stretches_of_learning
from pfc_metarl.analysis.logistic import fit_logistic
from pfc_metarl.analysis.matching import choice_values, history_regression, matching_fit, steady_state
from pfc_metarl.analysis.prediction_errors import compare_prediction_errors
from pfc_metarl.analysis.read_out import decode, explained, principal_components
from pfc_metarl.analysis.regret import regret_curves
from pfc_metarl.analysis.reversal import label_trials, mean_errors
from pfc_metarl.analysis.stay import stay_matrix
from pfc_metarl.analysis.unit_coding import foraging_factors, partial_correlations
from pfc_metarl.comparison import Part, Quantity, compare
from pfc_metarl.config import Config
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError, RunError, TableError
from pfc_metarl.finished_run import load
from pfc_metarl.led import lead
from pfc_metarl.networks import make_agent
from pfc_metarl.published import published
from pfc_metarl.rollout import play as play_networks
from pfc_metarl.simulation import Options, run
from pfc_metarl.tasks import Foraging, TwoStep
from pfc_metarl.tasks.volatility import Process
from pfc_metarl.trials import check_trials, previous, read_trials, responses
from simulations.two_step import SIMULATION
from simulations.volatility import SIMULATION as VOLATILITY

TASK = TwoStep(100, 0.8, 0.9, 0.1, 0.025)
CHANGES = np.repeat([0, 1], 20)


def volatility(**columns: object) -> pd.DataFrame:
    """One session of 40 trials."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"group": "x", "subject": 1, "session": 1, "trial": np.arange(1, 41), "order": "low first"})
    return table.assign(
        choice=rng.integers(0, 2, 40), good_arm=0, magnitude_left=rng.uniform(1, 99, 40), magnitude_right=50.0
    ).assign(**columns)


def harlow(**columns: object) -> pd.DataFrame:
    """Two sessions of three trials each of two subjects."""
    table = pd.DataFrame(
        {"group": "x", "subject": np.repeat(["a", "b"], 6), "session": np.tile(np.repeat([1, 2], 3), 2)}
    )
    return table.assign(trial=np.tile([1, 2, 3], 4), choice=0, rewarded_side=0).assign(**columns)


def foraging_table(**columns: object) -> pd.DataFrame:
    """Two trials."""
    return pd.DataFrame({"subject": 1, "trial": [1, 2], "choice": 0, "reward": 1}).assign(**columns)


def bandit() -> pd.DataFrame:
    """Two sessions, the second of which goes on counting."""
    table = pd.DataFrame({"subject": 1, "session": [1, 1, 2, 2], "trial": range(1, 5), "choice": 0, "reward": 0})
    return table.assign(regret=0.5)


def arms(number: int) -> pd.DataFrame:
    """A bandit's table that tells how many arms there are."""
    return bandit().assign(trial=[1, 2, 1, 2], regret=0.0, **{f"p_{arm}": 0.5 for arm in range(number)})


def inferred(**columns: object) -> pd.DataFrame:
    """Two blocks of three trials."""
    table = pd.DataFrame({"subject": 1, "trial": range(6), "block": [1] * 3 + [2] * 3, "trial_in_block": [1, 2, 3] * 2})
    return table.assign(cue=[0, 1, 0, 1, 0, 1], rewarded_cue=[0] * 3 + [1] * 3).assign(**columns)


def test_the_best_learning_rate_is_found_for_noisy_animals_too() -> None:
    for seed in range(3):
        animal = play(ModelFree(0.5, 0.0, 1.0), TASK, np.random.default_rng(10_000 + seed), 10, "rat")

        def likelihood(alpha: float, animal: pd.DataFrame = animal) -> float:
            tried = [lead_agent(ModelFree(alpha, 0.0, beta), animal) for beta in np.linspace(0.1, 3, 15)]
            return max(np.log(p).sum() for p in tried)

        found = fit_model_free(animal)
        assert likelihood(found) > max(likelihood(alpha) for alpha in np.linspace(0.05, 1, 6)) - 0.1


def test_a_learning_rate_that_cannot_be_told() -> None:
    animal = play(ModelFree(), TASK, np.random.default_rng(1), 2, "rat").drop(columns=["state", "probability"])
    for choice in (animal["trial"] % 2, 0):
        assert np.isnan(fit_model_free(animal.assign(choice=choice)))


@pytest.mark.parametrize(
    "words, call",
    [
        ("condition, row 1 .* empty", lambda: accuracy_by_trial(harlow(condition=["x"] * 6 + [None] * 6))),
        ("drug, row 1: empty", lambda: accuracy_by_trial(harlow(drug=[None, "x"] * 6), by=["drug"])),
        ("session 2 begins with trial 4; here", lambda: accuracy_by_trial(harlow(trial=np.tile(range(1, 7), 2)))),
        (
            "session 2 begins with trial 3; here",
            lambda: regret_curves(bandit()),
        ),
        ("changes on the way", lambda: learning_rates(volatility(order=np.where(CHANGES, "volatile", "stable")))),
        ("several values of a column of by", lambda: learning_rates(volatility(v=CHANGES), by=["subject", "v"])),
        ("windows of 30 trials", lambda: block_learning_rates(volatility(), learning_rates(volatility(), 30))),
        ("reward, subject 1, session 1, trial 1", lambda: check_trials(volatility(reward=99.5), "volatility")),
        ("points, about 0 to 100", lambda: learning_rates(volatility(magnitude_left=1, magnitude_right=0.5))),
        ("column block, .*, trial 3", lambda: check_trials(inferred(block=[2] * 3 + [1] * 3), "inferred_value")),
        ("trial_in_block, .*, trial 1", lambda: check_trials(inferred(trial_in_block=[3, 2, 1] * 2), "inferred_value")),
        ("same throughout a block", lambda: check_trials(inferred(rewarded_cue=[0, 1, 0, 1, 1, 1]), "inferred_value")),
        ("rewarded cue pays", lambda: check_trials(inferred(reward=[0, 0, 1, 1, 0, 1]), "inferred_value")),
        ("p0_left, .*, trial 2", lambda: check_trials(foraging_table(p0_left=[0.1, 0.2]), "foraging")),
        ("reward, .*: 1 contradicts", lambda: check_trials(foraging_table(choice=[-1, 0]), "foraging")),
        ("all trials of a session", lambda: previous(harlow()[harlow()["trial"] != 2], ["choice"])),
        ("no column group", lambda: block_learning_rates(volatility(), learning_rates(volatility(), by=["subject"]))),
        ("vaild", lambda: check_trials(harlow(vaild=False), "harlow")),
        ("session, row 1", lambda: check_trials(harlow(session=""), "harlow")),
        ("holds timedelta64", lambda: check_trials(harlow(trial=pd.to_timedelta(1, "s")), "harlow")),
        ("holds no truth values", lambda: responses(harlow(valid="False"))),
        ("must be sorted", lambda: steady_state(harlow().iloc[::-1])),
        ("good_arm must be 0 or 1", lambda: beliefs(np.array([[-1]]), Process())),
        ("session 1: group changes on the way .trial 2", lambda: check_trials(laser_by_group(), "harlow")),
        ("no column p_0, but p_1", lambda: check_trials(arms(2).drop(columns="p_0"), "bandit")),
        ("a trial table is read from a file's path", lambda: read_trials(bandit(), "bandit")),  # type: ignore[arg-type]
        ("lags must be less than the longest session's 2", lambda: history_regression(foraging_table(), 2)),
        ("one session is not enough", lambda: foraging_factors(check_trials(foraging_table(), "foraging"), 1)),
        ("windows up to trial 40; sessions have 20", lambda: block_learning_rates(
            volatility().query("trial <= 20"), learning_rates(volatility(), 10))),
        ("regressors must be", lambda: fit_logistic(np.ones(5), np.ones(5))),
        ("as many rewards", lambda: bandits.posterior(np.array([0, 1]), np.array([1]), 2)),
        ("the points: no column group", lambda: matching_fit(pd.DataFrame({"log2_choice": [0.0]}))),
        ("labelled trials: no column fixation", lambda: mean_errors(label_trials(inferred()))),
        ("the rates .*: no column first", lambda: block_learning_rates(volatility(), volatility())),
        ("stay probabilities: no column group", lambda: stay_matrix(bandit())),
        ("learning curves: no column episode", lambda: stretches_of_learning(bandit())),
        ("the weights: no column kind", lambda: choice_values(foraging_table(), bandit())),
        ("rename must be a dict", lambda: read_trials("x.csv", "bandit", rename=["animal"])),  # type: ignore[arg-type]
        ("3 arms, as its columns p_ tell; the agent has 2", lambda: lead_agent(bandits.Thompson(2), arms(3))),
        ("2 arms, as its columns p_ tell; the agent has 4", lambda: lead_agent(bandits.Gittins(4), arms(2))),
        ("choices must be arms", lambda: bandits.posterior(np.array([2]), np.array([1]), 2)),
        ("outcomes of 0 or 1", lambda: fit_logistic(np.ones((5, 1)), np.array([0, 0.5, 1, 0, 1]))),
    ],
)  # fmt: skip
def test_tables_that_would_give_wrong_numbers(words: str, call: Callable[[], object]) -> None:
    with pytest.raises(TableError, match=words):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: foraging.matching_reward(-0.1, 0.4),
        lambda: foraging.random_reward(0.1, 0.4, 1.5),
        lambda: foraging.optimal_reward(0.5, 1.2),
        lambda: bandits.gittins_indices(5, 1.2),
        lambda: bandits.Thompson(0),
        lambda: bandits.Gittins(2, "high"),  # type: ignore[arg-type]
        lambda: foraging.random_reward("low", 0.4),  # type: ignore[arg-type]
        lambda: accuracy_by_trial(harlow(), by=["trial"]),
        lambda: published(99),
        lambda: published(5, nope=3),
        lambda: compare([Quantity("x", [0.5, 0.6], 0.6, 0.0, Part(1.0), "> 0", [1.0])]),
        lambda: change_points(np.arange(5), np.full(5, np.nan)),
        lambda: change_points(np.arange(5)[::-1], np.arange(5)),
        lambda: performance(np.full(6, 50.0)),
        lambda: partial_correlations(np.ones((9, 1)), pd.DataFrame({"x": [np.nan] * 9})),
        lambda: partial_correlations(np.ones((8, 1)), pd.DataFrame({"x": range(9)})),
        lambda: decode(np.ones((9, 2)), np.ones(9), np.arange(9) // 3),
        lambda: explained(np.ones(9), np.ones((9, 1))),
        lambda: principal_components(np.ones((9, 5)), 6),
        lambda: traces(np.array([0, 1]), np.array([2.0])),
        lambda: ModelFree(0.5, 0, -3),
        lambda: ModelBased(0.8, 0.1, 0.9, 0.025),
        lambda: accuracy_by_trial(harlow(), by=["subject"]),
        lambda: bandits.bayes_optimal_regret(3, (1.5, 0.2)),
        lambda: IdealObserver(Process(high_volatility=float("nan"))),
        lambda: previous(harlow(), ["choice"], -1),
        lambda: learning_rates(volatility(), length=10.0),  # type: ignore[arg-type]
        lambda: learning_rates(volatility(), by=()),
        lambda: accuracy_by_trial(harlow(), by=()),
        lambda: Stimulation("x", 1.0, 1.0, 5, 4).draw(rngs(1), 3, 1, ["x"]),
        lambda: partial_correlations(np.ones((9, 1)), pd.DataFrame({"x": range(9)}), "Spearman"),
        lambda: Config(learned_start="no"),  # type: ignore[arg-type]
        lambda: Config(units=20.5),  # type: ignore[arg-type]
    ],
)
def test_arguments_that_make_no_sense(call: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        call()


def laser_by_group() -> pd.DataFrame:
    """A session of which the parts are called groups."""
    return harlow(group=["off", "on", "on"] + ["off"] * 9)


def test_groups_may_share_names_of_subjects_and_sessions() -> None:
    two = pd.concat([harlow(group="a"), harlow(group="b"), harlow(group="c").query("trial <= 3")])
    assert len(check_trials(two, "harlow")) == len(two)


def test_the_correlated_agent_on_arms_that_are_not() -> None:
    """Against its simulation, trial by trial (Bayes' rule: each outcome speaks for one arm)."""
    for p in ((0.6, 0.2), (0.2, 0.6), (0.9, 0.5), (0.3, 0.3)):
        rng, regret, runs = np.random.default_rng(1), np.zeros(6), 20_000
        spoke = np.zeros(runs)
        for t in range(6):
            choice = np.where(spoke == 0, rng.random(runs) < 0.5, spoke < 0).astype(int)
            regret[t] = (max(p) - np.array(p)[choice]).mean()
            reward = rng.random(runs) < np.array(p)[choice]
            spoke += np.where(reward == (choice == 0), 1, -1)
        exact = bandits.bayes_optimal_regret_correlated(6, p)
        np.testing.assert_allclose(exact, regret.cumsum(), atol=0.02)
    assert (bandits.bayes_optimal_regret_correlated(6, (0.3, 0.3)) == 0).all()


def test_constant_curves_have_no_change_points() -> None:
    for level in (0.0, 0.5, 1.0):
        assert np.isnan(change_points(np.arange(100, 2100, 100), np.full(20, level))).all()
    assert np.isnan(change_points(np.array([1.0]), np.array([1.0]))).all()


def test_learning_rates_do_not_depend_on_the_unit_of_points() -> None:
    config = VOLATILITY.config("fast", quick=True)
    (task, *_), rng = VOLATILITY.tasks(config).values(), np.random.default_rng(4)
    played = play(FixedRate(0.3, 80.0), task, rng, 4, "animals").drop(columns="probability").assign(order="x")
    small = played.assign(**{name: 0.1 * played[name] for name in ("magnitude_left", "magnitude_right", "reward")})
    rates, of_small = (learning_rates(own, 20, 10) for own in (played, small))
    np.testing.assert_allclose(of_small["alpha"], rates["alpha"], rtol=1e-4)
    np.testing.assert_allclose(of_small["beta"], 10 * rates["beta"], rtol=1e-3)
    assert rates["alpha"].notna().any()


def test_whole_blocks_are_those_of_the_same_subject() -> None:
    rng = np.random.default_rng(2)
    both = pd.concat([volatility(subject=s, order=o, choice=rng.integers(0, 2, 40), good_arm=rng.integers(0, 2, 40))
                      for s in ("a", "b") for o in ("low first", "high first")])  # fmt: skip
    rates = learning_rates(both)
    expected = block_learning_rates(both, rates).set_index(["subject", "order", "block"])["whole"]
    for other in (rates.iloc[::-1], rates[rates["subject"] == "b"]):
        got = block_learning_rates(both, other).set_index(["subject", "order", "block"])["whole"]
        pd.testing.assert_series_equal(got.sort_index(), expected[got.index].sort_index())


def test_forced_trials_in_several_tests_of_harlows_task() -> None:
    table = harlow(condition=np.tile(["x", "x", "x", "y", "y", "y"], 2), free=[True, False, True] * 4)
    assert accuracy_by_trial(table)["trial"].tolist() == [1, 3] * 4


def test_networks_are_led_along_choices_and_know_their_task() -> None:
    bandit = make_agent(Config(units=4), SMALL["bandit"], [1])
    table = play_networks(bandit, SMALL["bandit"], rngs(1), 2).table().drop(columns=["probability", "regret"])
    with pytest.raises(TableError, match="column action_1, .* contradicts choice"):
        lead(bandit, SMALL["bandit"], table.assign(action_1=(table["choice"] + 1) % 3))
    two_step = make_agent(Config(units=4), SMALL["two_step"], [1])
    with pytest.raises(ConfigError, match="built for two_step, not for optogenetics"):
        play_networks(two_step, SMALL["optogenetics"], rngs(1), 2)


def test_units_and_factors_that_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    got = partial_correlations(np.column_stack([a, np.ones(50)]), pd.DataFrame({"a": a, "b": b, "c": 3 * a}), "pearson")
    assert got.loc[got["factor"].isin(["a", "c"]) | (got["unit"] == 1), "r"].isna().all()


def test_curves_that_do_not_rise_have_no_change_points() -> None:
    x, noise = np.arange(50.0), np.random.default_rng(0).normal(size=50)
    for y in (50 + noise, 90 - x + noise):
        assert np.isnan(change_points(x, y)).all()
    first, last = change_points(x, np.interp(x, [10, 30], [50, 95]) + noise)
    assert (first, last) == pytest.approx((10, 30), abs=2)


def test_prediction_errors_with_gaps() -> None:
    rng = np.random.default_rng(0)
    errors = pd.DataFrame(rng.normal(size=(40, 3)), columns=["network", "model_based", "model_free"]).assign(subject=1)
    gaps = errors.assign(network=errors["network"].where(np.arange(40) % 2 == 0))
    pd.testing.assert_frame_equal(compare_prediction_errors(gaps), compare_prediction_errors(errors[::2]))
    same = compare_prediction_errors(pd.concat([errors, errors.assign(subject=2, model_free=errors["model_based"])]))
    assert same["n"].tolist() == [40, 40] and same["r2_model_based"].isna().tolist() == [False, True]


def test_choice_values_need_the_subjects_own_weights() -> None:
    task = Foraging(60, 50, 0.5, [(0.0, 0.5)])
    agent = make_agent(Config(units=4), task, [1])
    own = check_trials(play_networks(agent, task, rngs(1), 30).table(), "foraging")
    weights = history_regression(own, 2)
    choice_values(own, weights)
    with pytest.raises(TableError, match="not those of subject"):
        choice_values(own, weights.assign(subject="b"))
    with pytest.raises(TableError, match="at all lags"):
        choice_values(own, weights[weights["lag"] == 2])


def test_files_of_other_programs(tmp_path: Path) -> None:
    animal = play(ModelFree(), TASK, np.random.default_rng(1), 1, "rat").assign(subject="a")
    path, text = tmp_path / "rats.csv", animal.to_csv(index=False)
    path.write_text(text.replace(",", ", "))
    pd.testing.assert_frame_equal(
        read_trials(path, "two_step")[["choice", "reward"]], animal[["choice", "reward"]], check_dtype=False
    )
    head, *rows = text.splitlines()
    path.write_text("\n".join([head, *(f"{i},{row}" for i, row in enumerate(rows))]))
    with pytest.raises(TableError, match="write it without row names"):
        read_trials(path, "two_step")


def test_advice_for_a_damaged_quick_run_names_it(tmp_path: Path) -> None:
    run(SIMULATION, SIMULATION.config("fast", quick=True), Options(quick=True, results=tmp_path, processes=1))
    (tmp_path / "quick" / "two_step" / "trials.parquet").unlink()
    with pytest.raises(Exception, match=f"two_step --quick --results {tmp_path}$"):
        load(tmp_path / "quick" / "two_step")


def rats_of_few_trials(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 60))
    return pd.DataFrame({
        "subject": 1, "trial": range(n), "choice": rng.integers(0, 2, n), "common": rng.random(n) < 0.8,
        "reward": (rng.random(n) < 0.1).astype(int),
    })  # fmt: skip


def test_small_tables_are_told_from_large_ones() -> None:
    """Newton's method may run to where the likelihood is flat; that is said, and no weight is."""
    for seed in range(60):
        weights = lagged_regression(rats_of_few_trials(seed))
        assert ((weights["fit"] == "ok") == weights["weight"].notna()).all()


@pytest.mark.parametrize("name", ["second choice", "SecondChoice", "second-choice", "Second_Choice"])
def test_columns_that_are_all_but_ours(name: str) -> None:
    with pytest.raises(TableError, match=f"there is a column '{name}'; if it is second_choice, rename it"):
        check_trials(rats_of_few_trials(1).assign(**{name: 0}), "two_step")


def test_sessions_of_any_number_type() -> None:
    table = rats_of_few_trials(1).assign(session=np.float16(2))
    pd.testing.assert_frame_equal(
        lagged_regression(table), lagged_regression(table.assign(session=2)), check_exact=True
    )


def test_codes_of_some_subjects(tmp_path: Path) -> None:
    """Names that no code is told of stay."""
    pd.concat([rats_of_few_trials(1).assign(subject=s) for s in ("a", "b")]).to_csv(tmp_path / "t.csv", index=False)
    told = read_trials(tmp_path / "t.csv", "two_step", values={"subject": {"a": "anna"}})
    assert told["subject"].unique().tolist() == ["anna", "b"]


def test_sessions_of_unequal_length_are_said_to_be_so() -> None:
    whole = volatility()
    two = pd.concat([whole, whole.assign(session=2).head(30)])
    with pytest.raises(TableError, match="subject 1: sessions have 30 to 40 trials"):
        learning_rates(two)


def test_previous_trials_of_a_table_that_nobody_checked() -> None:
    with pytest.raises(TableError, match="no column group"):
        previous(rats_of_few_trials(1), ["reward"])
    with pytest.raises(TableError, match="no column colour"):
        previous(check_trials(rats_of_few_trials(1), "two_step"), ["colour"])


@pytest.mark.parametrize("choices", [0, 1, 99])
def test_networks_are_led_to_choose_among_what_there_is(choices: int) -> None:
    agent = make_agent(Config(units=4), TASK, [1])
    with pytest.raises(ConfigError, match=f"choices must be from 2 to the task's 3 actions, not {choices}"):
        lead(agent, TASK, rats_of_few_trials(1), choices)


def test_a_run_is_loaded_from_a_path() -> None:
    with pytest.raises(RunError, match="loaded from its folder's path, not int"):
        load(3)  # type: ignore[arg-type]


def test_trials_that_are_told_by_their_number_are_counted_from_one() -> None:
    table = harlow().assign(trial=harlow()["trial"] - 1)
    with pytest.raises(TableError, match="session 1 begins with trial 0; here trials are told by their number"):
        accuracy_by_trial(table)
    arms = pd.DataFrame({"subject": 1, "trial": range(20, 60), "choice": 0, "reward": 1, "regret": 0.1})
    with pytest.raises(TableError, match="begins with trial 20"):
        regret_curves(arms)


@pytest.mark.parametrize("how", ["swapped", "shifted", "always"])
def test_blocks_that_contradict_their_order(how: str) -> None:
    """Which half was volatile stands there twice."""
    table = volatility(volatile=np.arange(40) >= 20)
    rates = learning_rates(table)
    block_learning_rates(table, rates)
    other = {"swapped": np.arange(40) < 20, "shifted": np.arange(40) >= 15, "always": True}[how]
    with pytest.raises(TableError, match="volatile contradicts order .low first."):
        block_learning_rates(table.assign(volatile=other), rates)
