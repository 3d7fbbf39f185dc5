"""Simulation 1: matching behaviour and its history dependence on a baited schedule (Fig. 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from annotated_types import Ge, Interval

from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.stationary import STATIONARY, StationaryForager
from pfc_metarl.analysis.matching import RANDOM, history_regression, matching_fit, matching_points, reward_rates
from pfc_metarl.analysis.past_coding import POLICY, STATE, past_coding
from pfc_metarl.analysis.runs_of_choices import preference_by_trial, run_lengths, switching
from pfc_metarl.analysis.unit_coding import FACTORS, SPEARMAN, UPCOMING, VALUE, unit_coding
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import ANALYSED, TESTED, Config, Count, Probability
from pfc_metarl.led import watch
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.recurrent import per_network
from pfc_metarl.published import Number, published, published_number, published_value
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.foraging import Foraging, ForagingWithOutcome
from pfc_metarl.tasks.task import LEFT, RIGHT
from pfc_metarl.trials import NETWORKS, SUBJECT, UNTRAINED, session_keys, sessions_of

TRAINED = "trained"
"""The condition of training: the base probabilities that are not held out."""
SPREAD = 50
"""Base probabilities that the stationary policy is played with."""
READ_OUTS = 20
"""Random read-outs of an untrained network (our choice)."""


@dataclass(frozen=True)
class ForagingConfig(Config):
    """Methods, "Simulation 1"."""

    trials: Annotated[int, Ge(10)] = 100
    """Trials of the longest episode (P: 50 to 100)."""
    shortest_episode: Annotated[int, Ge(10)] = 50
    """Trials of the shortest episode (P)."""
    base_probability_sum: Annotated[float, Interval(gt=0, le=1)] = 0.5
    """Sum of the two base probabilities (P: 0.5)."""
    held_out: tuple[tuple[float, float], ...] = ((0.1, 0.2), (0.3, 0.4))
    """Intervals of the left base probability that training leaves out (P)."""
    outcome_step: bool = False
    """Tell the outcome on a blank step of its own, after the choice (P: no such step is mentioned)."""
    episodes: Count = 15_000
    """Training episodes per network (P: about 15,000, 3e6 steps)."""
    discount: Probability = 0.75
    """Discount factor gamma per time step (P: 0.75)."""
    test_episodes: Annotated[int, Ge(2), TESTED] = 500
    """Test episodes per network over the full range, weights frozen (P)."""
    lags: Annotated[Count, ANALYSED] = 15
    """Lags of the history regression (P: 15)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("shortest_episode", self.shortest_episode <= self.trials, "at most trials")
        edges = [edge for interval in self.held_out for edge in interval]
        fits = edges == sorted(set(edges)) and all(0 < edge < self.base_probability_sum for edge in edges)
        self.require("held_out", fits, "rising intervals inside 0 to base_probability_sum")
        self.require("lags", self.lags < self.shortest_episode, "at most shortest_episode - 1")


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
    intervals = [(0.0, config.base_probability_sum)] if full_range else list(zip(edges[::2], edges[1::2]))
    kind = ForagingWithOutcome if config.outcome_step else Foraging
    return kind(config.trials, config.shortest_episode, config.base_probability_sum, intervals)


def test(config: ForagingConfig, networks: Networks) -> Tested:
    """Let the networks play the test episodes over the full range, weights frozen.

    Returns:
        The trial table (columns as in `Foraging`), and in its rows the activity at fixation, both (trial, unit):
        fixation, and fixation_untrained, of the same networks before training that see the very same; and the log odds
        of right at the choice: log_odds (trial, 1), and log_odds_untrained (trial, `READ_OUTS`), random read-outs of
        the untrained networks.
    """
    task = make_task(config, full_range=True)
    played = play(networks[TRAINED], task, generators(TEST, config.seeds, 0), config.test_episodes)
    before = watch(make_agent(config, task, config.seeds), played)
    fixation, choice = (slice(step, None, task.steps_per_trial) for step in (0, task.choice_step))
    on = by_episode(played.active[fixation])  # (network, episode, trial)
    policy = played.logits[choice][..., RIGHT] - played.logits[choice][..., LEFT]
    at_random = np.stack(
        [rng.normal(size=(config.units, READ_OUTS)) for rng in generators(REFERENCE, config.seeds, 0, 0)]
    )
    read_out = per_network(before[choice], torch.from_numpy(at_random.astype(np.float32)))
    arrays = {
        "fixation": played.activity[fixation], "fixation_untrained": before[fixation],
        "log_odds": policy.unsqueeze(-1), "log_odds_untrained": read_out,
    }  # fmt: skip
    return Tested(played.table(), {name: by_episode(own)[on] for name, own in arrays.items()})


