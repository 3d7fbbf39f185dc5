"""Restless bandits, whose arms change slowly or fast: networks adjust their learning rate (Wang et al. 2016)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.lapsing import models
from pfc_metarl.agents.likelihood import ModelAgent
from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.restless_bandit import UCB, Optimum, Thompson
from pfc_metarl.analysis.restless import fit_blocks, regret_by_trial
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import ANALYSED, TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published_number
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.restless_bandit import RestlessBandit
from pfc_metarl.trials import NETWORKS, trained_on

PUBLICATION, RESCORLA_WAGNER = "Wang 2016", "Rescorla-Wagner"
MIXED, LOW, HIGH = "mixed", "low", "high"
VOLATILE = {MIXED: 0.5, LOW: 0.0, HIGH: 1.0}
"""Share of episodes of high volatility, by training; the first is the published one."""
OTHER = {LOW: HIGH, HIGH: LOW}


@dataclass(frozen=True)
class RestlessBanditsConfig(Config):
    """Wang et al. 2016 ("A"), section 3.1.4; settings of learning are A's of `bandits` (the text tells no others)."""

    trials: Count = 100
    """Trials per episode (A: 100)."""
    low_step: Probability = 0.02
    """S.d. of a step of p in episodes of low volatility (our choice, as the next)."""
    high_step: Probability = 0.2
    """And of high volatility: with these .5 is the best fixed learning rate, and 1 the best chi of UCB, as in A."""
    episodes: Count = 20_000
    """Training episodes per network (our choice: as many as A has where arms do not change)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (as in `bandits`)."""
    discount: Probability = 0.8
    """Discount factor gamma (as in `bandits`)."""
    entropy_cost: NotNegative = 1.0
    """Weight of the policy's entropy at the start (as in `bandits`)."""
    entropy_cost_end: Annotated[float | None, Ge(0)] = 0.0
    """Entropy cost at the end, reached linearly (as in `bandits`)."""
    test_episodes: Annotated[Count, TESTED] = 300
    """Test episodes per network, half of either volatility, weights frozen (A, of arms that do not change: 300)."""
    block: Annotated[Count, ANALYSED] = 10
    """Episodes of one volatility to which learning rates are fitted together (A: 10)."""
    inverse_temperature: Annotated[NotNegative, ANALYSED] = 10.0
    """Beta of the Rescorla-Wagner agent (our choice: near its best)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("high_step", self.high_step > self.low_step, "greater than low_step")
        self.require("test_episodes", self.test_episodes % 2 == 0, "even")
        self.require("block", self.block <= self.test_episodes // 2, "at most half of test_episodes")


def tasks(config: RestlessBanditsConfig) -> dict[str, RestlessBandit]:
    """A task for each training."""
    numbers = config.trials, config.low_step, config.high_step
    return {name: RestlessBandit(*numbers, share) for name, share in VOLATILE.items()}


def test(config: RestlessBanditsConfig, networks: Networks) -> Tested:
    """Every set of networks plays both volatilities with frozen weights.

    Returns:
        The trial table (columns as in `RestlessBandit`, and condition: low or high) of those that were trained on both;
        arrays: regret (training, test, network, episode), trainings as in `VOLATILE`, tests as in `OTHER`.
    """
    trials, regret = [], []
    for training, network in progress(networks.items(), "playing"):
        for index, name in enumerate(OTHER):
            rngs = generators(TEST, config.seeds, index)
            played = play(network, tasks(config)[name], rngs, config.test_episodes // 2)
            regret.append(played.field("regret").sum(-1))
            if training == MIXED:
                trials.append(played.table(trained_on(training)).assign(condition=name))
    shape = len(networks), len(OTHER), *regret[0].shape
    return Tested(pd.concat(trials, ignore_index=True), {"regret": np.stack(regret).reshape(shape)})


def fixed_rate() -> Number:
    """The learning rate of Rescorla-Wagner where it is not fitted: the published one that is best."""
    return published_number(PUBLICATION, series=RESCORLA_WAGNER, condition="best fixed learning rate")


def known_agents(config: RestlessBanditsConfig) -> dict[str, ReferenceAgent]:
    """Known algorithms and the optimum of each training, by name. Thompson sampling believes in steps between the two
    sizes (our choice: their geometric mean, near its best)."""
    rate = fixed_rate().value
    agents: dict[str, ReferenceAgent] = {
        "UCB": UCB(chi=1.0),
        "Thompson": Thompson(np.sqrt(config.low_step * config.high_step)),
        RESCORLA_WAGNER: ModelAgent(models(rate)["b"], np.array([config.inverse_temperature]), "restless_bandit"),
    }
    for training, share in VOLATILE.items():
        agents[f"{OPTIMUM}, {training}"] = Optimum([config.low_step, config.high_step], [1 - share, share])
    return agents


def analyse(config: RestlessBanditsConfig, tested: Tested) -> Tables:
    """Tables `regrets` (group, test, subject, regret), `regret_by_trial` and `learning_rates` (see
    `pfc_metarl.analysis.restless`). Known algorithms play the same episodes as the networks do."""
    played = {trained_on(MIXED): tested.trials}
    for group, agent in progress(known_agents(config).items(), "known algorithms"):
        played[group] = known(config, agent, group)
    curves = pd.concat([regret_by_trial(trials) for trials in played.values()], ignore_index=True)
    index = [list(map(trained_on, VOLATILE)), list(OTHER), config.seeds]
    means = pd.DataFrame({"regret": tested.arrays["regret"].mean(-1).reshape(-1)})
    means.index = pd.MultiIndex.from_product(index, names=["group", "condition", "subject"])
    last = curves[(curves["trial"] == config.trials) & (curves["group"] != trained_on(MIXED))]
    to_fit = pd.concat([played[group] for group in (trained_on(MIXED), RESCORLA_WAGNER)], ignore_index=True)
    return {
        "regrets": pd.concat([means.reset_index(), last.drop(columns="trial")], ignore_index=True),
        "regret_by_trial": curves,
        "learning_rates": fit_blocks(to_fit, models(fixed_rate().value), config.block),
    }


def known(config: RestlessBanditsConfig, agent: ReferenceAgent, group: str) -> pd.DataFrame:
    """What a known algorithm does in the networks' episodes: a trial table as that of `test`."""
    tables = []
    for index, name in enumerate(OTHER):
        for subject, rng in zip(config.seeds, generators(TEST, config.seeds, index)):
            played = play_agent(agent, tasks(config)[name], rng, config.test_episodes // 2, group)
            tables.append(played.assign(subject=subject, condition=name))
    return pd.concat(tables, ignore_index=True)


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """What is said in words; the fit must recover the learning rate with which Rescorla-Wagner plays."""
    trials = tables["regret_by_trial"]["trial"].max()
    quantities = regret_quantities(tables["regrets"]) + learning_quantities(tables["learning_rates"])
    mixed = tables["regrets"].query("group == @trained_on(@MIXED)").groupby("subject")["regret"].mean().to_numpy()
    half = trials / 4 / 2  # p is uniform at all times: a random choice costs 1/4
    what = "regret less than half a random player's"
    return compare([*quantities, Quantity.learned(what, mixed, f"< {half:g}", half)])


def regret_quantities(regrets: pd.DataFrame) -> list[Quantity | Curve]:
    """Of networks that were trained on both: less than that of any known algorithm, in the mean of both volatilities.
    Of those that were trained on one: less there than of those that were trained on the other. Optima are the least."""
    both = regrets.groupby(["group", "subject"])["regret"].mean()
    each = regrets.set_index(["group", "condition"])["regret"]
    none, quantities, own = (np.nan, 0.0, Single()), [], both[trained_on(MIXED)].to_numpy()
    for other in ("Thompson", "UCB", RESCORLA_WAGNER):
        what = f"regret, {NETWORKS}, beside {other}"
        quantities.append(Quantity.ordered(what, own, *none, f"< {other}", both[other].mean()))
    best = both[f"{OPTIMUM}, {MIXED}"].to_numpy()
    quantities.append(Quantity.ordered(f"regret, {OPTIMUM}", best, *none, f"< {NETWORKS}", own))
    for name, other in OTHER.items():
        own, than = (each[trained_on(training), name].to_numpy() for training in (name, other))
        what, rule = f"regret in {name} volatility, ", f"< {trained_on(other)}"
        quantities.append(Quantity.ordered(what + trained_on(name), own, *none, rule, than))
        best = each[f"{OPTIMUM}, {name}", name].to_numpy()
        quantities.append(Quantity.ordered(what + OPTIMUM, best, *none, f"< {trained_on(name)}", own))
    return list(quantities)


def learning_quantities(fits: pd.DataFrame) -> list[Quantity | Curve]:
    """Networks' learning rates are higher where volatility is high, and models that let them differ are better; those
    of Rescorla-Wagner's own choices are recovered, and such models no better."""
    none = (np.nan, 0.0, Single())
    rates = fits[fits["model"] == "abe"].groupby(["group", "subject", "condition"])["learning_rate"].mean().unstack()
    bic = fits.groupby(["group", "subject", "model"])["bic"].sum().unstack()
    quantities: list[Quantity | Curve] = []
    change = {group: (rates[HIGH] - rates[LOW])[group].to_numpy() for group in (trained_on(MIXED), RESCORLA_WAGNER)}
    networks, control = change.values()
    what = "learning rate, high less low volatility, "
    quantities.append(Quantity.ordered(what + NETWORKS, networks, *none, "> 0", 0.0))
    quantities.append(Quantity.ordered(what + RESCORLA_WAGNER, control, *none, f"< {NETWORKS}", networks.mean()))
    off = (rates.mean(axis=1)[RESCORLA_WAGNER] - fixed_rate().value).abs().to_numpy()
    what = f"learning rate, {RESCORLA_WAGNER}, off the {fixed_rate().value:g} with which it plays"
    quantities.append(Quantity.ordered(what, off, *none, "< 0.05", 0.05))
    for group, rule in ((trained_on(MIXED), "< 0"), (RESCORLA_WAGNER, "> 0")):
        for more, less in (("ab", "b"), ("abe", "be")):
            own = (bic[more] - bic[less])[group].to_numpy()
            who = NETWORKS if rule == "< 0" else group
            quantities.append(Quantity.ordered(f"BIC of model {more} less {less}, {who}", own, *none, rule, 0.0))
    return quantities


PRESETS = {
    # departures from the publication: 16 episodes per update and network, a learning rate to match that falls to 0,
    # fewer episodes, and an entropy cost that starts lower (with 1, most of so short a training is spent at random)
    "fast": RestlessBanditsConfig(
        preset="fast",
        episodes=9_600,
        episodes_per_update=16,
        learning_rate=0.006,
        learning_rate_end=0.0,
        entropy_cost=0.2,
    ),
    "paper": RestlessBanditsConfig(preset="paper"),
}

SIMULATION = Simulation(
    name="restless_bandits",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 20, "test_episodes": 20, "block": 5},
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
