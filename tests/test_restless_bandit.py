"""Restless bandits: the walk, agents that filter it against slow ways of doing so, fits of learning rates."""

import numpy as np
import pandas as pd
import pytest
from playing import begun, play
from scipy import stats

from pfc_metarl.agents import restless_bandit
from pfc_metarl.agents.lapsing import LAPSING, models
from pfc_metarl.agents.likelihood import ModelAgent
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.restless_bandit import BINS, MIDDLES, UCB, Filter, Optimum, Thompson, walk
from pfc_metarl.analysis.restless import fit_blocks, regret_by_trial
from pfc_metarl.comparison import OPPOSITE, UNPUBLISHED, compare
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.restless_bandit import RestlessBandit, reflected
from pfc_metarl.tasks.task import NONE
from simulations import restless_bandits

CONFIG = restless_bandits.PRESETS["paper"]


def one_step_at_a_time(x: float, steps: np.ndarray) -> list[float]:
    """A walk between mirrors, told as it goes."""
    path = []
    for step in steps:
        x += step
        while not 0 <= x <= 1:
            x = -x if x < 0 else 2 - x
        path.append(x)
    return path


def test_walks_are_reflected() -> None:
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(reflected(np.array([0.2, 1.3, -0.4, 2.1, -1.2])), [0.2, 0.7, 0.4, 0.1, 0.8])
    ends = reflected(0.9 + rng.normal(0, 0.3, (4_000, 12)).cumsum(axis=1))[:, -1]
    plainly = [one_step_at_a_time(0.9, rng.normal(0, 0.3, 12))[-1] for _ in range(4_000)]
    assert stats.ks_2samp(ends, plainly).pvalue > 0.001
    one = reflected(0.9 + rng.normal(0, 0.3, 4_000))  # before all is uniform
    assert stats.ks_2samp(one, [one_step_at_a_time(0.9, rng.normal(0, 0.3, 1))[-1] for _ in range(4_000)]).pvalue > 1e-3


def test_the_task() -> None:
    met = play(begun(RestlessBandit(40, 0.01, 0.1, 0.25), episodes=2_000), lambda t, world: t % 2)
    trials, volatile = met.world.trials, met.world.records["volatile"]
    assert volatile.mean() == pytest.approx(0.25, abs=0.03)
    p = trials["p_left"]
    assert p.min() >= 0 and p.max() <= 1 and stats.kstest(p[..., -1].ravel(), "uniform").pvalue > 0.001
    inside = (p[..., :-1] > 0.4) & (p[..., :-1] < 0.6)  # far from the mirrors
    for which, step in ((volatile, 0.1), (~volatile, 0.01)):
        assert np.diff(p)[which][inside[which]].std() == pytest.approx(step, rel=0.03)
    of_choice = np.where(np.arange(40) % 2, 1 - p, p)
    np.testing.assert_allclose(trials["regret"], np.maximum(p, 1 - p) - of_choice, atol=1e-6)
    surprise = np.moveaxis(met.rewards, 0, -1) - of_choice
    assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(surprise.size)
    assert np.corrcoef(trials["reward"].ravel(), of_choice.ravel())[0, 1] > 0.5


def test_led_along_a_table_that_does_not_tell_probabilities() -> None:
    task, choices, rewards = RestlessBandit(4, 0.1, 0.2), np.array([0, 1, NONE, 1]), np.array([1, 0, 0, 1])
    world = begun(task, networks=1, episodes=1)
    task.lead(world.records[0], world.trials[0, 0], {"choice": choices, "reward": rewards})
    met = play(world, lambda t, world: task.responses({"choice": choices})[t, 0])
    assert met.rewards[:, 0, 0].tolist() == rewards.tolist()
    assert np.isnan(world.trials[0, 0]["regret"][[0, 1, 3]]).all()


@pytest.mark.parametrize("step", [0.0, 0.02, 0.2, 1.0])
def test_where_a_step_leads(step: float) -> None:
    kernel = walk(step)
    np.testing.assert_allclose(kernel.sum(axis=1), 1)
    np.testing.assert_allclose(kernel.sum(axis=0), 1, atol=1e-6)  # the uniform distribution stays
    if step == 0:
        np.testing.assert_array_equal(kernel, np.eye(BINS))
    else:
        rng, n = np.random.default_rng(1), 20_000
        there = reflected(MIDDLES[97] + rng.normal(0, step, n))
        counts = np.histogram(there, np.linspace(0, 1, 11))[0]
        np.testing.assert_allclose(counts / n, kernel[97].reshape(10, -1).sum(axis=1), atol=0.015)