def analyse(config: ForagingConfig, tested: Tested) -> Tables:
    """All tables of Figure 2 and Supplementary Figure 4."""
    states = {NETWORKS: tested.arrays["fixation"], UNTRAINED: tested.arrays["fixation_untrained"]}
    policies = {NETWORKS: tested.arrays["log_odds"], UNTRAINED: tested.arrays["log_odds_untrained"]}
    coding, value_correlation = unit_coding(tested.trials, states, config.lags)
    back, _ = unit_coding(tested.trials, states, config.lags, back=2)
    with_upcoming, _ = unit_coding(tested.trials, states, config.lags, upcoming=True)
    return {
        **behaviour(config, tested.trials),
        "unit_coding": coding,
        "value_correlation": value_correlation,
        "unit_coding_further_back": back,
        "unit_coding_upcoming": with_upcoming[with_upcoming["factor"] == UPCOMING],
        "choice_weights_alone": history_regression(tested.trials, config.lags, ["choice"]),
        "switching": switching(tested.trials),
        "run_lengths": run_lengths(tested.trials, generator(REFERENCE, config.first_seed, 0, 1)),
        "preference_by_trial": preference_by_trial(tested.trials, config.base_probability_sum),
        "past_coding": past_coding(tested.trials, states, policies, config.lags),
    }


def behaviour(config: ForagingConfig, trials: pd.DataFrame) -> Tables:
    """Tables of Figure 2d and f, of whoever behaves; by base probabilities, where the table tells them."""
    tables = {"matching_points": matching_points(trials), "history_weights": history_regression(trials, config.lags)}
    points = tables["matching_points"]
    if "p0_left" not in trials:
        return tables | {"matching_fits": matching_fit(points).assign(parameters="all")}
    points = points.join(sessions_of(trials)["p0_left"].first(), on=session_keys(trials))
    held_out = np.any([points["p0_left"].between(*interval) for interval in config.held_out], axis=0)
    points["parameters"] = np.where(held_out, "held out", "trained")
    fits = [matching_fit(points).assign(parameters="all")]
    fits += [matching_fit(own).assign(parameters=name) for name, own in points.groupby("parameters")]
    rates = reward_rates(trials, config.base_probability_sum)
    fits_of_all = pd.concat(fits, ignore_index=True)
    return tables | {"matching_points": points, "matching_fits": fits_of_all, "reward_rates": rates}


