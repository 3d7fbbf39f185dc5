"""Networks that are led along what others did, or only watch it."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent, Seen
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import KEYS, by_session, check_trials, responses


def lead(agent: Agent, task: Task, trials: pd.DataFrame, choices: int | None = None) -> pd.DataFrame:
    """How probable the choices of a trial table are for each network that is led along them.

    Of Harlow's task a table does not tell what the objects looked like; networks then see stand-ins.

    Args:
        agent: the networks.
        task: the task; its number of trials does not matter.
        trials: of any subjects; see `play`.
        choices: the probability is that among the first so many actions (which are the choices); None: among all, so
            that left and right need not add up to 1 where there are others.

    Returns:
        A row per network and trial: seed, group, subject, session, trial, probability (NaN where the choice was forced
        or not valid).

    Raises:
        ConfigError: fewer than two choices, or more than there are actions.
        TableError: see `check_trials`.
    """
    if choices is not None and not 2 <= choices <= task.actions:
        raise ConfigError(f"choices must be from 2 to the task's {task.actions} actions, not {choices}")
    given = check_trials(trials, task.name)
    followed = play(agent, task, given=given)
    at, number = slice(task.choice_step, None, task.steps_per_trial), choices or task.actions
    made = followed.actions[at].clamp(max=number - 1)  # elsewhere no choice was made, which `usable` tells
    told = followed._replace(logits=followed.logits[at, ..., :number], actions=made)
    chosen = told.probabilities.cpu().numpy()  # (trial, network, session)
    _, position = by_session(given, [])
    usable, by_row = responses(given).to_numpy(), chosen.swapaxes(0, 1).reshape(len(agent.seeds), -1)[:, position]
    tables = [given[KEYS].assign(seed=s, probability=np.where(usable, p, np.nan)) for s, p in zip(agent.seeds, by_row)]
    return pd.concat(tables, ignore_index=True)


@torch.no_grad()
def watch(agent: Agent, trajectory: Trajectory, at_once: int = 50) -> Tensor:
    """Activity of other networks (say, of untrained ones) that see the very same as those that played.

    Args:
        agent: as many networks.
        trajectory: of whole episodes.
        at_once: episodes at a time, for the sake of memory.

    Returns:
        (time, network, episode, unit)
    """
    parts = [Seen(*part) for part in zip(*(x.split(at_once, dim=2) for x in trajectory.seen))]
    return torch.cat([agent(part, agent.start(part.rewards.shape[2])).activity for part in parts], dim=2)
