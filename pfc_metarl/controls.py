"""What trained networks do under conditions that the paper did not test: tables of finished runs, for `controls`."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from pfc_metarl.a2c import Learner
from pfc_metarl.finished_run import Run
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Agent, Seen
from pfc_metarl.networks.lesioned import Lesioned, WithoutAction, WithoutMemory, WithoutReward, lesion
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import Trajectory, by_episode, play
from pfc_metarl.tasks.task import RIGHT, Task

FURTHER_TEST = 1_000
"""Index of the tests' random numbers: not those of any simulation's own test."""
LACKING: dict[str, type[Lesioned] | None] = {
    "nothing": None,
    "reward": WithoutReward,
    "action": WithoutAction,
    "memory": WithoutMemory,
}
"""What trained networks lose."""
UNTRAINED, FROZEN, LEARNING = "before training", "trained, weights frozen", "trained, weights still learning"
CUT = "memory cut at each trial"
ACTIVITY, WEIGHTS = "activity, from trial to trial", "weights, by one update"
"""The two learners."""
SETTLED = 100
"""Updates after which RMSProp's mean square has settled (its decay is .99)."""
LED_SESSIONS = 20
"""Episodes of each network along which its policies are compared."""


def further_test(agent: Agent, task: Task, episodes: int, forget: bool = False) -> Trajectory:
    """Networks play with frozen weights; all tests of the same networks meet the same chances."""
    return play(agent, task, generators(TEST, agent.seeds, FURTHER_TEST), episodes, forget=forget)


def by_trial(trials: pd.DataFrame, column: str = "reward") -> pd.DataFrame:
    """Mean of a column of a trial table over sessions: subject, trial, value."""
    return trials.groupby(["subject", "trial"])[column].mean().rename("value").reset_index()


def losses(run: Run, tests: Mapping[str, Task], trained: str, column: str) -> pd.DataFrame:
    """Trained networks lose an input, or their memory.

    Args:
        run: of networks with LSTMs.
        tests: tasks to play, by name.
        trained: condition on which the networks were trained.
        column: of the trial table, whose mean by trial is told.

    Returns:
        Table: simulation, trained, tested, lacking, subject, trial, value.
    """
    networks, tables = run.by_condition[trained], []
    assert isinstance(networks, PrefrontalNetwork)
    for tested, task in tests.items():
        for lacking, kind in LACKING.items():
            agent = networks if kind is None else lesion(networks, kind)
            played = further_test(agent, task, run.config.test_episodes).table()
            tables.append(by_trial(played, column).assign(trained=trained, tested=tested, lacking=lacking))
    return pd.concat(tables, ignore_index=True).assign(simulation=run.simulation.name)


def still_learning(run: Run, episodes: int) -> Learner:
    """The run's networks in a training that goes on as published: an episode per update, at the published rate.

    Args:
        run: the run.
        episodes: of the training to come.
    """
    config, paper = run.config, run.simulation.presets["paper"]
    cost = config.entropy_cost if config.entropy_cost_end is None else config.entropy_cost_end
    config = replace(
        config, episodes=episodes, episodes_per_update=1, learning_rate=paper.learning_rate, learning_rate_end=None,
        entropy_cost=cost, entropy_cost_end=None,
    )  # fmt: skip
    learner = Learner(config, run.task, config.seeds)
    learner.network.load_state_dict(run.networks.state_dict())
    return learner


def within_episode(run: Run) -> pd.DataFrame:
    """Reward by trial, before training, after it with weights frozen (with memory, and without), and still learning.

    Returns:
        Table: simulation, group, subject, trial, value.
    """
    task, episodes = run.task, run.config.test_episodes
    untrained = make_agent(run.config, task, run.config.seeds)
    tables = {
        UNTRAINED: by_trial(further_test(untrained, task, episodes).table()),
        FROZEN: by_trial(further_test(run.networks, task, episodes).table()),
        CUT: by_trial(further_test(run.networks, task, episodes, forget=True).table()),
    }
    learner, rewards = still_learning(run, episodes), []
    while learner.update < episodes:
        rewards.append(learner.learn(episodes - learner.update).episodes.trials["reward"])
    mean = np.concatenate(rewards, axis=1).mean(axis=1)  # (network, trial)
    subject, trial = np.indices(mean.shape)
    told = {"subject": np.array(run.config.seeds)[subject.ravel()], "trial": trial.ravel() + 1, "value": mean.ravel()}
    tables[LEARNING] = pd.DataFrame(told)
    named = [table.assign(group=group) for group, table in tables.items()]
    return pd.concat(named, ignore_index=True).assign(simulation=run.simulation.name)


@torch.no_grad()
def towards_right(agent: Agent, task: Task, given: pd.DataFrame) -> np.ndarray:
    """Probability of right at each choice of trials along which networks are led: (network, session, trial)."""
    at_choice = play(agent, task, given=given).logits[task.choice_step :: task.steps_per_trial]
    return torch.softmax(at_choice, -1)[..., RIGHT].movedim(0, 2).numpy()


def two_learners(run: Run) -> pd.DataFrame:
    """How far the policy moves by activity, from one trial to the next, and by weights, in one update of training.

    Both along the same trials: those of the first network. The update is one (after an episode) of a training that has
    gone on for `SETTLED` others, for RMSProp's first steps are larger than those that follow.

    Returns:
        Table: simulation, subject, by (activity or weights), change (mean absolute change of the probability of right).
    """
    task, config = run.task, run.config
    played = further_test(run.networks, task, LED_SESSIONS).table()
    given = played[played["subject"] == config.first_seed]
    learner, frozen = still_learning(run, SETTLED + 1), towards_right(run.networks, task, given)
    while learner.update < SETTLED:
        learner.learn(SETTLED - learner.update)
    before = towards_right(learner.network, task, given)
    learner.learn()
    after = towards_right(learner.network, task, given)
    change = {
        ACTIVITY: np.abs(np.diff(frozen, axis=2)).mean(axis=(1, 2)),
        WEIGHTS: np.abs(after - before).mean(axis=(1, 2)),
    }
    tables = [pd.DataFrame({"subject": config.seeds, "by": by, "change": own}) for by, own in change.items()]
    return pd.concat(tables, ignore_index=True).assign(simulation=run.simulation.name)


@torch.no_grad()
def values_along(agent: Agent, trajectory: Trajectory, cut: bool) -> np.ndarray:
    """Values that networks give who see the very same as those that played: (network, episode, time).

    Args:
        agent: as many networks.
        trajectory: of whole episodes, of trials with a fixed number of steps.
        cut: each trial begins as an episode does, without state, last reward and last action.
    """
    seen = trajectory.seen
    if cut:
        begins = torch.zeros_like(seen.begins)
        begins[:: trajectory.end.episodes.task.steps_per_trial] = True
        rewards, actions = seen.rewards.masked_fill(begins, 0), seen.actions.masked_fill(begins, -1)
        seen = Seen(seen.observations, rewards, actions, begins, seen.added)
    return by_episode(agent(seen, agent.start(seen.rewards.shape[2])).values)
