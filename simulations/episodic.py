"""An episodic memory from which the network's state is reinstated, in tasks whose contexts come again."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd

from pfc_metarl.agents.episodic import (
    FORGETS,
    MOST_ARMS,
    PLANNER,
    REMEMBERS,
    SHARES_OUT,
    ContextBayes,
    RecallingPlanner,
    SharedContextBayes,
)
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.recall import KINDS, by_meeting, cued_stay, first_pulls
from pfc_metarl.comparison import Curve, Part, Quantity, Single, compare, weighted
from pfc_metarl.config import TESTED, Config, Count, Probability
from pfc_metarl.networks.episodic import EpisodicNetwork
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published_number, sum_of
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks import BarcodeBandit, EpisodicTwoStep
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import SUBJECT

METHODS = {"episodic": "episodic", "LSTM": "prefrontal"}
"""And the agents that they are."""
BANDIT, TWO_STEP = "bandit", "two-step"
FIELDS = {BANDIT: ("choice", "reward", "met", "pull", "good_arm"), TWO_STEP: ("choice", "reward", "common", "source")}
"""Of the records, that analyses need."""
PLANNED = 2_000
"""Episodes of the planner's."""
PUBLICATION = "Ritter 2018"
"""Name of the published numbers (data/related.csv)."""
INTERACTION = {(1, 1): 1.0, (1, 0): -1.0, (0, 1): -1.0, (0, 0): 1.0}
"""Of reward and transition, (rewarded, common): the mark of model-based choices."""


@dataclass(frozen=True)
class EpisodicConfig(Config):
    """Ritter et al. 2018 ("R", as others quote it), and the public replication of its two-step task ("B")."""

    arms: Count = 10
    """Arms of the bandit, and contexts of an epoch (R: 10)."""
    pulls: Count = 10
    """Pulls of an episode within the epoch (R: 10)."""
    meetings: Count = 10
    """Episodes of an epoch with each context (R: 10)."""
    high: Probability = 0.9
    """Probability with which a context's good arm pays (R: .9)."""
    low: Probability = 0.1
    """Probability with which the other arms pay (R: .1)."""
    unroll: Count = 10
    """Episodes within the epoch after which weights are updated; such a stretch is an "episode" of training (our
    choice: it is not known)."""
    two_step_trials: Count = 100
    """Trials of the two-step task, in quarters (B: 100)."""
    common_probability: Probability = 0.9
    """Of its common transition (B: .9)."""
    reward_high: Probability = 0.9
    """Of reward in its better state (B: .9)."""
    reward_low: Probability = 0.1
    """Of reward in its worse state (B: .1)."""
    switch_probability: Probability = 0.1
    """Chance per trial that the states swap (B: .1)."""
    two_step_episodes: Count = 10_000
    """Training episodes on the two-step task (B: 10,000; those on the bandit: --episodes)."""
    test_episodes: Annotated[Count, TESTED] = 20
    """Epochs of the bandit that each network is tested in, weights frozen; ten times as many episodes of the two-step
    task (B: 500)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_once = self.episodes_per_update
        self.require("two_step_episodes", self.two_step_episodes % at_once == 0, "a multiple of episodes_per_update")
        self.require("reward_low", self.reward_low <= self.reward_high, f"at most reward_high ({self.reward_high})")
        self.require("low", 0 < self.low < self.high < 1, f"between 0 and high ({self.high}), which is to be below 1")

    def problems(self, unroll: int = 0) -> dict[str, Task]:
        """By name; unroll: in stretches for training."""
        chances = (self.common_probability, self.reward_high, self.reward_low, self.switch_probability)
        return {
            BANDIT: BarcodeBandit(self.arms, self.pulls, self.meetings, self.high, self.low, unroll),
            TWO_STEP: EpisodicTwoStep(self.two_step_trials, *chances),
        }

    def for_condition(self, condition: str) -> Config:
        """The method's agent; as many episodes as the problem takes."""
        method, problem = condition.split(": ")
        episodes = self.episodes if problem == BANDIT else self.two_step_episodes
        return replace(self, agent=METHODS[method], episodes=episodes)