def seen(agent: Filter, choices: list[int], rewards: list[int]) -> Filter:
    """The agent after these outcomes in one session."""
    agent.start(1)
    for choice, reward in zip(choices, rewards):
        agent.observe(np.array([0]), {"choice": np.array([choice]), "reward": np.array([reward])})
    return agent


def test_where_nothing_walks_beliefs_are_those_of_counts() -> None:
    """Arms p and 1 - p: a beta distribution of the outcomes that spoke for the left one, three of four."""
    agent = seen(Optimum([0.0], [1.0]), [0, 1, 1, 0], [1, 0, 1, 1])
    belief = stats.beta(4, 2)
    assert (agent.belief[0, 0] * MIDDLES).sum() == pytest.approx(belief.mean(), abs=1e-4)
    assert agent.probabilities({}).tolist() == [[1, 0]]
    sampling = seen(Thompson(0.0), [0, 1, 1, 0], [1, 0, 1, 1])
    assert sampling.probabilities({})[0, 0] == pytest.approx(belief.sf(0.5), abs=1e-3)
    assert seen(Optimum([0.0], [1.0]), [0, 1], [1, 1]).probabilities({}).tolist() == [[0.5, 0.5]]


def test_beliefs_equal_the_sum_over_all_walks() -> None:
    """Particles that walk by themselves, weighted by how probable they make what was seen."""
    choices, rewards = [0, 0, 1, 0, 1, 0], [1, 1, 1, 0, 1, 0]
    steps, chances = np.array([0.05, 0.3]), [0.3, 0.7]
    rng, n = np.random.default_rng(1), 400_000
    which = (rng.random(n) < chances[1]).astype(int)
    p, weights = rng.random(n), np.ones(n)
    for choice, reward in zip(choices, rewards):
        weights *= p if (choice == 0) == (reward == 1) else 1 - p
        p = reflected(p + steps[which] * rng.normal(size=n))
    weights /= weights.sum()
    belief = seen(Optimum(steps, chances), choices, rewards).belief[0]
    assert (belief.sum(axis=0) * MIDDLES).sum() == pytest.approx((weights * p).sum(), abs=0.005)
    assert belief[1].sum() == pytest.approx(weights[which == 1].sum(), abs=0.005)
    assert (belief[1] * MIDDLES).sum() == pytest.approx((weights * p)[which == 1].sum(), abs=0.005)


def test_ucb_by_hand() -> None:
    agent = UCB(chi=2.0)
    agent.start(1)
    assert agent.probabilities({}).tolist() == [[0.5, 0.5]]
    for choice, reward in ((0, 1), (1, 0), (0, 0)):
        agent.observe(np.array([0]), {"choice": np.array([choice]), "reward": np.array([reward])})
    np.testing.assert_allclose(agent.index()[0], [1 / 2 + np.sqrt(np.log(4)), np.sqrt(2 * np.log(4))])


def test_nonsense_is_refused() -> None:
    with pytest.raises(ConfigError, match="^chi must be finite, not inf"):
        UCB(chi=float("inf"))
    with pytest.raises(ConfigError, match="^chi must be at least 0, not -1"):
        UCB(chi=-1)
    with pytest.raises(ConfigError, match="^step must be between 0 and 1, not 2"):
        Thompson(2.0)
    with pytest.raises(
        ConfigError, match=r"^chances must be one for each of 2 steps, and add up to 1, not \[0.5, 0.6\]"
    ):
        Optimum([0.1, 0.2], [0.5, 0.6])


