"""Simulation 2: the learned algorithm adapts its learning rate to volatility (Fig. 3)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge, Le

from pfc_metarl.agents.playing import lead
from pfc_metarl.agents.volatility import FixedRate, beliefs, choose_best
from pfc_metarl.analysis import volatility_coding as coding
from pfc_metarl.analysis.blocks import BLOCKS, ORDERS, UNTIED, block_learning_rates, earnings, named_blocks
from pfc_metarl.analysis.learning_rates import half_means, learning_rates
from pfc_metarl.comparison import Curve, Part, Quantity, Several, Single, compare, weighted
from pfc_metarl.config import ANALYSED, TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.led import watch
from pfc_metarl.networks import make_agent
from pfc_metarl.published import Number, published, published_dots, published_number, published_value, sum_of
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.task import LEFT, RIGHT
from pfc_metarl.tasks.volatility import LOW_FIRST, Process, Schedule, Volatility
from pfc_metarl.trials import NETWORKS, OBSERVER, SUBJECT, UNTRAINED

TIED = "tied"
"""The condition of training as published: reward probabilities tied to volatility; the control is "untied"."""
GROUPS = {TIED: NETWORKS, "untied": UNTIED}
"""Training conditions, and what their networks are called in the tables."""
CONTROL_RATES, CONTROL_BETA = (0.1, 0.3, 0.5), 10.0
"""Learning rates and inverse temperature (per hundred points) of the fixed-rate agents (our choice)."""


@dataclass(frozen=True)
class VolatilityConfig(Config):
    """Methods, "Simulation 2"."""

    trials: Annotated[int, Ge(40)] = 200
    """Trials per episode, each one time step (P)."""
    episodes: Count = 40_000
    """Training episodes per network (P)."""
    learning_rate: Positive = 5e-5
    """Learning rate at the start (P: 5e-5)."""
    discount: Probability = 0.1
    """Discount factor gamma (P: 0.1)."""
    entropy_cost: NotNegative = 1.0
    """Weight of the policy's entropy at the start (P: 1)."""
    entropy_cost_end: Annotated[float | None, Ge(0)] = 0.0
    """Entropy cost at the end, reached linearly (P: 0)."""
    reward_scale: Positive = 0.01
    """Of reward and observed magnitudes (our choice: 0 to 1; an entropy cost of 1 suits rewards of that order)."""
    high_volatility: Probability = 0.2
    """v in volatile phases of the training process; in stable ones it is 0 (P)."""
    worse_stable: Probability = 0.25
    """Reward probability of the worse arm in stable phases, in training and test (P)."""
    worse_volatile: Probability = 0.0
    """The same in volatile phases of training (P)."""
    log_k_low: Annotated[float, Le(0)] = -4.5
    """log k, k the chance per trial that v changes, is uniform from here (P) ..."""
    log_k_high: Annotated[float, Le(0)] = -3.5
    """... to here (P)."""
    worse_untied: Probability = 0.2
    """Reward probability of the worse arm in the control process, at either v (our choice; P does not say)."""
    test_worse_volatile: Annotated[Probability, TESTED] = 0.2
    """Reward probability of the worse arm in the volatile half of a test episode (P)."""
    switch_every: Annotated[Count, TESTED] = 25
    """Trials between switches there (P)."""
    test_episodes: Annotated[int, Ge(20), TESTED] = 400
    """Test episodes per network, weights frozen, half of them of either order (P)."""
    window: Annotated[Count, ANALYSED] = 10
    """Trials of the sliding window in which learning rates are fitted (P)."""
    control_training: bool = True
    """Train a second set of networks on the control process, whose reward probabilities are not tied to v (P)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("trials", self.trials % 2 == 0, "even")
        self.require("test_episodes", self.test_episodes % 2 == 0, "even")
        self.require("log_k_high", self.log_k_low <= self.log_k_high, "at least log_k_low")
        for name in ("switch_every", "window"):
            self.require(name, getattr(self, name) <= self.trials // 2, "at most half of trials")


PRESETS = {
    # departures from the paper: 16 episodes per update and network, a learning rate to match that falls to 0, fewer
    # episodes, and an entropy cost that starts at .05, the other simulations' value (from 1, most of so short a
    # training is spent at random). Chosen on reward per trial at the end of training alone (2 networks): .352
    # with an entropy cost from 1, .368 from .2, .370 from .1, .371 from .05; the ideal observer earns .373
    "fast": VolatilityConfig(
        preset="fast",
        episodes=16_000,
        episodes_per_update=16,
        learning_rate=0.01,
        learning_rate_end=0.0,
        entropy_cost=0.05,
    ),
    "paper": VolatilityConfig(preset="paper"),
}


def process(config: VolatilityConfig) -> Process:
    """The published training process, with the config's numbers."""
    return Process(**{name: getattr(config, name) for name in Process._fields})