def tasks(config: EpisodicConfig) -> dict[str, Task]:
    """Both networks on both problems.

    Raises:
        ConfigError: other networks are asked for.
    """
    config.require(
        "agent", config.agent == "prefrontal", f"prefrontal (here {', '.join(METHODS.values())} are trained)"
    )
    problems = config.problems(config.unroll)
    return {f"{method}: {problem}": task for problem, task in problems.items() for method in METHODS}


def test(config: EpisodicConfig, networks: Networks) -> Tested:
    """Networks play what they were trained on, both kinds of networks the same episodes, from whole epochs.

    Returns:
        The trial table of episodic networks on the bandit; arrays by condition: the fields of `FIELDS` (network,
        episode, trial), and of those networks gate, how open the gates for what is recalled are (mean over units).
    """
    arrays: dict[str, np.ndarray] = {}
    trials = pd.DataFrame()
    for condition, network in progress(networks.items(), "playing"):
        problem = condition.split(": ")[1]
        index = list(FIELDS).index(problem)
        rngs = generators(TEST, config.seeds, index)
        played = play(network, config.problems()[problem], rngs, number(config, problem))
        arrays |= {f"{name}, {condition}": played.field(name) for name in FIELDS[problem]}
        if problem == BANDIT and isinstance(network, EpisodicNetwork):
            arrays[f"gate, {condition}"] = by_episode(network.reinstatement(played.seen, played.start))
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


def number(config: EpisodicConfig, problem: str) -> int:
    """Test episodes of a problem."""
    return config.test_episodes * (10 if problem == TWO_STEP else 1)


def analyse(config: EpisodicConfig, tested: Tested) -> Tables:
    """Tables, whose groups are both kinds of networks and known agents.

    Of the bandit `by_meeting`, `first_pulls`, `gates` and `bounds` (see there); of the two-step task `stay`
    (see `cued_stay`) and `rewards` (group, subject, cued, reward).
    """
    bandit = pd.concat([*of_networks(config, tested, BANDIT), *bayesian_learners(config)], ignore_index=True)
    two_step = pd.concat([*of_networks(config, tested, TWO_STEP), planner(config)], ignore_index=True)
    earned = two_step.assign(cued=two_step["source"] > 0, reward=two_step["reward"].astype(float))
    return {
        "by_meeting": by_meeting(bandit),
        "first_pulls": first_pulls(bandit),
        "gates": gates(config, tested),
        "bounds": bounds(config),
        "stay": cued_stay(two_step),
        "rewards": earned.groupby([*SUBJECT, "cued"])["reward"].mean().reset_index(),
    }


def of_networks(config: EpisodicConfig, tested: Tested, problem: str) -> list[pd.DataFrame]:
    """The trials of networks on a problem, for each method."""
    parts = []
    for method in METHODS:
        own = {name: tested.arrays[f"{name}, {method}: {problem}"] for name in FIELDS[problem]}
        networks, episodes, trials = next(iter(own.values())).shape
        subject = np.repeat(config.seeds, episodes * trials)
        session = np.tile(np.repeat(np.arange(episodes) + 1, trials), networks)
        told = {"group": method, "subject": subject, "session": session}
        parts.append(pd.DataFrame({**told, **{name: values.reshape(-1) for name, values in own.items()}}))
    return parts


