"""Bandits of many arms, beside the table of Duan et al. 2016 (RL2): networks and known algorithms, by total reward."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.agents.bandits import BanditAgent, Gittins
from pfc_metarl.agents.many_arms import AGENTS, GITTINS, OPTIMUM, PUBLICATION, TUNED, optimal_total_reward
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.progress import progress
from pfc_metarl.published import published, published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.trials import NETWORKS

PUBLISHED_BANDITS = 1_000
"""Each published number is the mean over so many."""
TUNING = len(AGENTS) + 1
"""Index of the random numbers on which known algorithms are tuned: those of none."""
MOST_PULLS = 12
"""For which the exact optimum is computed (seconds; of 100 pulls, years)."""


@dataclass(frozen=True)
class RL2BanditsConfig(Config):
    """Duan et al. 2016 ("D"); they trained 256 gated recurrent units by proximal policy optimisation."""

    bandits: tuple[tuple[int, int], ...] = ((5, 10), (10, 10), (50, 10), (5, 100), (10, 100))
    """Arms and pulls of each bandit, a set of networks for each (D: these, and 10 arms with 500 pulls)."""
    discount: Probability = 0.99
    """Discount factor gamma (D: 0.99)."""
    trace_decay: Probability = 0.3
    """Lambda of the returns (D: 0.3)."""
    entropy_cost: NotNegative = 0.0
    """Weight of the policy's entropy at the start (D: 0)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (D: steps are as large as a bound on the policy's change allows)."""
    test_episodes: Annotated[Count, TESTED] = PUBLISHED_BANDITS
    """Bandits that each network plays, weights frozen, and each known algorithm, as often as there are networks (D)."""
    tuning_episodes: Annotated[Count, Ge(2), TESTED] = 1_000
    """Other bandits, on which what known algorithms leave open is tuned (D: on those that are shown)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = all(len(pair) == 2 and 2 <= pair[0] <= 50 and pair[1] >= 1 for pair in self.bandits)
        self.require("bandits", bool(self.bandits) and sizes, "pairs: 2 to 50 arms, and pulls")
        self.require("bandits", len(set(self.bandits)) == len(self.bandits), "different ones")


def named(arms: int, pulls: int) -> str:
    """A bandit's name in tables."""
    return f"{arms} arms, {pulls} pulls"


def tasks(config: RL2BanditsConfig) -> dict[str, Bandit]:
    """A training task for each bandit."""
    return {named(arms, pulls): Bandit(pulls, arms, "independent") for arms, pulls in config.bandits}


def test(config: RL2BanditsConfig, networks: Networks) -> Tested:
    """Networks play the bandits that they were trained on.

    Returns:
        The trial table of the first bandit's networks (of all, it would be millions of rows); arrays: the rewards of
        each bandit, by its name (network, episode, trial).
    """
    arrays, trials = {}, pd.DataFrame()
    for index, (name, task) in enumerate(progress(tasks(config).items(), "playing")):
        played = play(networks[name], task, generators(TEST, config.seeds, index), config.test_episodes)
        arrays[name] = played.field("reward").astype(np.int8)
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


def analyse(config: RL2BanditsConfig, tested: Tested) -> Tables:
    """Tables: `rewards` (bandit, group, subject, reward in total, sd over bandits; subject 0: exact), `by_trial`
    (bandit, group, subject, trial, reward) and `tuned` (bandit, group, parameter, value)."""
    rewards, by_trial, tuned = [], [], []
    for index, (name, task) in enumerate(progress(tasks(config).items(), "known algorithms")):
        agents, values = known_agents(config, task, index)
        tuned.append(values)
        played = {NETWORKS: tested.arrays[name]}
        for number, (group, agent) in enumerate(agents.items()):
            rngs = generators(REFERENCE, config.seeds, number, index)
            played[group] = np.stack([rewards_of(agent, task, rng, config.test_episodes) for rng in rngs])
        rewards += [total_rewards(config, group, own).assign(bandit=name) for group, own in played.items()]
        by_trial += [mean_by_trial(config, group, own).assign(bandit=name) for group, own in played.items()]
        if task.trials <= MOST_PULLS:
            exact = {"group": OPTIMUM, "subject": 0, "reward": optimal_total_reward(task.actions, task.trials)}
            rewards.append(pd.DataFrame([{**exact, "sd": np.nan, "bandit": name}]))
    tables = {"rewards": rewards, "by_trial": by_trial, "tuned": tuned}
    return {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}