def stationary(config: ForagingConfig) -> Tables:
    """Behaviour of the agent at which learning would come to rest if base probabilities were known; see
    `StationaryForager`. They are as evenly spread as can be."""
    total, tables = config.base_probability_sum, []
    sessions = -(-config.test_episodes // SPREAD)
    for i, left in enumerate((np.arange(SPREAD) + 0.5) / SPREAD * total):
        agent = StationaryForager(left, total - left, config.discount, config.entropy_cost)
        task = Foraging(config.trials, config.shortest_episode, total, [(left, left)])
        played = play_agent(agent, task, generator(REFERENCE, config.first_seed, 0, i + 2), sessions, STATIONARY)
        tables.append(played.assign(session=played["session"] + i * sessions))
    return behaviour(config, pd.concat(tables, ignore_index=True))


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 2."""
    quantities = behaviour_quantities(tables)
    quantities += coding_quantities(tables["unit_coding"], "units coding {}, mean |r|")
    r = tables["value_correlation"]["r"].to_numpy()
    paper = published_number(2, condition="correlation of choice values")
    quantities.append(Quantity.signed("correlation of the two choice values", r, *paper, Single()))
    rates = tables["reward_rates"]
    share, by_chance = (rates[rates["group"] == g]["share_of_optimum"].to_numpy() for g in (NETWORKS, RANDOM))
    further = tables["unit_coding_further_back"]
    quantities += coding_quantities(further, "units coding {}, factors a trial further back, mean |r|")
    quantities += coding_quantities(tables["unit_coding_upcoming"], "units coding {}, mean |r|", [UPCOMING])
    quantities += other_choice_weights(tables)
    past = tables["past_coding"].pivot(index="subject", columns=["by", "target", "group"], values="r2")
    for by in (STATE, POLICY):
        own, before = (past[by, VALUE, group].to_numpy() for group in (NETWORKS, UNTRAINED))
        name = f"value beyond the last trial, told by the {by}: r2"
        quantities.append(Quantity.ordered(name, own, np.nan, 0.0, Single(), "> untrained networks", before))
    midway, what = (1 + by_chance.mean()) / 2, "reward, as a share of the most that can be earned"
    learned = Quantity.learned(what, share, f"> {midway:.2f}, midway from random choices", midway)
    return compare([*quantities, learned])


def other_choice_weights(tables: Tables) -> list[Quantity | Curve]:
    """Choice weights by other regressions: without the rewards; and with the last choices coded 0 or 1 in place of
    -1 or 1, which doubles them."""
    joint, alone = tables["history_weights"], tables["choice_weights_alone"]
    joint = joint[joint["kind"] == "choice"].assign(weight=lambda table: 2 * table["weight"])
    quantities: list[Quantity | Curve] = []
    for words, weights in (("choices alone in the regression", alone), ("coded 0 or 1", joint)):
        for lag in (1, 2):
            own = weights[weights["lag"] == lag]["weight"].to_numpy()
            paper = published_number(2, panel="f", series="meta-RL", condition="choice", x=lag)
            quantities.append(Quantity.signed(f"choice weight, lag {lag}, {words}", own, *paper, Single()))
    return quantities


def coding_quantities(coding: pd.DataFrame, name: str, factors: Sequence[str] = FACTORS) -> list[Quantity | Curve]:
    """Figure 2e: how strongly units code each factor, beside the same networks untrained."""
    coding = coding[coding["method"] == SPEARMAN].assign(size=lambda table: table["r"].abs())
    quantities: list[Quantity | Curve] = []
    for factor in factors:
        sizes = coding[coding["factor"] == factor].groupby(["group", "subject"])["size"].mean()
        size, untrained = (sizes[group].to_numpy() for group in (NETWORKS, UNTRAINED))
        if factor == UPCOMING:  # no number is given
            paper = Number(np.nan, 0.0)
        else:
            paper = published_number(2, panel="e", series="meta-RL", condition=factor)
        order = "> untrained networks"
        quantities.append(Quantity.ordered(name.format(factor), size, *paper, Single(), order, untrained))
    return quantities


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What of `behaviour` is compared."""
    quantities: list[Quantity | Curve] = []
    fits = tables["matching_fits"]
    monkeys = published_value(2, panel="a", condition="slope")
    for parameters, condition in (("all", "slope"), ("trained", "slope trained"), ("held out", "slope held out")):
        slope = fits[fits["parameters"] == parameters].set_index("subject")["slope"]
        if not len(slope):
            continue  # animals whose base probabilities are not told
        paper = published_number(2, panel="d", condition=condition)
        gap = np.minimum(slope, 1 - slope)
        name = f"matching slope, {parameters} parameters"
        quantities.append(Quantity(name, slope, *paper, Single(), "undermatching: 0 to 1", gap, monkeys, parameters))
    weights = tables["history_weights"]
    for kind in ("reward", "choice"):
        wide = weights[weights["kind"] == kind].pivot(index=SUBJECT, columns="lag", values="weight")
        paper_curve = published(2, panel="f", series="meta-RL", condition=kind).set_index("x")["value"]
        lags = [lag for lag in paper_curve.index if lag in wide]
        curve = Curve(f"{kind} weights, lags 1-{len(lags)}", wide[lags].to_numpy(), paper_curve[lags].to_numpy())
        quantities.append(curve)
        for lag in lags:
            paper = published_number(2, panel="f", series="meta-RL", condition=kind, x=lag)
            quantities.append(Quantity.signed(f"{kind} weight, lag {lag:g}", wide[lag], *paper, Single()))
    return quantities


SIMULATION = Simulation(
    name="foraging",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 30, "shortest_episode": 20, "test_episodes": 60, "lags": 5},
    tasks=lambda config: {TRAINED: make_task(config, full_range=False)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
    stationary=stationary,
)
