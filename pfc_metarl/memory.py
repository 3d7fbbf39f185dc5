"""How much memory a run will need, by a rough estimate: what cannot fit is refused before anything is trained."""

import os
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from pfc_metarl.config import Config, bears_on
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import Task
from pfc_metarl.training import BLOCK

NUMBER = 4
"""Bytes of a number."""
KEPT_TO_LEARN, KEPT_TO_PLAY = 20, 3
"""Numbers per unit and step that stay in memory: all gates and states with their gradients; activity, while stacked."""


def memory_needed(config: Config, task: Task, networks_at_once: int) -> int:
    """Bytes that training, or the largest test, will need at the least.

    Args:
        config, task: of the run.
        networks_at_once: that are trained beside each other.
    """
    seen = int(np.prod(task.observations)) * np.dtype(task.observation_type).itemsize
    to_learn = task.steps * config.episodes_per_update * (KEPT_TO_LEARN * config.units * NUMBER + seen)
    weights = 4 * config.units * (config.units + task.actions + 1) * 3 * NUMBER  # with gradients and mean squares
    episodes = [f.name for f in fields(config) if f.name.endswith("_episodes")]
    tests = [getattr(config, name) for name in episodes if bears_on(type(config), [name]) == "test"]
    to_play = task.steps * max(tests, default=0) * (KEPT_TO_PLAY * config.units * NUMBER + seen)
    return max(networks_at_once * (to_learn + weights), config.networks * (to_play + weights))


def memory_there() -> int | None:
    """Bytes of the machine's memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def require_memory(config: Config, tasks: Mapping[str, Task], processes: int) -> None:
    """Raise a ConfigError if a run cannot fit into the machine's memory."""
    there = memory_there()
    at_once = min(config.networks, BLOCK * processes)
    needed = max(memory_needed(config.for_condition(name), task, at_once) for name, task in tasks.items())
    if there is not None and needed > there:
        raise ConfigError(
            f"this needs about {needed / 1e9:,.0f} GB of memory, and there are {there / 1e9:,.0f}; choose fewer or "
            "shorter episodes, fewer units or networks, or fewer --processes"
        )