def known_agents(config: RL2BanditsConfig, task: Bandit, index: int) -> tuple[dict[str, BanditAgent], pd.DataFrame]:
    """Known algorithms by name, tuned; and the values that were found best: bandit, group, parameter, value."""
    agents: dict[str, BanditAgent] = {GITTINS: Gittins(task.actions, 1 - 1 / task.trials)}  # its horizon: the episode
    found = []
    for group, kind in AGENTS.items():
        parameter, values = TUNED.get(group, ("", [None]))
        tried = [kind(task.actions, **({parameter: value} if parameter else {})) for value in values]
        rngs = [generator(REFERENCE, config.first_seed, TUNING, index) for _ in tried]  # the same bandits for all
        means = [rewards_of(a, task, r, config.tuning_episodes).mean() for a, r in zip(tried, rngs) if len(tried) > 1]
        best = int(np.argmax(means)) if means else 0
        agents[group] = tried[best]
        if parameter:
            found.append({"bandit": named(task.actions, task.trials), "group": group, "parameter": parameter})
            found[-1]["value"] = values[best]
    return agents, pd.DataFrame(found)


def rewards_of(agent: BanditAgent, task: Bandit, rng: np.random.Generator, episodes: int) -> np.ndarray:
    """What an algorithm earns: (episode, trial)."""
    return play_agent(agent, task, rng, episodes, "")["reward"].to_numpy(np.int8).reshape(episodes, task.trials)


def total_rewards(config: RL2BanditsConfig, group: str, rewards: np.ndarray) -> pd.DataFrame:
    """Of rewards (subject, episode, trial): group, subject, reward (in total, mean over episodes), sd."""
    total = rewards.sum(axis=2)
    told = {"group": group, "subject": config.seeds, "reward": total.mean(axis=1), "sd": total.std(axis=1, ddof=1)}
    return pd.DataFrame(told)


def mean_by_trial(config: RL2BanditsConfig, group: str, rewards: np.ndarray) -> pd.DataFrame:
    """Of rewards (subject, episode, trial): group, subject, trial, reward (mean over episodes)."""
    subject, trial = np.meshgrid(config.seeds, np.arange(rewards.shape[2]) + 1, indexing="ij")
    mean = rewards.mean(axis=1)
    return pd.DataFrame({"group": group, "subject": subject.ravel(), "trial": trial.ravel(), "reward": mean.ravel()})


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published table, for those of its bandits that were played.

    Known algorithms are to earn more than random choices, and these less than UCB1; networks as much as the published
    ones, but for the error of a mean over as many bandits (1.96 s.d. / sqrt n). A network has learned a bandit if it
    earns more than midway from random choices to UCB1.
    """
    quantities: list[Quantity | Curve] = []
    for name, rewards in tables["rewards"].groupby("bandit", sort=False):
        own = {str(group): part["reward"].to_numpy() for group, part in rewards.groupby("group", sort=False)}
        chance, ucb = own["random"].mean(), own["UCB1"].mean()
        midway, networks = (chance + ucb) / 2, own[NETWORKS]
        if len(published(PUBLICATION, condition=name)):
            sd = rewards.loc[rewards["group"] == NETWORKS, "sd"].mean()
            paper = published_number(PUBLICATION, series="RL2", condition=name)
            least = paper.value - paper.error - 1.96 * sd / np.sqrt(PUBLISHED_BANDITS)
            rule, what = f"> {least:.2f}, published less its error", f"reward, {name}: "
            quantities.append(Quantity.ordered(what + NETWORKS, networks, *paper, Single(), rule, least, short=name))
            for group in [GITTINS, *AGENTS]:
                paper = published_number(PUBLICATION, series=group, condition=name)
                rule, than = ("< UCB1", ucb) if group == "random" else ("> random", chance)
                quantities.append(Quantity.ordered(what + group, own[group], *paper, Single(), rule, than))
        rule = f"> {midway:.2f}, midway from random to UCB1"
        quantities.append(Quantity.learned(f"reward, {name}", networks, rule, midway))
    return compare(quantities)


PRESETS = {
    # departures from the publication: LSTMs of 48 units; advantage actor-critic
    "fast": RL2BanditsConfig(
        preset="fast",
        episodes=768_000,
        episodes_per_update=64,
        learning_rate=0.02,
        learning_rate_end=0.0,
        discount=0.98,
        trace_decay=0.8,
        state_value_cost=0.5,
        entropy_cost=0.05,
        entropy_cost_end=0.0,
    ),
    # by advantage actor-critic, which they did not use; their 250,000 steps a batch are 2,500 episodes of 100 pulls;
    # for how long they trained is not said
    "paper": RL2BanditsConfig(preset="paper", agent="gru", units=256, episodes=2_500_000, episodes_per_update=2_500),
}

SIMULATION = Simulation(
    name="rl2_bandits",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "episodes": 128,
        "episodes_per_update": 16,
        "bandits": ((5, 10), (3, 20)),
        "test_episodes": 20,
        "tuning_episodes": 10,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