def tasks(config: VolatilityConfig) -> dict[str, Volatility]:
    """The published training process, and the control: reward probabilities that are not tied to v.

    The paper mentions a training on the process of Behrens et al. 2007 without giving it; ours keeps v and k, and
    the worse arm pays with the same probability at either v, that of the test's volatile half.
    """
    tied = process(config)
    untied = tied._replace(worse_stable=config.worse_untied, worse_volatile=config.worse_untied)
    courses = {TIED: tied, "untied": untied} if config.control_training else {TIED: tied}
    return {name: Volatility(config.trials, course, config.reward_scale) for name, course in courses.items()}


def test(config: VolatilityConfig, networks: Networks) -> Tested:
    """Let all networks play the test episodes of both orders, weights frozen, actions sampled.

    Returns:
        The trial table (columns as in `Volatility`, and order; sessions of the second order count on from those of
        the first), and arrays (network, episode, trial, unit) of the networks trained as published: hidden; and
        untrained, of the same networks before training that see the very same (the control for what is read out).
    """
    half, tables, hidden, untrained = config.test_episodes // 2, [], [], []
    for condition, network in networks.items():
        for index, order in enumerate(ORDERS):
            schedule = Schedule(order, config.worse_stable, config.test_worse_volatile, config.switch_every)
            task = Volatility(config.trials, schedule, config.reward_scale)
            played = play(network, task, generators(TEST, config.seeds, index), half)
            table = played.table(GROUPS[condition]).assign(order=order)
            tables.append(table.assign(session=table["session"] + index * half))
            if condition == TIED:
                hidden.append(by_episode(played.activity))
                untrained.append(by_episode(watch(make_agent(config, task, config.seeds), played)))
    trials = pd.concat(tables).sort_values(["group", "subject", "session", "trial"], ignore_index=True)
    states = {"hidden": np.concatenate(hidden, axis=1), "untrained": np.concatenate(untrained, axis=1)}
    return Tested(trials.astype({"group": "category", "order": "category"}), states)


def analyse(config: VolatilityConfig, tested: Tested) -> Tables:
    """All tables of Figure 3 and Supplementary Figure 5."""
    trials = tested.trials.astype({"group": str, "order": str})
    own = trials[trials["group"] == NETWORKS]
    believed = beliefs(_by_network(config, own, "good_arm").transpose(2, 0, 1), process(config))
    p_left, volatility = (belief.transpose(1, 2, 0) for belief in believed)  # (network, episode, trial)
    choice = choose_best(p_left.reshape(-1), own["magnitude_left"].to_numpy(), own["magnitude_right"].to_numpy())
    everyone = pd.concat([trials, own.assign(group=OBSERVER, choice=choice)], ignore_index=True).drop(columns="reward")
    told = behaviour(config, everyone)
    states = {NETWORKS: tested.arrays["hidden"], UNTRAINED: tested.arrays["untrained"]}
    decoded, decoding = coding.decode_networks(states, volatility, config.seeds)
    columns = [_by_network(config, own, name) for name in ("volatile", "reward", "choice", "p_left")]
    first = everyone[(everyone["subject"] == config.first_seed) & (everyone["order"] == LOW_FIRST)]
    return {
        **told,
        "learning_rate_control": learning_rate_control(config, own),
        "volatility_decoding": decoding,
        "volatility_traces": coding.mean_traces(own, volatility, decoded[NETWORKS]),
        "sample_episode": coding.sample_episode(first, {OBSERVER: volatility[0], NETWORKS: decoded[NETWORKS][0]}),
        **coding.volatility_units(states, columns, config.seeds),
        "volatility_units_by_covariates": coding.units_by_covariates(states, columns, config.seeds),
    }