def test_the_grid_is_fine_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as fine, beliefs are nearly the same, through an episode of low volatility, where they are the sharpest."""
    table = play_agent(UCB(), RestlessBandit(100, 0.02, 0.2, 0.0), np.random.default_rng(5), 50, "")
    shape, rows, means = (50, 100), np.arange(50), []
    choices, rewards = (table[name].to_numpy().reshape(shape).T for name in ("choice", "reward"))
    for bins in (BINS, 2 * BINS):
        monkeypatch.setattr(restless_bandit, "BINS", bins)
        monkeypatch.setattr(restless_bandit, "MIDDLES", (np.arange(bins) + 0.5) / bins)
        walk.cache_clear()
        agent = Optimum([0.02, 0.2], [0.5, 0.5])
        agent.start(50)
        for choice, reward in zip(choices, rewards):
            agent.observe(rows, {"choice": choice, "reward": reward})
            means.append(agent.belief.sum(axis=1) @ restless_bandit.MIDDLES)
    walk.cache_clear()
    assert np.abs(np.array(means[:100]) - np.array(means[100:])).max() < 0.003


def regret_of(agent: object, episodes: int = 1_000) -> float:
    """Mean over both volatilities."""
    tasks = [RestlessBandit(100, CONFIG.low_step, CONFIG.high_step, share) for share in (0.0, 1.0)]
    played = [play_agent(agent, task, np.random.default_rng(1), episodes, "") for task in tasks]  # type: ignore[arg-type]
    return float(np.mean([table["regret"].sum() / episodes for table in played]))


def test_our_walks_are_such_that_published_choices_are_the_best() -> None:
    """A fixed learning rate of .5, a chi of 1; and nobody does better than the optimum that knows the two sizes."""

    def rescorla_wagner(rate: float) -> ModelAgent:
        return ModelAgent(models(rate)["b"], np.array([CONFIG.inverse_temperature]), "restless_bandit")

    rates = {rate: regret_of(rescorla_wagner(rate)) for rate in (0.2, 0.5, 0.8)}
    bounds = {chi: regret_of(UCB(chi=chi)) for chi in (0.25, 1.0, 4.0)}
    assert min(rates, key=rates.__getitem__) == 0.5 and min(bounds, key=bounds.__getitem__) == 1.0
    sizes = [CONFIG.low_step, CONFIG.high_step]
    sampling = regret_of(Thompson(np.sqrt(sizes[0] * sizes[1])), 300)
    assert regret_of(Optimum(sizes, [0.5, 0.5]), 300) < min(rates[0.5], bounds[1.0], sampling)


def test_choice_probabilities_of_models_by_hand() -> None:
    agent = ModelAgent(models(0.5)["abe"], np.array([0.4, 3.0, 0.2]), "restless_bandit")
    agent.start(1)
    assert agent.probabilities({}) == pytest.approx(np.array([[0.5, 0.5]]))
    agent.observe(np.array([0]), {"choice": np.array([0]), "reward": np.array([1.0])})  # values .7, .5
    left = 0.8 / (1 + np.exp(-3 * 0.2)) + 0.1
    assert agent.probabilities({}) == pytest.approx(np.array([[left, 1 - left]]))
    free = {name: [parameter.name for parameter in model.free] for name, model in models(0.5).items()}
    letters = {"a": "learning_rate", "b": "inverse_temperature", "e": "lapse"}
    assert free == {name: [letters[letter] for letter in name] for name in ("b", "ab", "be", "abe")}
    assert models(0.3)["b"].theta(np.array([2.0])).tolist() == [0.3, 2.0, 0.0]
    assert LAPSING.tasks == ("restless_bandit",)


def learner(rate: float, seed: int, condition: str, sessions: int) -> pd.DataFrame:
    """What a learner with this rate does."""
    agent = ModelAgent(models(rate)["be"], np.array([8.0, 0.05]), "restless_bandit")
    task = RestlessBandit(100, 0.02, 0.2, volatile=float(condition == "high"))
    played = play_agent(agent, task, np.random.default_rng(seed), sessions, "networks, mixed")
    return played.assign(subject=seed, condition=condition)


def test_learning_rates_are_found_block_by_block() -> None:
    tables = [learner(rate, 3, name, 25) for name, rate in (("low", 0.2), ("high", 0.7))]
    fits = fit_blocks(pd.concat(tables, ignore_index=True), models(0.5), 12)
    keys = fits[["condition", "block"]].drop_duplicates()
    assert keys.values.tolist() == [["low", 1], ["low", 2], ["high", 1], ["high", 2]]  # one session of 25 is left over
    free = fits[fits["model"] == "abe"].groupby("condition")[["learning_rate", "inverse_temperature", "lapse"]].mean()
    assert free.loc["low"].tolist() == pytest.approx([0.2, 8, 0.05], rel=0.3, abs=0.03)
    assert free.loc["high"].tolist() == pytest.approx([0.7, 8, 0.05], rel=0.3, abs=0.03)
    bic = fits.pivot(index=["condition", "block"], columns="model", values="bic")
    assert (bic["abe"] < bic["be"]).all() and (bic["ab"] < bic["b"]).all()
    assert fits[fits["model"] == "b"]["lapse"].isna().all()
    alone = fit_blocks(tables[0].query("13 <= session <= 24"), models(0.5), 12)
    pd.testing.assert_frame_equal(
        alone.drop(columns="block"),
        fits.query("condition == 'low' and block == 2").drop(columns="block").reset_index(drop=True),
    )
    with pytest.raises(TableError, match="no subject has 26 sessions in a condition"):
        fit_blocks(tables[0], models(0.5), 26)


def test_regret_by_trial() -> None:
    table = pd.concat([learner(0.5, seed, name, 5) for seed in (1, 2) for name in ("low", "high")], ignore_index=True)
    curves = regret_by_trial(table)
    last = curves[curves["trial"] == 100].set_index(["subject", "condition"])["regret"]
    totals = table.groupby(["subject", "condition"])["regret"].sum() / 5
    pd.testing.assert_series_equal(last.sort_index(), totals, check_names=False, check_dtype=False, rtol=1e-5)
    assert len(curves) == 400 and (curves.groupby(["subject", "condition"])["regret"].diff().dropna() >= 0).all()


@pytest.mark.parametrize("follows", [True, False])
def test_the_comparison_tells_who_adjusts_a_learning_rate(follows: bool) -> None:
    """Fits of networks whose rate follows the volatility, or goes the other way; the control's never does."""
    rng, rows = np.random.default_rng(1), []
    for group, change in (("networks, mixed", 0.2 if follows else -0.2), ("Rescorla-Wagner", 0.0)):
        for subject in range(8):
            for condition, side in (("low", -0.5), ("high", 0.5)):
                rate = 0.5 + side * change + rng.normal(0, 0.01)
                key = {"group": group, "subject": subject, "condition": condition, "block": 1, "learning_rate": rate}
                for model in ("b", "ab", "be", "abe"):
                    bic = rng.normal() + ("a" in model) * (-30 if change > 0 else 6)
                    rows.append({**key, "model": model, "bic": bic})
    got = compare(restless_bandits.learning_quantities(pd.DataFrame(rows))).set_index("quantity")["verdict"]
    networks = UNPUBLISHED if follows else OPPOSITE
    assert got["learning rate, high less low volatility, networks"] == networks
    assert got["BIC of model ab less b, networks"] == got["BIC of model abe less be, networks"] == networks
    assert got["BIC of model abe less be, Rescorla-Wagner"] == UNPUBLISHED
    assert got["learning rate, Rescorla-Wagner, off the 0.5 with which it plays"] == UNPUBLISHED
    assert got["learning rate, high less low volatility, Rescorla-Wagner"] == networks


def test_regrets_are_laid_beside_the_optimum_and_the_other_training() -> None:
    values = {
        "networks, mixed": (3, 12), "networks, low": (2, 18), "networks, high": (5, 11), "UCB": (4, 13),
        "Thompson": (5, 16), "Rescorla-Wagner": (4, 14), "exact optimum, mixed": (2, 11),
        "exact optimum, low": (1.5, 16), "exact optimum, high": (4, 10),
    }  # fmt: skip
    rows = [
        (group, condition, subject, regret + 0.01 * subject)
        for group, pair in values.items()
        for condition, regret in zip(("low", "high"), pair)
        for subject in range(4)
    ]
    regrets = pd.DataFrame(rows, columns=["group", "condition", "subject", "regret"])
    got = compare(restless_bandits.regret_quantities(regrets)).set_index("quantity")
    assert (got["networks_in_direction"] == 4).all()
    assert got["ours"]["regret, networks, beside UCB"] == pytest.approx(7.515)
    assert got["ours"]["regret, exact optimum"] == pytest.approx(6.515)
    assert got["ours"]["regret in high volatility, networks, high"] == pytest.approx(11.015)
    assert got["ours"]["regret in low volatility, exact optimum"] == pytest.approx(1.515)
