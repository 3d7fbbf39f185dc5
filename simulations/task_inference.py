"""Policies that are given a belief beside the plain network: bandits, the two-step task, GridNavi."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from annotated_types import Ge

from pfc_metarl.agents.beliefs import ideal_beliefs
from pfc_metarl.agents.navigator import guessing_returns, optimal_returns, random_return
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.two_step import ModelBased
from pfc_metarl.analysis.belief_quality import divergence, read_out_of_beliefs
from pfc_metarl.analysis.regret import optimal_regret
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Probability
from pfc_metarl.networks.agent import Agent
from pfc_metarl.networks.belief import BeliefNetwork, InferringNetwork
from pfc_metarl.progress import progress
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import Trajectory, by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks import Bandit, GridNavi, TwoStep
from pfc_metarl.tasks.bandit import PAIRS
from pfc_metarl.tasks.task import Task

METHODS = {"LSTM": "prefrontal", "belief": "belief", "posterior sampling": "posterior-sampling", "VariBAD": "varibad"}
"""And the agents that they are."""
BANDIT, TWO_STEP, GRID = "bandit", "two-step", "GridNavi"
PAIR = "medium"
"""Of the bandit's probabilities."""
TWO_STEP_PROBABILITIES = (0.8, 0.9, 0.1, 0.025)
"""Of the common transition, of reward in the better and the worse state, and of a switch, as in simulation 4."""
READ_EVERY = 5
"""Trials from one to the next at which beliefs are read out."""


@dataclass(frozen=True)
class TaskInferenceConfig(Config):
    """Zintgraf et al. 2020 (VariBAD, "V") with GridNavi; its encoder was of gated recurrent units, its policy learned
    by proximal policy optimisation."""

    units: Count = 64
    """Units of the recurrent network (V: 64)."""
    discount: Probability = 0.95
    """Discount factor gamma (V: .95)."""
    trace_decay: Probability = 0.95
    """Lambda of the returns (V: .95)."""
    entropy_cost: NotNegative = 0.01
    """Weight of the policy's entropy at the start (V: .01)."""
    bandit_trials: Count = 100
    """Pulls of two arms that pay with .25 and .75 (Wang et al. 2016)."""
    two_step_trials: Count = 100
    """Trials of the two-step task, as in simulation 4."""
    grid_episodes: Count = 4
    """Episodes on each goal of GridNavi (V: 4)."""
    bandit_episodes: Count = 9_600
    """Training episodes on bandits and on the two-step task (our choice; those of GridNavi: --episodes)."""
    test_episodes: Annotated[Count, Ge(10), TESTED] = 200
    """Test episodes per network, weights frozen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_once = self.episodes_per_update
        self.require("bandit_episodes", self.bandit_episodes % at_once == 0, "a multiple of episodes_per_update")

    def problems(self) -> dict[str, Task]:
        """By name."""
        return {
            BANDIT: Bandit(self.bandit_trials, 2, PAIR),
            TWO_STEP: TwoStep(self.two_step_trials, *TWO_STEP_PROBABILITIES),
            GRID: GridNavi(self.grid_episodes),
        }

    def for_condition(self, condition: str) -> Config:
        """The method's agent; as many episodes as the problem takes."""
        method, problem = condition.split(": ")
        episodes = self.episodes if problem == GRID else self.bandit_episodes
        return replace(self, agent=METHODS[method], episodes=episodes)


def tasks(config: TaskInferenceConfig) -> dict[str, Task]:
    """Every method on every problem.

    Raises:
        ConfigError: other networks are asked for.
    """
    config.require(
        "agent", config.agent == "prefrontal", f"prefrontal (here {', '.join(METHODS.values())} are trained)"
    )
    problems = config.problems()
    return {f"{method}: {problem}": task for problem, task in problems.items() for method in METHODS}


