"""Simulation 1: matching behaviour and its history dependence on a baited schedule (Fig. 2)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pfc_metarl.agents.foraging import matching_reward, optimal_reward, random_reward
from pfc_metarl.analysis.matching import (
    choice_values,
    history_regression,
    matching_fit,
    matching_points,
    steady_state,
)
from pfc_metarl.analysis.trials import previous, trial_table
from pfc_metarl.analysis.unit_coding import partial_correlations
from pfc_metarl.config import Config
from pfc_metarl.network import Agent, make_agent
from pfc_metarl.published import Quantity, compare, published_value
from pfc_metarl.rollout import TEST, generators, play
from pfc_metarl.simulation import Simulation, Tables, Tested, main
from pfc_metarl.tasks.foraging import STEPS_PER_TRIAL, Foraging

FACTORS = ("action", "reward", "action x reward", "value")
"""What a unit may code at fixation, in the order of Fig. 2e."""


@dataclass(frozen=True)
class ForagingConfig(Config):
    """Methods, "Simulation 1"."""

    trials: int = 100
    """Trials of the longest episode (P: 50 to 100)."""
    shortest_episode: int = 50
    """Trials of the shortest episode (P)."""
    base_probability_sum: float = 0.5
    """Sum of the two base probabilities (P: 0.5)."""
    held_out: tuple[tuple[float, float], ...] = ((0.1, 0.2), (0.3, 0.4))
    """Intervals of the left base probability that training leaves out (P)."""
    episodes: int = 15_000
    """Training episodes per network (P: about 15,000, 3e6 steps)."""
    discount: float = 0.75
    """Discount factor gamma per time step (P: 0.75)."""
    test_episodes: int = 500
    """Test episodes per network over the full range, weights frozen (P)."""
    lags: int = 15
    """Lags of the history regression (P: 15)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("trials", self.trials >= 10, "at least 10")
        self.require("shortest_episode", 10 <= self.shortest_episode <= self.trials, "10 to trials")
        self.require("base_probability_sum", 0 < self.base_probability_sum <= 1, "above 0, at most 1")
        edges = [edge for interval in self.held_out for edge in interval]
        fits = edges == sorted(set(edges)) and all(0 < edge < self.base_probability_sum for edge in edges)
        self.require("held_out", fits, "rising intervals inside 0 to base_probability_sum")
        self.require("test_episodes", self.test_episodes >= 2, "at least 2")
        self.require("lags", 1 <= self.lags < self.shortest_episode, "1 to shortest_episode - 1")


PRESETS = {
    # departures from the paper: 16 episodes per update and network, a learning rate to match that falls to 0,
    # fewer episodes
    "fast": ForagingConfig(
        preset="fast", episodes=9_600, episodes_per_update=16, learning_rate=0.006, learning_rate_end=0.0
    ),
    "paper": ForagingConfig(preset="paper"),
}


def make_task(config: ForagingConfig, full_range: bool) -> Foraging:
    """The schedule, over the full range of base probabilities or without the held-out intervals."""
    edges = [0.0, *(edge for interval in config.held_out for edge in interval), config.base_probability_sum]
    trained = list(zip(edges[::2], edges[1::2]))
    intervals = [(0.0, config.base_probability_sum)] if full_range else trained
    return Foraging(config.trials, config.shortest_episode, config.base_probability_sum, intervals)


def test(config: ForagingConfig, networks: dict[str, Agent]) -> Tested:
    """Let the networks play the test episodes over the full range, weights frozen.

    Returns:
        The trial table (columns as in `Foraging`, only trials that were played), and in its rows the hidden
        states at fixation: trained, and untrained, of the same networks before training that see the very same
        inputs (in memory only).
    """
    task = make_task(config, full_range=True)
    trajectory = play(networks[""], task, generators(config.seeds, TEST, 0), config.test_episodes)
    trials = trial_table(task.record(), config.seeds)
    played = trials.pop("played").to_numpy()
    before = make_agent(config, task, config.seeds).requires_grad_(False)
    untrained = torch.cat(  # some episodes at a time, for the sake of memory
        [before.states(some, before.start(some.shape[2])) for some in trajectory.inputs.split(50, dim=2)], dim=2
    )

    def at_fixation(hidden: torch.Tensor) -> np.ndarray:
        return hidden[::STEPS_PER_TRIAL].permute(1, 2, 0, 3).reshape(len(played), -1).numpy()[played]

    states = {"trained": at_fixation(trajectory.hidden), "untrained": at_fixation(untrained)}
    return Tested(trials[played].reset_index(drop=True), {"fixation": states["trained"]}, states)


def analyse(config: ForagingConfig, tested: Tested) -> Tables:
    """All tables of Figure 2."""
    points = matching_points(tested.trials)
    p0 = tested.trials.groupby(["subject", "session"])["p0_left"].first().rename("p0_left")
    points = points.join(p0, on=["subject", "session"])
    held_out = np.any([points["p0_left"].between(*interval) for interval in config.held_out], axis=0)
    points["parameters"] = np.where(held_out, "held out", "trained")
    fits = [matching_fit(points).assign(parameters="all")]
    fits += [matching_fit(own).assign(parameters=name) for name, own in points.groupby("parameters")]
    coding, value_correlation = unit_coding(config, tested)
    return {
        "matching_points": points,
        "matching_fits": pd.concat(fits, ignore_index=True),
        "history_weights": history_regression(tested.trials, config.lags),
        "unit_coding": coding,
        "value_correlation": value_correlation,
        "reward_rates": reward_rates(config, tested.trials),
    }


