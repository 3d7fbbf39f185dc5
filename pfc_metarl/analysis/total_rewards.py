"""Total reward of networks and known algorithms beside a published table: bandits of many arms, tabular MDPs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.playing import play
from pfc_metarl.comparison import Curve, Quantity, Single
from pfc_metarl.published import published, published_number
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import NETWORKS

PUBLISHED_TASKS = 1_000
"""Each published number is the mean over so many."""
PUBLISHED_NAMES = {NETWORKS: "RL2"}
"""Where the publication has another one."""


def tune(
    kinds: Mapping[str, Callable[..., ReferenceAgent]],
    tuned: Mapping[str, tuple[str, list]],
    task: Task,
    fresh: Callable[[], np.random.Generator],
    episodes: int,
) -> tuple[dict[str, ReferenceAgent], pd.DataFrame]:
    """Known algorithms with those values of what they leave open that earn most.

    Args:
        kinds: what makes each of them, by name.
        tuned: the parameter that is left open, and its values, of those that have one.
        task: what they play.
        fresh: gives, each time, a generator of the same chances.
        episodes: that each plays with each value.

    Returns:
        The algorithms, and a table: group, parameter, value.
    """
    agents, found = {}, []
    for group, kind in kinds.items():
        if group not in tuned:
            agents[group] = kind()
            continue
        parameter, values = tuned[group]
        tried = [kind(**{parameter: value}) for value in values]
        best = int(np.argmax([earned(agent, task, fresh(), episodes).sum(axis=1).mean() for agent in tried]))
        agents[group] = tried[best]
        found.append({"group": group, "parameter": parameter, "value": values[best]})
    return agents, pd.DataFrame(found)


def earned(agent: ReferenceAgent, task: Task, rng: np.random.Generator, episodes: int) -> np.ndarray:
    """What an algorithm earns: (episode, trial)."""
    return play(agent, task, rng, episodes, "")["reward"].to_numpy(np.float32).reshape(episodes, task.trials)


def total_rewards(group: str, seeds: Sequence[int], rewards: np.ndarray) -> pd.DataFrame:
    """Of rewards (subject, episode, part): group, subject, reward (in total, mean over episodes), sd."""
    total = rewards.sum(axis=2, dtype=float)
    return pd.DataFrame(
        {"group": group, "subject": seeds, "reward": total.mean(axis=1), "sd": total.std(axis=1, ddof=1)}
    )


def mean_by(part: str, group: str, seeds: Sequence[int], rewards: np.ndarray) -> pd.DataFrame:
    """Of rewards (subject, episode, part): group, subject, the part's number from 1, reward (mean over episodes)."""
    subject, number = np.meshgrid(seeds, np.arange(rewards.shape[2]) + 1, indexing="ij")
    mean = rewards.mean(axis=1, dtype=float)
    return pd.DataFrame({"group": group, "subject": subject.ravel(), part: number.ravel(), "reward": mean.ravel()})


def quantities(rewards: pd.DataFrame, publication: str, known: Sequence[str], better: str) -> list[Quantity | Curve]:
    """Comparison of total rewards with the published table, for those of its conditions that were played.

    Known algorithms are to earn more than random choices, and these less than a better algorithm; networks as much as
    the published ones, but for the error of a mean over as many tasks (1.96 s.d. / sqrt n). A network has learned if it
    earns more than midway from random choices to the better algorithm.

    Args:
        rewards: see `total_rewards`, with the column condition.
        publication: its name.
        known: algorithms, by the names they have in both tables, "random" among them.
        better: one of them.
    """
    told: list[Quantity | Curve] = []
    for name, part in rewards.groupby("condition", sort=False):
        own = {str(group): rows["reward"].to_numpy() for group, rows in part.groupby("group", sort=False)}
        chance, good = own["random"].mean(), own[better].mean()
        midway, networks = (chance + good) / 2, own[NETWORKS]
        if len(published(publication, condition=name)):
            paper = published_number(publication, series=PUBLISHED_NAMES[NETWORKS], condition=name)
            sd = part.loc[part["group"] == NETWORKS, "sd"].mean()
            least = paper.value - paper.error - 1.96 * sd / np.sqrt(PUBLISHED_TASKS)
            rule, what = f"> {least:.2f}, published less its error", f"reward, {name}: "
            told.append(Quantity.ordered(what + NETWORKS, networks, *paper, Single(), rule, least, short=name))
            for group in known:
                paper = published_number(publication, series=group, condition=name)
                rule, than = (f"< {better}", good) if group == "random" else ("> random", chance)
                told.append(Quantity.ordered(what + group, own[group], *paper, Single(), rule, than))
        rule = f"> {midway:.2f}, midway from random to {better}"
        told.append(Quantity.learned(f"reward, {name}", networks, rule, midway))
    return told
