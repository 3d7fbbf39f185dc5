"""Simulation 4: model-based behaviour and prediction errors from model-free learning, in the two-step task (Fig. 5)."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.estimation import fit
from pfc_metarl.agents.families import latent_planner
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.stationary import STATIONARY, StationaryPlanner
from pfc_metarl.agents.two_step import MODEL_BASED, MODEL_FREE, REWARD_AS_CUE, ModelBased, ModelFree, RewardAsCue
from pfc_metarl.analysis.lagged import TRIAL_TYPES, lagged_regression
from pfc_metarl.analysis.prediction_errors import (
    compare_prediction_errors,
    errors_at_cue,
    fits_by_rate,
    network_errors,
    prediction_error_table,
)
from pfc_metarl.analysis.stay import CONDITIONS, stay_matrix, stay_probabilities, stay_regression
from pfc_metarl.comparison import Curve, Quantity, Several, Single, compare, weighted
from pfc_metarl.config import TESTED, Config, Count, Probability
from pfc_metarl.published import published_dots, published_number, published_value, sum_of
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.trials import SUBJECT

PUBLISHED = "published"
"""The condition of training: the published task."""
RESIDUAL = "r2 with model-free residual"


@dataclass(frozen=True)
class TwoStepConfig(Config):
    """Methods, "Simulation 4"."""

    trials: Annotated[int, Ge(10)] = 100
    """Trials per episode (P)."""
    common_probability: Annotated[float, Interval(gt=0, lt=1)] = 0.8
    """Probability of the common transition (P)."""
    reward_high: Probability = 0.9
    """Reward probability of the better state (P)."""
    reward_low: Probability = 0.1
    """Reward probability of the worse state (P)."""
    switch_probability: Probability = 0.025
    """Chance at each trial's start that the two states swap (P)."""
    reversed_transitions: Probability = 0.0
    """Share of episodes in which L leads mostly to S2 and R to S1 (P: none)."""
    test_episodes: Annotated[Count, TESTED] = 300
    """Test episodes per network, weights frozen (P)."""
    analysed_episodes: Annotated[Count, TESTED] = 30
    """Of these, episodes whose prediction errors are analysed and hidden states kept (P: 30)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("analysed_episodes", self.analysed_episodes <= self.test_episodes, "at most test_episodes")
        varies = self.reward_high != self.reward_low or 0 < self.reward_low < 1
        self.require("reward_low", self.reward_low <= self.reward_high, f"at most reward_high ({self.reward_high})")
        self.require("reward_low", varies, f"other than reward_high ({self.reward_high}), or no outcome would vary")


PRESETS = {
    # departures from the paper: 16 episodes per update and network, the learning rate that goes with it
    # (falling to 0, so that all networks settle), and fewer episodes, which then are enough
    "fast": TwoStepConfig(
        preset="fast", episodes=4_800, episodes_per_update=16, learning_rate=0.01, learning_rate_end=0.0
    ),
    "paper": TwoStepConfig(preset="paper"),
}


def make_task(config: TwoStepConfig) -> TwoStep:
    """The task with the config's probabilities."""
    return TwoStep(config.trials, *probabilities(config), config.reversed_transitions)


def probabilities(config: TwoStepConfig) -> tuple[float, float, float, float]:
    """Of the common transition, of reward in the better and in the worse state, and of a switch."""
    return config.common_probability, config.reward_high, config.reward_low, config.switch_probability


def test(config: TwoStepConfig, networks: Networks) -> Tested:
    """Let the networks play the test episodes, weights frozen, actions sampled.

    Returns:
        The trial table, and arrays: rewards and values (network, episode, time), hidden (network, episode, time,
        unit) of the analysed episodes.
    """
    played = play(networks[PUBLISHED], make_task(config), generators(TEST, config.seeds, 0), config.test_episodes)
    kept = played.activity[:, :, : config.analysed_episodes]
    arrays = {"rewards": by_episode(played.rewards), "values": by_episode(played.values), "hidden": by_episode(kept)}
    return Tested(played.table(), arrays)


def analyse(config: TwoStepConfig, tested: Tested) -> Tables:
    """All tables of Figure 5."""
    analysed = tested.trials[tested.trials["session"] <= config.analysed_episodes].reset_index(drop=True)
    rewards, values = (tested.arrays[name][:, : config.analysed_episodes] for name in ("rewards", "values"))
    delta = network_errors(rewards, values, config.discount)
    errors = prediction_error_table(analysed, delta, planner(config))
    _, believed = fit(analysed, "two_step", [latent_planner(make_task(config))])
    return {
        **behaviour(config, tested.trials),
        "reference_stay_probabilities": reference_stay_probabilities(config),
        "reference_lag_weights": reference_lag_weights(config),
        "performance": tested.trials.groupby("subject")[["reward", "valid"]].mean().reset_index(),
        "prediction_errors": errors,
        "prediction_error_fits": compare_prediction_errors(errors),
        "prediction_error_fits_with_cue": compare_prediction_errors(
            pd.concat([errors, errors_at_cue(analysed, delta)])
        ),
        "prediction_error_fits_by_rate": fits_by_rate(analysed, errors),
        "planner_fits": believed,
    }