def bayesian_learners(config: EpisodicConfig) -> list[pd.DataFrame]:
    """The trials of Bayesian learners on the bandit, as many of them as there are networks."""
    chances = (config.arms, config.high, config.low)
    agents = {REMEMBERS: ContextBayes(*chances), FORGETS: ContextBayes(*chances, remembers=False)}
    if config.arms <= MOST_ARMS:
        agents[SHARES_OUT] = SharedContextBayes(*chances)
    parts = []
    for index, (group, agent) in enumerate(agents.items()):
        for seed in config.seeds:
            rng = generator(REFERENCE, seed, index, 0)
            own = play_agent(agent, config.problems()[BANDIT], rng, number(config, BANDIT), group)
            parts.append(own.assign(subject=seed)[[*SUBJECT, "session", *FIELDS[BANDIT]]])
    return parts


def bounds(config: EpisodicConfig) -> pd.DataFrame:
    """Reward per episode of the bandit: chance (of random pulls), most (of who always pulls the good arm)."""
    chance = (config.high + (config.arms - 1) * config.low) / config.arms
    return config.pulls * pd.DataFrame({"chance": [chance], "most": [config.high]})


def planner(config: EpisodicConfig) -> pd.DataFrame:
    """The trials of the planner that remembers, which chooses what it believes to be best; subject 0."""
    chances = (config.common_probability, config.reward_high, config.reward_low, config.switch_probability)
    agent, rng = RecallingPlanner(*chances, inverse_temperature=1e6), generator(REFERENCE, config.first_seed, 2, 1)
    played = play_agent(agent, config.problems()[TWO_STEP], rng, PLANNED, PLANNER)
    return played.assign(subject=0)[[*SUBJECT, "session", *FIELDS[TWO_STEP]]]


def gates(config: EpisodicConfig, tested: Tested) -> pd.DataFrame:
    """Of episodic networks in contexts that were met before, by whether the good arm is pulled: subject, pull, correct
    (0 or 1), gate (mean), n (pulls)."""
    own = of_networks(config, tested, BANDIT)[0]
    correct = (own["choice"] == own["good_arm"]).astype(int)
    told = own.assign(gate=tested.arrays[f"gate, episodic: {BANDIT}"].reshape(-1), correct=correct)
    by = told[told["met"] > 1].groupby(["subject", "pull", "correct"])["gate"]
    return by.agg(gate="mean", n="size").reset_index()