def test(config: TaskInferenceConfig, networks: Networks) -> Tested:
    """Networks play the problems that they were trained on, those of all methods the same instances.

    Returns:
        The trial table of plain networks on bandits; arrays by condition: rewards (network, episode, trial), state
        (network, episode, trial, number: the plain network's units, or what is inferred), ideal (the ideal observer's
        belief, network, episode, trial, kind) and, of those that state one, held (the same of their belief), all at
        each READ_EVERY-th trial but rewards.
    """
    arrays, trials = {}, pd.DataFrame()
    problems = config.problems()
    for condition, network in progress(networks.items(), "playing"):
        problem = condition.split(": ")[1]
        task, rngs = problems[problem], generators(TEST, config.seeds, list(problems).index(problem))
        played = play(network, task, rngs, config.test_episodes)
        steps = task.steps_per_trial
        arrays[f"rewards, {condition}"] = by_episode(played.rewards.unflatten(0, (-1, steps)).sum(1))
        own = slice(task.choice_step, None, steps * READ_EVERY)  # when trials' choices are made
        inferred, held = beliefs_of(network, played)
        arrays[f"state, {condition}"] = by_episode(inferred[own])
        arrays[f"ideal, {condition}"] = ideal_beliefs(task, played.end.episodes.trials)[:, :, ::READ_EVERY]
        if held is not None:
            arrays[f"held, {condition}"] = by_episode(held[own])
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


@torch.no_grad()
def beliefs_of(network: Agent, played: Trajectory) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What is to tell the belief, and the belief itself where it is stated: (time, network, episode, ...)."""
    if not isinstance(network, InferringNetwork):
        return played.activity, None
    given = network.given(network.infer(played.seen, played.start[:2]))
    return given, given if isinstance(network, BeliefNetwork) else None


def analyse(config: TaskInferenceConfig, tested: Tested) -> Tables:
    """Tables: `rewards` (problem, method, subject, reward per episode, regret: less than the optimum), `by_block` (of
    GridNavi: method, subject, block, reward), `learning` (problem, method, subject, episodes, and their steps: after
    which reward comes nine tenths of the way from chance to the optimum for the first time), `beliefs` (problem,
    method, subject, r2, divergence, uniform) and `optima` (see there)."""
    best = optima(config).set_index("problem")
    rewards, by_block, beliefs = [], [], []
    for condition in tasks(config):
        method, problem = condition.split(": ")
        told = {"problem": problem, "method": method, "subject": config.seeds}
        earned = tested.arrays[f"rewards, {condition}"]
        mean = earned.sum(-1).mean(-1)
        rewards.append(pd.DataFrame({**told, "reward": mean, "regret": best.loc[problem, "optimum"] - mean}))
        if problem == GRID:
            blocks = earned.reshape(*earned.shape[:2], config.grid_episodes, -1).sum(-1).mean(1)
            for block, own in enumerate(blocks.T):
                by_block.append(pd.DataFrame({**told, "block": block + 1, "reward": own}))
        beliefs.append(belief_table(config, tested, condition).assign(problem=problem, method=method))
    tables = {"rewards": rewards, "by_block": by_block, "beliefs": beliefs}
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    return {**joined, "learning": learning(config, tested.curve, best), "optima": best.reset_index()}


def belief_table(config: TaskInferenceConfig, tested: Tested, condition: str) -> pd.DataFrame:
    """Of one set of networks: subject, r2 of the ideal belief, and in nats the mean divergence from it of the belief
    that is held (NaN: none is) and of one to which all is equally likely."""
    ideal, held = tested.arrays[f"ideal, {condition}"], tested.arrays.get(f"held, {condition}")
    table = read_out_of_beliefs(tested.arrays[f"state, {condition}"], ideal, config.seeds)
    own, uniform = (
        np.nan if belief is None else divergence(ideal, belief).mean((1, 2))
        for belief in (held, np.full_like(ideal, 1 / ideal.shape[-1]))
    )
    return table.assign(divergence=own, uniform=uniform)


def optima(config: TaskInferenceConfig) -> pd.DataFrame:
    """Reward per episode: problem, chance (random choices) and optimum: exact, but of the two-step task; and, in
    GridNavi, guessing: of exact posterior sampling, the mean over 20,000 instances.

    The two-step task's optimum is the mean over 20,000 episodes of the planner that chooses what it believes to be best
    (nothing is better, for either choice tells as much), and chance is even.
    """
    (low, high), trials = PAIRS[PAIR], config.two_step_trials
    regret = optimal_regret(PAIR, config.bandit_trials)
    planner = ModelBased(*TWO_STEP_PROBABILITIES, inverse_temperature=1e6)
    rng = generator(REFERENCE, config.first_seed, 0, 0)
    played = play_agent(planner, TwoStep(trials, *TWO_STEP_PROBABILITIES), rng, 20_000, "")
    told = {
        BANDIT: (config.bandit_trials * (low + high) / 2, config.bandit_trials * high - regret),
        TWO_STEP: (trials / 2, played["reward"].sum() / 20_000),
        GRID: (random_return(config.grid_episodes), optimal_returns(config.grid_episodes).sum()),
    }
    table = pd.DataFrame([(name, *own) for name, own in told.items()], columns=["problem", "chance", "optimum"])
    guesses = guessing_returns(config.grid_episodes, 20_000, generator(REFERENCE, config.first_seed, 0, 1))
    return table.assign(guessing=[guesses.sum(axis=1).mean() if name == GRID else np.nan for name in told])


def learning(config: TaskInferenceConfig, curve: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Episodes, and steps, of training until reward has come nine tenths of the way from chance to the optimum.

    NaN: never.
    """
    rows, problems = [], config.problems()
    for (condition, subject), own in curve.groupby(["condition", "subject"], sort=False):
        method, problem = str(condition).split(": ")
        chance, optimum = best.loc[problem, ["chance", "optimum"]]
        earned = own["reward_per_trial"] * problems[problem].trials
        there = own["episode"][earned > chance + 0.9 * (optimum - chance)]
        first = there.min() if len(there) else np.nan
        rows.append((problem, method, subject, first, first * problems[problem].steps))
    return pd.DataFrame(rows, columns=["problem", "method", "subject", "episodes", "steps"])