def behaviour(config: TwoStepConfig, trials: pd.DataFrame) -> Tables:
    """Tables of Figure 5b to e, of whoever behaves."""
    return {
        "stay_probabilities": stay_probabilities(trials),
        "stay_regression": stay_regression(trials),
        "lag_weights": lagged_regression(trials),
    }


def reference_agents(config: TwoStepConfig) -> dict[str, ReferenceAgent]:
    """The agents whose behaviour gives the canonical patterns, for the config's task.

    The model-free one credits its first choice with the reward directly (eligibility 1, as in Daw et al.
    2011): with SARSA(0) the last reward cannot bear on the next first choice.
    """
    return {MODEL_FREE: ModelFree(eligibility=1.0), MODEL_BASED: planner(config)}


def planner(config: TwoStepConfig) -> ModelBased:
    """The model-based agent that knows the config's probabilities."""
    return ModelBased(*probabilities(config))


def reference_stay_probabilities(config: TwoStepConfig) -> pd.DataFrame:
    """Stay probabilities of the reference agents, for as many episodes as all networks together play.

    On the published task a model-free agent shows a reward x transition effect too, because a common rewarded
    trial mostly follows others that favoured the same choice (Akam, Costa & Dayan 2015). The canonical patterns
    (task "canonical") are those with rewards that tell nothing of the state, paid with probability 1/2.

    Returns:
        Table: task (canonical or published), group, subject, rewarded, common, stay, n.
    """
    canonical = make_task(replace(config, reward_high=0.5, reward_low=0.5))
    tables = []
    for i, (task_name, task) in enumerate({"canonical": canonical, "published": make_task(config)}.items()):
        for j, (name, agent) in enumerate(reference_agents(config).items()):
            rng = generator(REFERENCE, config.first_seed, j, i)
            played = play_agent(agent, task, rng, config.test_episodes * config.networks, name)
            tables.append(stay_probabilities(played).assign(task=task_name))
    return pd.concat(tables)[["task", "group", "subject", "rewarded", "common", "stay", "n"]]


def reference_lag_weights(config: TwoStepConfig) -> pd.DataFrame:
    """Lag weights of the reference agents, and of a model-free habit that Supplementary Figure 6 rules out.

    They play sessions 20 times as long as the networks', for the habit is learned slowly.
    """
    task, tables = TwoStep(20 * config.trials, *probabilities(config)), []
    for j, (name, agent) in enumerate((reference_agents(config) | {REWARD_AS_CUE: RewardAsCue()}).items()):
        rng = generator(REFERENCE, config.first_seed, j, 2)
        tables.append(lagged_regression(play_agent(agent, task, rng, 40, name)))
    return pd.concat(tables, ignore_index=True)


def stationary(config: TwoStepConfig) -> Tables:
    """Behaviour of the planner at which learning would come to rest; see `StationaryPlanner`."""
    agent = StationaryPlanner(*probabilities(config), config.discount, config.entropy_cost)
    rng = generator(REFERENCE, config.first_seed, 0, 3)
    return behaviour(
        config, play_agent(agent, make_task(config), rng, config.test_episodes * config.networks, STATIONARY)
    )


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 5."""
    quantities = behaviour_quantities(tables)
    fits, words = tables["prediction_error_fits"], "prediction errors"
    quantities += [*model_based_quantities(fits, words), residual_quantity(fits, words)]
    return compare([*quantities, *learned(tables["performance"]), *further_quantities(tables)])


def model_based_quantities(fits: pd.DataFrame, words: str) -> list[Quantity | Curve]:
    """Figure 5f: how much the planner's prediction errors explain, and the slope on them."""
    r2, slope = (published_number(5, panel="f", condition=f"{name} model-based") for name in ("r2 with", "slope on"))
    own = fits["r2_model_based"].to_numpy()
    gap = (fits["weight_model_based"] - fits["weight_model_free"].abs()).to_numpy()
    order = "it weighs more than model-free, in both together"
    on_slope = fits["slope_model_based"].to_numpy()
    return [
        Quantity(f"{words}: r2 with model-based", own, *r2, Single(), order, gap),
        Quantity.signed(f"{words}: slope on model-based", on_slope, *slope, Single()),
    ]


def residual_quantity(fits: pd.DataFrame, words: str) -> Quantity:
    """Figure 5g: how much is explained by what the planner's prediction errors leave of the model-free ones."""
    paper, own = published_number(5, panel="g", condition=RESIDUAL), fits["r2_model_free_residual"].to_numpy()
    return Quantity.ordered(f"{words}: {RESIDUAL}", own, *paper, Single(), "< .01", 0.01)