def behaviour(config: VolatilityConfig, trials: pd.DataFrame) -> Tables:
    """Learning rates and earnings, of whoever behaves; by block, where the table tells which were volatile."""
    order = ["order"] * ("order" in trials)
    rates = learning_rates(trials, config.window, by=[*SUBJECT, *order])
    tables = {"learning_rates": rates, "earnings": earnings(trials)}
    if order and "volatile" in trials:
        tables["block_learning_rates"] = block_learning_rates(trials, rates)
    return tables


def _by_network(config: VolatilityConfig, trials: pd.DataFrame, column: str) -> np.ndarray:
    """A column of the networks' trial table as (network, episode, trial)."""
    return trials[column].to_numpy().reshape(config.networks, config.test_episodes, config.trials)


def learning_rate_control(config: VolatilityConfig, trials: pd.DataFrame) -> pd.DataFrame:
    """The same procedure on agents of fixed learning rate that choose for themselves in the first network's episodes.

    Returns:
        Table: true_alpha, order, block, alpha (mean over windows), sd (over windows).
    """
    own = trials[trials["subject"] == config.first_seed].drop(columns="reward").reset_index(drop=True)
    rng = generator(REFERENCE, config.first_seed, 0, 0)
    tables = []
    for alpha in CONTROL_RATES:
        agent = FixedRate(learning_rate=alpha, inverse_temperature=CONTROL_BETA)
        p_of_choice = lead(agent, own)
        p_left = p_of_choice.where(own["choice"] == LEFT, 1 - p_of_choice)
        choice = np.where(rng.random(len(own)) < p_left, LEFT, RIGHT)
        fitted = learning_rates(own.assign(choice=choice), config.window).assign(true_alpha=alpha)
        tables.append(half_means(fitted, ["true_alpha", "order"], config.trials // 2))
    return named_blocks(pd.concat(tables))


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 3 and Supplementary Figure 5."""
    blocks = tables["block_learning_rates"]
    quantities = rate_quantities(blocks, NETWORKS, "d") + rate_quantities(blocks, OBSERVER, "a")
    quantities += whole_block_quantities(blocks)
    quantities += [course(tables["learning_rates"], NETWORKS, "b"), course(tables["learning_rates"], OBSERVER, "a")]
    units = tables["volatility_units"]
    share, untrained = (units.loc[units["group"] == group, "share"].to_numpy() for group in (NETWORKS, UNTRAINED))
    name = "share of units coding volatility"
    paper = published_number(3, condition=name)
    spread = Several(S_E_M * np.sqrt(8), 8)
    quantities.append(Quantity.ordered(name, share, *paper, spread, "> untrained networks", untrained))
    quantities += units_quantities(tables["volatility_units_by_covariates"])
    decoding = tables["volatility_decoding"]
    r2, chance = (decoding.loc[decoding["group"] == group, "r2"].to_numpy() for group in (NETWORKS, UNTRAINED))
    name = "volatility, decoded from the state: r2"
    quantities.append(Quantity.ordered(name, r2, np.nan, 0.0, Single(), "> untrained networks", chance))
    earned = tables["earnings"].pivot(index="subject", columns="group", values="points")
    share = (earned[NETWORKS] / earned[OBSERVER]).to_numpy()
    return compare([*quantities, Quantity.learned("points, as a share of the ideal observer's", share, "> .9", 0.9)])


def units_quantities(units: pd.DataFrame) -> list[Quantity | Curve]:
    """Share of units by covariates, of the networks and untrained; and what slow activity does not give of it."""
    spread, paper = Several(S_E_M * np.sqrt(8), 8), published_number(3, condition="share of units coding volatility")
    quantities: list[Quantity | Curve] = []
    units = units.assign(beyond=units["share"] - units["share_shifted"])
    measures = {"beyond": "less that of a shifted one", "share_of_one_sign": "of one sign"}
    wide = units.pivot(index="subject", columns=["covariates", "group"], values=["share", *measures])
    for name in coding.COVARIATES:
        own, before = (wide["share", name, group].to_numpy() for group in (NETWORKS, UNTRAINED))
        words, order = f"share of units coding volatility, {name}", "> untrained networks"
        none = (np.nan, 0.0, Single())
        if name == "all covariates":  # as in the paper, and above
            quantities.append(Quantity.ordered(f"{words}, untrained networks", before, *none, "< networks", own))
        else:
            quantities.append(Quantity.ordered(words, own, *paper, spread, order, before))
        for measure, told in measures.items():
            own, before = (wide[measure, name, group].to_numpy() for group in (NETWORKS, UNTRAINED))
            quantities.append(Quantity.ordered(f"{words}, {told}", own, *none, order, before))
    return quantities


def whole_block_quantities(blocks: pd.DataFrame) -> list[Quantity | Curve]:
    """The bars of Figure 3d by another definition: one fit to the whole block, in place of the mean over windows."""
    own = blocks[blocks["group"] == NETWORKS].drop(columns="alpha").rename(columns={"whole": "alpha"})
    told = rate_quantities(own, NETWORKS, "d")
    return [q._replace(name=f"{q.name}, fitted to whole blocks", short="") for q in told]  # type: ignore[arg-type]


S_E_M = 0.01
"""Of the published share of units (Results: 37 +- 1 %)."""


def course(rates: pd.DataFrame, group: str, panel: str) -> Curve:
    """All windows of the episodes that begin stable (one episode is shown in the paper; the mean over ours)."""
    own = rates[(rates["group"] == group) & (rates["order"] == LOW_FIRST)]
    wide = own.pivot(index="subject", columns="first", values="alpha")
    paper = published(3, panel=panel, condition="learning rate").set_index("x")["value"]
    windows = [window for window in paper.index if window in wide]
    return Curve(f"learning rate of the {group}, all windows", wide[windows].to_numpy(), paper[windows].to_numpy())


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What of `behaviour` is compared, of each group in the table but the observer."""
    if "block_learning_rates" not in tables:
        return []
    blocks = tables["block_learning_rates"]
    return [q for group in blocks["group"].unique() if group != OBSERVER for q in rate_quantities(blocks, group, "d")]


def rate_quantities(blocks: pd.DataFrame, group: str, panel: str) -> list[Quantity | Curve]:
    """Learning rates of a group in each block, beside those of a panel of Figure 3; and two differences of them."""
    quantities: list[Quantity | Curve] = []
    ours = blocks[blocks["group"] == group].pivot(index="subject", columns="block", values="alpha")
    names = list(ours.columns if panel == "d" else BLOCKS[LOW_FIRST])
    humans = {block: published_value(3, panel="c", series="humans", condition=block) for block in names}
    paper = {block: published_rate(panel, block) for block in names}
    contrasts = {"volatile less stable": {b: (2 if "volatile" in b else -2) / len(names) for b in names}}
    if {"volatile 1", "volatile 2"} <= set(names):
        contrasts["volatile 2 less volatile 1"] = {"volatile 2": 1, "volatile 1": -1}
    for words, weights in contrasts.items():
        name, told = f"learning rate of the {group}, {words}", sum_of(weights, paper)
        more = {"animal": weighted(weights, humans)} if panel == "d" else {}
        own = weighted(weights, ours)
        quantities.append(Quantity.signed(name, own, *told, Part(told.value), **more))
    for block in names:
        partner = block.replace("stable", "volatile") if "stable" in block else block.replace("volatile", "stable")
        order = f"{'>' if 'volatile' in block else '<'} {partner}"
        more = {"animal": humans[block], "short": block} if panel == "d" else {}
        basis = Several.of(published_dots(3, panel="d", condition=block)) if panel == "d" else Single()
        name, own = f"learning rate of the {group}, {block}", ours[block]
        quantities.append(Quantity.ordered(name, own, *paper[block], basis, order, ours[partner], **more))
    return quantities


def published_rate(panel: str, block: str) -> Number:
    """The paper's learning rate: bars of panel d; the observer's as the mean of panel a's windows inside the block."""
    if panel == "d":
        return published_number(3, panel="d", condition=block)
    curve = published(3, panel="a", condition="learning rate")
    inside = curve["x"] <= 91 if block == "stable 1" else curve["x"] >= 101
    return Number(float(curve.loc[inside, "value"].mean()), float(curve["reading_error"].max()))


SIMULATION = Simulation(
    name="volatility",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "test_episodes": 20},
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
)
