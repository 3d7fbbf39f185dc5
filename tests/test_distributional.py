"""Many value predictors: their loss, beside the usual critic's and a slow one; expectiles; reversal points."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import SMALL, Running, lively
from scipy.optimize import brentq

from pfc_metarl.a2c import Learner, returns
from pfc_metarl.analysis import reversal_points as analysis
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.distributional import MIDDLE, PREDICTORS, DistributionalNetwork, SymmetricNetwork
from pfc_metarl.random_streams import AUXILIARY, TEST, generators
from pfc_metarl.tasks.conditioning import PROBABILITIES, SHARES, UTILITIES, Conditioning
from pfc_metarl.tasks.episodes import Episodes
from simulations import distributional as simulation

close = torch.testing.assert_close
CONFIG = Config(units=6, networks=2, episodes=64, episodes_per_update=4, trace_decay=0.0, state_value_cost=0.3)
TAUS = DistributionalNetwork.taus()


def learner(agent: str, task: str) -> tuple[Learner, DistributionalNetwork]:
    made = Learner(Config(**{**vars(CONFIG), "agent": agent}), SMALL[task], CONFIG.seeds)
    network = lively(made.network)
    assert isinstance(network, DistributionalNetwork)
    return made, network


@pytest.mark.parametrize("task", ["two_step", "foraging", "inferred_value"])
def test_symmetric_predictors_that_are_alike_learn_as_the_usual_critic(task: str) -> None:
    """From returns of one step; in episodes of any length, and such as never end."""
    made, network = learner("symmetric-predictors", task)
    with torch.no_grad():
        network.predictors.weight[:] = network.predictors.weight[..., :1]
        network.predictors.bias[:] = network.predictors.bias[..., :1]
    for _ in range(2):  # in the second, streams go on
        trajectory = made.play()
        made.carry = trajectory.end if made.task.continues else None
    network(trajectory.seen, trajectory.start)
    steps, values = len(trajectory.actions), network._unrolled[1][..., 0].detach()  # type: ignore[index]
    if made.task.continues:
        following = values[1:]
    else:
        following = torch.cat([(values * trajectory.active)[1:], torch.zeros_like(values[:1])])
    targets = returns(trajectory.rewards, torch.zeros_like(trajectory.active), following, CONFIG.discount, 0.0)
    usual = 0.3 * 0.5 * (targets - values[:steps]).square() * trajectory.active
    own = network.auxiliary_loss(trajectory.end.episodes, generators(AUXILIARY, CONFIG.seeds, 0))
    close(own, usual.sum(0).mean(-1))
    assert (trajectory.active.all()) == (task != "foraging")


def test_the_loss_beside_a_slow_one() -> None:
    made, network = learner("distributional", "two_step")
    trajectory = made.play()
    network(trajectory.seen, trajectory.start)
    predicted = network._unrolled[1].detach().numpy()  # type: ignore[index]
    rewards, (steps, networks, episodes) = trajectory.rewards.numpy(), trajectory.rewards.shape
    slow, rngs = np.zeros(networks), generators(AUXILIARY, CONFIG.seeds, 3)
    for k in range(networks):
        drawn = rngs[k].integers(0, PREDICTORS, (steps, episodes, PREDICTORS))
        for t, e, i in np.ndindex(steps, episodes, PREDICTORS):
            beyond = predicted[t + 1, k, e, drawn[t, e, i]] if t + 1 < steps else 0.0
            error = rewards[t, k, e] + CONFIG.discount * beyond - predicted[t, k, e, i]
            slow[k] += 0.3 * abs(TAUS[i] - (error < 0)) * error**2 / episodes / PREDICTORS
    own = network.auxiliary_loss(trajectory.end.episodes, generators(AUXILIARY, CONFIG.seeds, 3))
    close(own.detach().numpy(), slow.astype(np.float32), rtol=1e-4, atol=1e-5)


def test_the_middle_is_the_value_and_learns_by_its_own_loss_alone() -> None:
    made, network = learner("distributional", "two_step")
    assert TAUS[MIDDLE] == 0.5 and (SymmetricNetwork.taus() == 0.5).all()
    np.testing.assert_allclose(TAUS + TAUS[::-1], 1)
    trajectory = made.play()
    out = network(trajectory.seen, trajectory.start)
    close(out.values, trajectory.values)
    assert not out.values.requires_grad


def test_running_episodes_are_refused() -> None:
    with pytest.raises(ConfigError, match="^agent distributional is not told the last reward of episodes that follow"):
        make_agent(Config(agent="distributional"), Running(9), [1])


def test_rewards_of_the_task_are_as_published() -> None:
    task = Conditioning(2_000)
    episodes, trials = (np.zeros(n, own.dtype) for n, own in zip((1, (1, 2_000)), task.blank))
    task.draw(np.random.default_rng(1), episodes, trials)
    for cue in range(4):
        own = trials["pays"][trials["cue"] == cue]
        if cue == 0:
            shares = [(np.isclose(own, u)).mean() for u in UTILITIES]
            np.testing.assert_allclose(shares, SHARES, atol=4 * 0.5 / len(own) ** 0.5)
            assert len(np.unique(trials["magnitude"][trials["cue"] == 0])) == len(UTILITIES)
        else:
            assert abs(own.mean() - PROBABILITIES[cue - 1]) < 4 * 0.5 / len(own) ** 0.5
            assert set(own) == {0, 1}
    assert sum(SHARES) == pytest.approx(1)


def test_expectiles() -> None:
    """Beside a root that is searched for; the mean in the middle; of a chance p, tau p / (tau p + (1 - tau)(1 - p))."""
    values, shares = np.array(UTILITIES), np.array(SHARES) / sum(SHARES)

    def balance(e: float, tau: float) -> float:
        return float((shares * (tau * np.maximum(values - e, 0) - (1 - tau) * np.maximum(e - values, 0))).sum())

    searched = [brentq(balance, values[0], values[-1], (tau,)) for tau in TAUS]
    np.testing.assert_allclose(analysis.expectiles(values, shares, TAUS), searched, atol=1e-8)
    assert analysis.expectiles(values, shares, np.array([0.5]))[0] == pytest.approx((shares * values).sum())
    p = 0.3
    told = analysis.expectiles(np.array([0.0, 1.0]), np.array([1 - p, p]), TAUS)
    np.testing.assert_allclose(told, TAUS * p / (TAUS * p + (1 - TAUS) * (1 - p)), rtol=1e-6)


def answers(noise: float, taus: np.ndarray = TAUS, trials: int = 300) -> analysis.Answers:
    """Of perfect predictors."""
    rng, values = np.random.default_rng(2), np.array(UTILITIES)
    levels = rng.choice(len(values), trials, p=np.array(SHARES) / sum(SHARES))
    predicted = analysis.expectiles(values, np.array(SHARES), taus.astype(float))
    errors = values[levels] - predicted[:, None]
    weighed = np.where(errors > 0, taus[:, None], 1 - taus[:, None]) * errors
    return analysis.Answers(weighed + rng.normal(0, noise, weighed.shape), levels)


def test_reversal_points_and_asymmetries_of_perfect_predictors() -> None:
    """On the axis of true utility: the point is between the right two magnitudes, the slopes' share near tau."""
    own, values = answers(0.0), np.array(UTILITIES)
    used = np.ones(own.values.shape, bool)
    points, exact = (
        analysis.reversal_points(own, values, used),
        analysis.expectiles(values, np.array(SHARES), TAUS.astype(float)),
    )
    np.testing.assert_array_equal(np.searchsorted(values, points), np.searchsorted(values, exact))
    np.testing.assert_allclose(analysis.asymmetries(own, values, used, exact), TAUS, atol=1e-6)
    asymmetry, reversal = analysis.in_halves(own, np.random.default_rng(3))
    assert asymmetry > 0.85 and reversal > 0.95


