"""Models of choice: their likelihood against slow, obvious ones, and parameters that come back."""

import numpy as np
import pandas as pd
import pytest
from fakes import SMALL
from scipy.special import log_softmax

from pfc_metarl.agents import estimation
from pfc_metarl.agents.estimation import AT_LIMIT, BESIDE_LIMIT, OK, TOO_FEW, UNTOLD, estimate, fit
from pfc_metarl.agents.families import ARMS, ARMS_MODELS, LATENT, RATES, RATES_MODELS, STEPS, models_of
from pfc_metarl.agents.likelihood import ModelAgent, choices_of, log_probabilities
from pfc_metarl.agents.models import Model
from pfc_metarl.agents.playing import lead, play
from pfc_metarl.agents.two_step import ModelBased, ModelFree
from pfc_metarl.agents.volatility import FixedRate
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.trials import check_trials

TASK = TwoStep(100, 0.8, 0.9, 0.1, 0.025)
TWO_STAGES = models_of(TASK, ["second_choice", "side"])
MODELS = (*ARMS_MODELS, *RATES_MODELS, *models_of(TASK, ["side"]))
BY_NAME = {model.name: model for model in MODELS}


def mixed(rng: np.random.Generator, **columns: object) -> pd.DataFrame:
    """Two sessions of which some trials are forced, and some not valid."""
    n = 60
    table = pd.DataFrame({
        "subject": 1, "session": np.repeat([1, 2], n // 2), "trial": np.tile(np.arange(1, n // 2 + 1), 2),
        "choice": rng.integers(0, 2, n), "reward": rng.integers(0, 2, n), "free": rng.random(n) < 0.8,
        "valid": rng.random(n) < 0.9,
    })  # fmt: skip
    return table.assign(**columns)


def arms_by_hand(table: pd.DataFrame, theta: dict[str, float]) -> list[float]:
    told = []
    for _, session in table.groupby("session"):
        q, kernel = [0.5, 0.5], [0.0, 0.0]
        for row in session.itertuples():
            odds = [theta["beta"] * q[a] + theta["weight"] * kernel[a] for a in (0, 1)]
            told.append(log_softmax(odds)[row.choice] if row.valid and row.free else 0.0)
            if row.valid:
                delta = row.reward - q[row.choice]
                q[row.choice] += theta["gain" if delta > 0 else "loss"] * delta
                for a in (0, 1):
                    kernel[a] += theta["rate"] * ((a == row.choice) - kernel[a])
    return told


def test_the_likelihood_of_delta_rule_and_choice_kernel() -> None:
    table = mixed(np.random.default_rng(1))
    model = Model("all", ARMS)
    told = log_probabilities(
        model, np.array([0.3, 0.1, 4.0, 0.4, -1.5]), choices_of(ARMS, check_trials(table, "bandit"))
    )
    by_hand = arms_by_hand(table, {"gain": 0.3, "loss": 0.1, "beta": 4.0, "rate": 0.4, "weight": -1.5})
    np.testing.assert_allclose(told, by_hand, rtol=1e-12)


def hybrid_by_hand(table: pd.DataFrame, theta: list[float]) -> list[float]:
    """Daw et al. 2011, with both stickinesses, as its equations have it."""
    rate_1, rate_2, beta_1, beta_2, trace, w, stay, same_side, common = theta
    told = []
    for _, session in table.groupby("session"):
        free, there, last, last_side = {0: 0.0, 1: 0.0}, {(s, b): 0.0 for s in (0, 1) for b in (0, 1)}, None, None
        for row in session.itertuples():
            odds = []
            for a in (0, 1):
                planned = sum(
                    (common if s == a else 1 - common) * max(there[s, 0], there[s, 1]) for s in (0, 1)
                )  # fmt: skip
                side = row.side if a == row.choice else 1 - row.side
                sticky = stay * (a == last) + same_side * (side == last_side)
                odds.append(beta_1 * (w * planned + (1 - w) * free[a] + sticky))
            second = [beta_2 * there[row.state, b] for b in (0, 1)]
            counts = row.valid and row.free
            told.append(log_softmax(odds)[row.choice] + log_softmax(second)[row.second_choice] if counts else 0.0)
            if row.valid:
                at = row.state, row.second_choice
                delta_1, delta_2 = there[at] - free[row.choice], row.reward - there[at]
                free[row.choice] += rate_1 * (delta_1 + trace * delta_2)
                there[at] += rate_2 * delta_2
                last, last_side = row.choice, row.side
    return told


def test_the_likelihood_of_the_hybrid() -> None:
    rng = np.random.default_rng(2)
    more = {"common": rng.random(60) < 0.7, "side": rng.integers(0, 2, 60), "second_choice": rng.integers(0, 2, 60)}
    table = check_trials(mixed(rng, **more), "two_step")
    theta = [0.6, 0.3, 3.0, 2.0, 0.7, 0.4, 0.2, -0.1, 0.7]
    told = log_probabilities(Model("all", STEPS), np.array(theta), choices_of(STEPS, table))
    np.testing.assert_allclose(told, hybrid_by_hand(table, theta), rtol=1e-12)


@pytest.mark.parametrize(
    "model, free, agent",
    [
        ("model-free", [0.3, 4.0, 0.6], ModelFree(0.3, 0.6, 4.0)),
        ("latent-state planner", [0.05, 4.0, 0.0], ModelBased(0.8, 0.9, 0.1, 0.05, 4.0)),
    ],
)
def test_models_that_are_reference_agents_too(model: str, free: list[float], agent: ModelFree | ModelBased) -> None:
    table = mixed(np.random.default_rng(3), common=np.random.default_rng(4).random(60) < 0.8)
    expected = lead(agent, table)
    np.testing.assert_allclose(lead(ModelAgent(BY_NAME[model], free, "two_step"), table), expected, rtol=1e-9)
    told = log_probabilities(
        BY_NAME[model], np.array(free), choices_of(BY_NAME[model].family, check_trials(table, "two_step"))
    )
    np.testing.assert_allclose(told, np.log(expected).fillna(0), rtol=1e-9)


def test_rates_of_the_volatility_task() -> None:
    task, rng = SMALL["volatility"], np.random.default_rng(5)
    table = play(FixedRate(0.2, 8.0), task, rng, 3, "animals")
    model = BY_NAME["fixed rate"]
    told = log_probabilities(model, np.array([0.2, 8.0]), choices_of(RATES, check_trials(table, "volatility")))
    np.testing.assert_allclose(told, np.log(table["probability"]), rtol=1e-9)


RECOVERED = [
    ("Rescorla-Wagner", "bandit", [0.3, 4.0]),
    ("Rescorla-Wagner, two rates", "bandit", [0.5, 0.2, 4.0]),
    ("Rescorla-Wagner and choice kernel", "bandit", [0.3, 4.0, 0.4, 1.0]),
    ("model-free", "two_step", [0.4, 4.0, 0.5]),
    ("hybrid", "two_step", [0.4, 4.0, 0.5, 0.6, 0.2]),
    ("latent-state planner", "two_step", [0.1, 4.0, 0.2]),
]


@pytest.mark.parametrize("name, task, true", RECOVERED, ids=[row[0] for row in RECOVERED])
def test_parameters_come_back_within_their_errors(name: str, task: str, true: list[float]) -> None:
    """Of 12 simulated subjects, on the scales without ends: most within the 95 % interval, all within five errors."""
    world = TASK if task == "two_step" else Bandit(100, 2, "independent")
    agent = ModelAgent(BY_NAME[name], np.array(true), task)
    subjects = [
        play(agent, world, np.random.default_rng(seed), 10, "simulated").assign(subject=seed) for seed in range(12)
    ]
    _, parameters = fit(pd.concat(subjects).drop(columns="probability"), task, [BY_NAME[name]])
    told = parameters[parameters["fit"] == OK]
    assert parameters["fit"].isin([OK, BESIDE_LIMIT]).mean() >= 0.9
    truth = told["parameter"].map(dict(zip([p.name for p in BY_NAME[name].free], true)))
    inside = (truth > told["low"]) & (truth < told["high"])
    assert inside.mean() > 0.85
    assert ((told["value"] - truth).abs() < 5 * told["se"]).all()


def test_the_right_model_predicts_sessions_that_were_held_out() -> None:
    models = [BY_NAME["model-free"], BY_NAME["latent-state planner"]]
    for model, free in zip(models, ([0.6, 5.0, 0.8], [0.05, 5.0, 0.0])):
        table = play(ModelAgent(model, free, "two_step"), TASK, np.random.default_rng(6), 8, "x")
        fits, _ = fit(table, "two_step", models)
        best = fits.set_index("model")
        assert best["held_out"].idxmax() == best["bic"].idxmin() == model.name
        assert (best["held_out"] < best["per_choice"]).all() and (best["chance"] == -np.log(2)).all()


def test_what_cannot_be_told() -> None:
    """One side alone: nothing is learned of rates; a single session: none to hold out; few trials: no fit."""
    same = pd.DataFrame({"subject": 1, "trial": range(100), "choice": 0, "reward": np.tile([0, 1], 50)})
    few = pd.DataFrame({"subject": 2, "trial": range(15), "choice": 0, "reward": 1})
    fits, parameters = fit(pd.concat([same, few]), "foraging", [BY_NAME["Rescorla-Wagner"]])
    assert fits["fit"].tolist() == [OK, TOO_FEW] and fits["held_out"].isna().all()
    assert set(parameters["fit"]) & {AT_LIMIT, UNTOLD} and set(parameters["subject"]) == {1}
    with pytest.raises(ConfigError, match="Rescorla-Wagner is no model of two_step, but of bandit, foraging"):
        fit(same, "two_step", [BY_NAME["Rescorla-Wagner"]])
    two_step = mixed(np.random.default_rng(7), common=True)
    with pytest.raises(TableError, match="no column second_choice"):
        fit(two_step, "two_step", [TWO_STAGES[2]])


def test_priors_hold_back() -> None:
    agent = ModelAgent(BY_NAME["hybrid"], [0.9, 15.0, 0.1, 0.9, 0.0], "two_step")
    table = play(agent, TASK, np.random.default_rng(8), 1, "x")
    (_, plain), (_, held) = (fit(table, "two_step", [BY_NAME["hybrid"]], prior) for prior in (False, True))
    beta = [t.set_index("parameter")["value"]["inverse_temperature"] for t in (plain, held)]
    assert beta[1] < beta[0]
    for kind, value in (("rate", 0.2), ("positive", 3.0), ("real", 0.7)):  # as written out, but for constants
        model = next(m for m in MODELS if len({p.kind for p in m.free} & {kind}))
        at = next(i for i, p in enumerate(model.free) if p.kind == kind)
        values = np.array([{"rate": 0.4, "positive": 1.0, "real": 0.1}[p.kind] for p in model.free])
        other = values.copy()
        other[at] = value
        expected = estimation.PRIORS[kind].logpdf(value) - estimation.PRIORS[kind].logpdf(values[at])
        got = estimation.log_prior(model, other) - estimation.log_prior(model, values)
        assert got == pytest.approx(expected)


def test_models_are_what_they_say() -> None:
    with pytest.raises(ConfigError, match="half: learning_rate cannot be rate"):
        Model("half", LATENT, {"learning_rate": "rate"})
    with pytest.raises(ConfigError, match="model-free has 3 parameters"):
        ModelAgent(BY_NAME["model-free"], [0.1], "two_step")
    for model in (*MODELS, *TWO_STAGES):
        values = np.arange(1.0, len(model.free) + 1)
        theta = dict(zip([p.name for p in model.family.parameters], model.theta(values)))
        for name, fixed in model.fixed.items():
            assert theta[name] == (theta[fixed] if isinstance(fixed, str) else fixed)
        assert [theta[p.name] for p in model.free] == values.tolist()


def test_which_models_a_table_is_fitted_with() -> None:
    """Second choices are explained by all models or by none; probabilities are the task's."""
    names = [model.name for model in TWO_STAGES]
    assert names == ["model-free", "model-based", "hybrid", "hybrid with both stickinesses"]
    daw = TWO_STAGES[2]  # seven parameters: two rates, two temperatures, eligibility, w, stickiness
    assert [p.name for p in daw.free] == [
        "learning_rate", "learning_rate_2", "inverse_temperature", "inverse_temperature_2", "eligibility",
        "model_based_weight", "choice_stickiness",
    ]  # fmt: skip
    assert "latent-state planner" in BY_NAME and all("second_choice" in model.needs for model in TWO_STAGES)
    assert {m.fixed["common_probability"] for m in models_of(TwoStep(10, 0.7, 0.8, 0.2, 0.1), [])} == {0.7}
    assert [m.name for m in models_of(SMALL["volatility"], [])] == ["fixed rate"]
    assert models_of(SMALL["harlow"], []) == ()


def test_choices_that_are_explained_are_counted() -> None:
    rng = np.random.default_rng(9)
    table = mixed(rng, common=True, second_choice=np.where(rng.random(60) < 0.5, rng.integers(0, 2, 60), -1), side=0)
    fits, _ = fit(pd.concat([table] * 2).assign(session=np.repeat([1, 2, 3, 4], 30)), "two_step", TWO_STAGES[:1])
    told = check_trials(table, "two_step")
    first = told["valid"] & told["free"]
    assert fits["n"].tolist() == [2 * (first.sum() + (first & (told["second_choice"] >= 0)).sum())]
    assert fits["chance"].tolist() == pytest.approx([-np.log(2)])


def test_a_parameter_that_has_no_part_spoils_no_other() -> None:
    """With w = 1 the eligibility bears on nothing; the others keep their errors, as if it were known."""
    known = BY_NAME["model-based"]
    agent = ModelAgent(known, [0.5, 3.0], "two_step")
    choices = choices_of(STEPS, check_trials(play(agent, TASK, np.random.default_rng(3), 5, "x"), "two_step"))
    more = Model("more", STEPS, {name: value for name, value in known.fixed.items() if name != "eligibility"})
    got, alone = estimate(more, choices)[0], estimate(known, choices)[0]
    assert got.fit.tolist() == [OK, OK, UNTOLD] and np.isnan(got.error[2])
    np.testing.assert_allclose(got.error[:2], alone.error, rtol=1e-2)
    ridge = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])  # of two, the sum alone is told
    assert estimation._told(ridge).tolist() == [2]