def compare_methods(tables: Tables) -> pd.DataFrame:
    """Nothing is published in numbers. What the publications claim: a policy that is given a belief earns more than the
    plain network. Regret of each, which is to be less; how much of the ideal belief is told, which is to be more. A
    belief that is stated is to be nearer to the ideal observer's than one to which all is equally likely.

    A network has learned a problem if it earns more than midway from chance to the optimum.
    """
    quantities: list[Quantity | Curve] = []
    rewards = tables["rewards"].merge(tables["optima"], on="problem").merge(tables["beliefs"])
    for problem, own in rewards.groupby("problem", sort=False):
        by = {str(method): part.reset_index(drop=True) for method, part in own.groupby("method", sort=False)}
        plain = by["LSTM"]
        for method, part in by.items():
            for column, sign, name in (("regret", "<", "regret"), ("r2", ">", "belief, read out: r2")):
                ours = part[column].to_numpy()
                what, rule, than = f"{name}, {problem}: {method}", f"{sign} LSTM", plain[column].to_numpy()
                if method == "LSTM":
                    rule, than = (
                        ("< chance", (part["optimum"] - part["chance"]).to_numpy()) if sign == "<" else ("> 0", 0.0)
                    )
                quantities.append(Quantity.ordered(what, ours, np.nan, 0.0, Single(), rule, than))
            held, what = part["divergence"].to_numpy(), f"belief, stated: nats from the ideal one, {problem}: {method}"
            if np.isfinite(held).all():
                uniform = part["uniform"].to_numpy()
                quantities.append(Quantity.ordered(what, held, np.nan, 0.0, Single(), "< uniform", uniform))
            half = (part["chance"] + part["optimum"]).iloc[0] / 2
            rule, earned = f"> {half:.2f}, midway from chance", part["reward"].to_numpy()
            quantities.append(Quantity.learned(f"reward, {problem}: {method}", earned, rule, half))
    return compare(quantities)


PRESETS = {
    # departures from the publications: advantage actor-critic; learning rate and entropy cost that fall to 0
    "fast": TaskInferenceConfig(
        preset="fast",
        episodes=64_000,
        episodes_per_update=16,
        learning_rate=0.01,
        learning_rate_end=0.0,
        state_value_cost=0.5,
        entropy_cost=0.05,
        entropy_cost_end=0.0,
    ),
    # 16 processes of 60 steps, one episode of GridNavi each; 20,000,000 steps
    "paper": TaskInferenceConfig(preset="paper", episodes=333_328, episodes_per_update=16),
}

SIMULATION = Simulation(
    name="task_inference",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "units": 8,
        "episodes": 32,
        "bandit_episodes": 32,
        "episodes_per_update": 16,
        "bandit_trials": 20,
        "two_step_trials": 10,
        "grid_episodes": 2,
        "test_episodes": 10,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_methods,
)