def test_reversal_points_beside_a_slow_search() -> None:
    own, rng = answers(1.0, trials=80), np.random.default_rng(4)
    used, axis = rng.random(own.values.shape) < 0.5, own.axis()
    points = analysis.reversal_points(own, axis, used)
    slopes = analysis.asymmetries(own, axis, used, points)
    for i, values in enumerate(own.values):
        counts = []
        for border in range(len(axis) + 1):
            above = own.levels >= border
            counts.append(sum(used[i] & above & (values > 0)) + sum(used[i] & ~above & (values < 0)))
        best = int(np.argmax(counts))
        if 0 < best < len(axis):
            assert min(axis[best - 1 : best + 1]) <= points[i] <= max(axis[best - 1 : best + 1])
        else:
            assert points[i] == axis[0] + 0.01 if best == 0 else axis[-1] - 0.1
        x = axis[own.levels] - points[i]
        fits = [
            np.linalg.lstsq(x[on, None], values[on], rcond=None)[0] for on in ((x >= 0) & used[i], (x <= 0) & used[i])
        ]
        if (x[used[i]] >= 0).any() and (x[used[i]] <= 0).any():
            assert slopes[i] == pytest.approx(fits[0] / sum(fits))
        else:
            assert np.isnan(slopes[i])


def test_halves_and_control() -> None:
    """Trials of each magnitude are shared out; symmetric predictors have no consistent reversal points."""
    own = answers(0.5, np.full(PREDICTORS, 0.5, np.float32))
    first = analysis.halves(own, np.random.default_rng(5))
    sums = own.by_level(first * 1.0), own.by_level(~first * 1.0)
    assert (np.abs(sums[0] - sums[1]) <= 1).all() and first.std(axis=0).any()
    told = [analysis.in_halves(own, rng) for rng in np.random.default_rng(6).spawn(40)]
    assert np.abs(np.mean(told, axis=0)).max() < 4 / (PREDICTORS - 2) ** 0.5
    _, reversal = analysis.in_halves(answers(0.0, np.full(PREDICTORS, 0.5, np.float32)), np.random.default_rng(7))
    assert np.isnan(reversal)