def further_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What decides how Figure 5e to g are to be read: a third event, other model-free agents, the hazard that the best
    planner for each network's choices believes in."""
    words, none = "prediction errors, with those at the cue", (np.nan, 0.0, Single())
    quantities = model_based_quantities(tables["prediction_error_fits_with_cue"], words)
    for rate, fits in tables["prediction_error_fits_by_rate"].groupby("learning_rate"):
        words, weight = f"prediction errors, model-free rate {rate:g}", fits["weight_model_free"].to_numpy()
        beside = Quantity.ordered(f"{words}: weight beside model-based", weight, *none, "> 0", 0.0)
        quantities += [residual_quantity(fits, words), beside]
    believed = tables["planner_fits"]
    hazard = believed[believed["parameter"] == "hazard"]["value"].to_numpy()
    quantities.append(Quantity.ordered("hazard of the planner that fits best", hazard, *none, "> 0", 0.0))
    return quantities


def learned(performance: pd.DataFrame) -> list[Quantity]:
    """Has a network learned? Midway between chance (.5) and a planner's reward; and it responds as it should."""
    return [
        Quantity.learned("reward per trial", performance["reward"].to_numpy(), "> .6", 0.6),
        Quantity.learned("share of valid trials", performance["valid"].to_numpy(), "> .9", 0.9),
    ]


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What of `behaviour` is compared."""
    return stay_quantities(tables["stay_probabilities"]) + weight_quantities(tables["lag_weights"])


def stay_quantities(probabilities: pd.DataFrame) -> list[Quantity | Curve]:
    """Figure 5c: the interaction of reward and transition, and each bar."""
    stay, signs = stay_matrix(probabilities), dict(zip(CONDITIONS, (1, -1, -1, 1)))
    partner = dict(zip(CONDITIONS, [CONDITIONS[1], CONDITIONS[0], CONDITIONS[3], CONDITIONS[2]]))
    dots = {c: published_dots(5, panel="c", series="meta-RL", condition=c) for c in CONDITIONS}
    paper = {c: published_number(5, panel="c", series="meta-RL", condition=c) for c in CONDITIONS}
    rats = {c: published_value(5, panel="c", series="rats", condition=c) for c in CONDITIONS}
    quantities = [
        Quantity.signed(
            "stay: interaction of reward and transition", weighted(signs, stay), *sum_of(signs, paper),
            Several.of_contrast(signs, dots), animal=weighted(signs, rats),
        )
    ]  # fmt: skip
    for c in CONDITIONS:
        order, than = f"{'>' if signs[c] > 0 else '<'} {partner[c]}", stay[partner[c]]
        basis, more = Several.of(dots[c]), dict[str, Any](animal=rats[c], short=c)
        quantities.append(Quantity.ordered(f"stay after {c}", stay[c], *paper[c], basis, order, than, **more))
    return list(quantities)


DOTS_OF = {"uncommon unrewarded": "common rewarded", "uncommon rewarded": "common unrewarded"}
"""Whose dots tell the spread of trial types whose own are not read (our choice: that whose weights are like theirs)."""


def weight_quantities(weights: pd.DataFrame) -> list[Quantity | Curve]:
    """Figure 5e: how much more trials weigh that speak for their choice than those against it; all as a curve; each."""
    wide = weights.pivot(index=SUBJECT, columns=["trial_type", "lag"], values="weight")
    places = [(name, lag) for name in TRIAL_TYPES for lag in range(1, 6) if (name, lag) in wide]
    dots = {at: published_dots(5, panel="e", condition=DOTS_OF.get(at[0], at[0]), x=at[1]) for at in places}
    paper = {at: published_number(5, panel="e", condition=at[0], x=at[1]) for at in places}
    rats = {at: published_value(5, panel="d", condition=at[0], x=at[1]) for at in places}
    favour = ("common rewarded", "uncommon unrewarded")
    signs = {at: (1 if at[0] in favour else -1) / len(places) for at in places}
    contrast = Quantity.signed(
        "weights: trials that speak for their choice less those against it", weighted(signs, wide),
        *sum_of(signs, paper), Several.of_contrast(signs, dots), animal=weighted(signs, rats),
    )  # fmt: skip
    curve = Curve("weights of all trials back", wide[places].to_numpy(), np.array([paper[at].value for at in places]))
    each: list[Quantity | Curve] = []
    for at in places:
        name, basis = f"weight of {at[0]}, lag {at[1]}", Several.of(dots[at])
        each.append(Quantity.signed(name, wide[at], *paper[at], basis, animal=rats[at]))
    return [contrast, curve, *each]


SIMULATION = Simulation(
    name="two_step",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 20, "test_episodes": 20, "analysed_episodes": 10},
    tasks=lambda config: {PUBLISHED: make_task(config)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
    stationary=stationary,
)