def unit_coding(config: ForagingConfig, tested: Tested) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Partial correlations of every unit at fixation with last action, last reward, their product and choice value.

    The filters that give choice value are fitted on the odd sessions; units are correlated on the even ones.
    Value is the left choice's, as in the paper; right's is nearly its negative.

    Returns:
        Table: network (trained, untrained), subject, unit, factor, method (spearman, pearson), r, p; and table:
        subject, r of the two values.
    """
    tables, correlations = [], []
    for subject, own in tested.trials.groupby("subject"):
        odd = own["session"] % 2 == 1
        weights = history_regression(own[odd], config.lags)
        even = own[~odd]
        values = choice_values(even, weights)
        before = previous(even, ["choice", "reward", "valid"])
        action = 2.0 * before["choice"] - 1
        columns = (action, before["reward"], action * (2 * before["reward"] - 1), values["left"])
        factors = pd.DataFrame(dict(zip(FACTORS, columns)))
        use = steady_state(even) & (before["valid"] == True) & factors.notna().all(axis=1)  # noqa: E712 (NaN)
        for network, states in tested.in_memory.items():
            for method in ("spearman", "pearson"):
                table = partial_correlations(states[even.index[use]], factors[use], ranks=method == "spearman")
                tables.append(table.assign(network=network, subject=subject, method=method))
        correlations.append((subject, values.loc[use, "left"].corr(values.loc[use, "right"])))
    coding = pd.concat(tables, ignore_index=True)[["network", "subject", "unit", "factor", "method", "r", "p"]]
    return coding, pd.DataFrame(correlations, columns=["subject", "r"])


def reward_rates(config: ForagingConfig, trials: pd.DataFrame) -> pd.DataFrame:
    """Steady-state reward per trial of the networks and of known policies on the same base probabilities.

    Returns:
        Table: policy, subject, reward (per trial), share_of_optimum.
    """
    own = trials[steady_state(trials)]
    sessions = own.groupby(["subject", "session"]).agg(
        reward=("reward", "sum"), trials=("reward", "size"), p0_left=("p0_left", "first")
    )
    earned = {"meta-RL": sessions["reward"]}
    grid = np.linspace(0, config.base_probability_sum, 101)
    for name, rate in (("optimum", optimal_reward), ("matching", matching_reward), ("random", random_reward)):
        rates = [rate(p, config.base_probability_sum - p) for p in grid]
        earned[name] = np.interp(sessions["p0_left"], grid, rates) * sessions["trials"]
    sums = sessions.assign(**earned).groupby("subject")[[*earned, "trials"]].sum()
    rows = [
        (name, subject, own[name] / own["trials"], own[name] / own["optimum"])
        for name in earned
        for subject, own in sums.iterrows()
    ]
    return pd.DataFrame(rows, columns=["policy", "subject", "reward", "share_of_optimum"])


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 2.

    Distances: .15 for slopes, a third of its size for a history weight (at least .3), .1 for correlations.
    """
    quantities = []
    fits = tables["matching_fits"]
    monkeys = published_value(2, panel="a", condition="slope")
    for parameters, condition in (("all", "slope"), ("trained", "slope trained"), ("held out", "slope held out")):
        slope = fits[fits["parameters"] == parameters]["slope"].to_numpy()
        paper = published_value(2, panel="d", condition=condition)
        gap = np.minimum(slope, 1 - slope)
        name = f"matching slope, {parameters} parameters"
        quantities.append(Quantity(name, slope, paper, 0.15, "undermatching: 0 to 1", gap, animal=monkeys))
    weights = tables["history_weights"]
    for kind in ("reward", "choice"):
        for lag in (1, 2, 3, 5):
            own = weights[(weights["kind"] == kind) & (weights["lag"] == lag)]["weight"].to_numpy()
            paper = published_value(2, panel="f", condition=kind, x=lag)
            sign = "> 0" if paper > 0 else "< 0"
            name = f"{kind} weight, lag {lag}"
            quantities.append(Quantity(name, own, paper, max(abs(paper) / 3, 0.3), sign, own * np.sign(paper)))
    coding = tables["unit_coding"]
    spearman = coding[coding["method"] == "spearman"]
    for factor in FACTORS:
        own = spearman[spearman["factor"] == factor].assign(size=lambda table: table["r"].abs())
        size, untrained = (
            own[own["network"] == name].groupby("subject")["size"].mean().to_numpy()
            for name in ("trained", "untrained")
        )
        quantities.append(
            Quantity(
                f"units coding {factor}, mean |r|",
                size,
                published_value(2, panel="e", condition=factor),
                0.1,
                "> untrained networks",
                size - untrained,
            )
        )
    r = tables["value_correlation"]["r"].to_numpy()
    paper = published_value(2, condition="correlation of choice values")
    quantities.append(Quantity("correlation of the two choice values", r, paper, 0.1, "< 0", -r))
    return compare(quantities)


SIMULATION = Simulation(
    name="foraging",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 30, "shortest_episode": 20, "test_episodes": 60, "lags": 5},
    tasks=lambda config: {"": make_task(config, full_range=False)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
)


if __name__ == "__main__":
    main(SIMULATION)