def gates_compared(gates: pd.DataFrame) -> dict[str, np.ndarray]:
    """Gates at correct pulls less those at wrong ones, of each network: at first pulls, at which units have seen
    nothing but the barcode; at all pulls, of which correct ones are later ones, too; and at later pulls of the same
    number, the mean over these."""
    of_all = gates.assign(gate=gates["gate"] * gates["n"]).groupby(["subject", "correct"])[["gate", "n"]].sum()
    kinds = {
        "first pulls": gates[gates["pull"] == 1],
        "all pulls": (of_all["gate"] / of_all["n"]).rename("gate").reset_index().assign(pull=0),
        "pulls alike": gates[gates["pull"] > 1],
    }
    less = {}
    for name, part in kinds.items():
        wide = part.pivot(index=["subject", "pull"], columns="correct", values="gate").reindex(columns=[0, 1])
        less[name] = (wide[1] - wide[0]).groupby("subject").mean().to_numpy()
    return less


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with what is published.

    Of the bandit in words alone: networks with a memory earn more than those without it where a context comes again,
    and their gates are more open where the right arm is pulled (see `gates_compared`). Of the two-step
    task stay probabilities, of which the interaction of reward and transition is compared. A network has learned the
    bandit if it earns more than midway from chance to the Bayesian learner that forgets; the two-step task if it earns
    more than midway from even chance to the planner, where nothing is cued.
    """
    return compare([*of_bandit(tables), *of_two_step(tables)])


def of_bandit(tables: Tables) -> list[Quantity | Curve]:
    """What is compared of the bandit."""
    by = {str(group): own.set_index("subject") for group, own in tables["first_pulls"].groupby("group")}
    quantities: list[Quantity | Curve] = []
    for column, what in (("old", "reward, first pull in an old context"), ("reward", "reward per episode")):
        memory, plain = (by[method][column].to_numpy() for method in METHODS)
        name = f"{what}: episodic"
        quantities.append(Quantity.ordered(name, memory, np.nan, 0.0, Single(), "> LSTM", plain, short=name))
    for pulls, more in gates_compared(tables["gates"]).items():
        name = f"reinstatement gate, correct less wrong, {pulls}"
        quantities.append(Quantity.ordered(name, more, np.nan, 0.0, Single(), "> 0", 0.0, short=name))
    chance, best = tables["bounds"]["chance"].iloc[0], by[FORGETS]["reward"].mean()
    return [*quantities, *learned(BANDIT, {m: by[m]["reward"].to_numpy() for m in METHODS}, chance, best)]


def of_two_step(tables: Tables) -> list[Quantity | Curve]:
    """What is compared of the two-step task."""
    stay = tables["stay"][tables["stay"]["group"] == "episodic"]
    quantities: list[Quantity | Curve] = []
    for kind in KINDS:
        wide = stay[stay["kind"] == kind].pivot(index="subject", columns=["rewarded", "common"], values="stay")
        ours = weighted(INTERACTION, wide.reindex(columns=list(INTERACTION))).to_numpy()
        paper = sum_of(INTERACTION, {at: published_stay(kind, *at) for at in INTERACTION})
        name = f"stay, {kind}: interaction of reward and transition"
        quantities.append(Quantity.signed(name, ours, *paper, Part(paper.value), short=name))
    wide = tables["rewards"].pivot(index="subject", columns=["group", "cued"], values="reward")
    own = {(method, cued): wide[method, cued].dropna().to_numpy() for method in METHODS for cued in (False, True)}
    name = "reward, cued trials: episodic"
    memory, plain = own["episodic", True], own["LSTM", True]
    quantities.append(Quantity.ordered(name, memory, np.nan, 0.0, Single(), "> LSTM", plain, short=name))
    best = wide[PLANNER, False].dropna().iloc[0]
    return [*quantities, *learned(TWO_STEP, {m: own[m, False] for m in METHODS}, 0.5, best)]


def learned(problem: str, rewards: dict[str, np.ndarray], chance: float, best: float) -> list[Quantity]:
    """Whether networks have learned a problem."""
    midway = (chance + best) / 2
    rule = f"> {midway:.3g}, midway from chance"
    return [Quantity.learned(f"reward, {problem}: {method}", own, rule, midway) for method, own in rewards.items()]


def published_stay(kind: str, rewarded: int, common: int) -> Number:
    """A published stay probability."""
    condition = ("unrewarded ", "rewarded ")[rewarded] + ("uncommon", "common")[common]
    return published_number(PUBLICATION, series=kind, condition=condition)


PRESETS = {
    # departures from what is known: 16 episodes (or stretches of 10 inner ones) per update; a learning rate and an
    # entropy cost that fall to 0; returns with lambda .8; smaller input weights at first, for most inputs are barcodes,
    # which tell units nothing by themselves
    "fast": EpisodicConfig(
        preset="fast",
        input_scale=0.3,
        episodes=48_000,
        two_step_episodes=48_000,
        episodes_per_update=16,
        learning_rate=0.02,
        learning_rate_end=0.0,
        trace_decay=0.8,
        state_value_cost=0.5,
        entropy_cost=0.05,
        entropy_cost_end=0.0,
    ),
    # learning is that of Wang et al. 2018, as in B; of R's neither rates, costs and unroll nor the length of training
    # are known to us
    "paper": EpisodicConfig(preset="paper", units=24, episodes=100_000),
}

SIMULATION = Simulation(
    name="episodic",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "units": 8,
        "arms": 3,
        "pulls": 4,
        "meetings": 3,
        "unroll": 9,
        "two_step_trials": 12,
        "episodes": 32,
        "two_step_episodes": 32,
        "episodes_per_update": 4,
        "test_episodes": 4,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