# -- the simulation


def perfect(config: simulation.DistributionalConfig) -> simulation.Tested:
    """Predictors whose values are the exact expectiles."""
    task, rngs = Conditioning(config.trials), generators(TEST, config.seeds, 0)
    world = Episodes(task, config.networks, config.test_episodes)
    world.begin(rngs)
    arrays = {"cue": world.trials["cue"], "reward": world.trials["pays"]}
    for kind, taus in ((simulation.DISTRIBUTIONAL, TAUS), (simulation.CLASSICAL, SymmetricNetwork.taus())):
        exact = [analysis.expectiles(np.array(UTILITIES), np.array(SHARES), taus.astype(float))]
        for p in PROBABILITIES:
            exact.append(analysis.expectiles(np.array([0.0, 1.0]), np.array([1 - p, p]), taus.astype(float)))
        arrays |= {f"{kind}: taus": taus, f"{kind}: values": np.array(exact)[arrays["cue"]]}
    return simulation.Tested(pd.DataFrame(), arrays)


def test_perfect_predictors_through_the_analyses() -> None:
    config = replace(simulation.SIMULATION.config("fast", quick=True), networks=4, splits=20)
    tables = simulation.analyse(config, perfect(config))
    values = tables["values"]
    np.testing.assert_allclose(values["value"], values["exact"])
    assert set(values["cue"]) == {0, 1, 2, 3} and len(values) == 2 * 4 * PREDICTORS * 4
    told = tables["correlations"].groupby(["kind", "noise"])[[simulation.ASYMMETRY, simulation.REVERSAL]].mean()
    least = min(simulation.NOISES)
    assert (told.loc[simulation.DISTRIBUTIONAL, least] > 0.9).all() and (told.loc[simulation.CLASSICAL] < 0.4).all(
        axis=None
    )
    matched = tables["correlations"].query("matched and kind == 'distributional'")
    assert matched[simulation.REVERSAL].mean() == pytest.approx(0.77, abs=0.1)
    assert matched["noise"].nunique() == 1 and least < matched["noise"].iloc[0] < max(simulation.NOISES)
    compared = simulation.compare_with_neurons(tables).set_index("quantity")
    row = compared.loc["asymmetry with reversal point, two halves of the trials, R"]
    assert row["networks_in_direction"] == 4 and row["published"] == 0.52
    off = compared.loc["learned: values off the expectiles, variable magnitude, in s.d."]
    assert off["ours"] == pytest.approx(0) and off["networks_in_direction"] == 4


def test_other_agents_are_refused() -> None:
    config = simulation.SIMULATION.config("fast")
    with pytest.raises(ConfigError, match="^agent must be one with a population of value predictors, not gru$"):
        replace(config, agent="gru").for_condition(simulation.DISTRIBUTIONAL)
    assert config.for_condition(simulation.CLASSICAL).agent == "symmetric-predictors"
