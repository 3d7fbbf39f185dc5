"""The tasks as Gymnasium environments: `import simulations.environments`, then gymnasium.make("pfc_metarl/TwoStep-v0").

Keyword arguments of gymnasium.make are the settings of the task's simulation, those of its preset "paper" where nothing
is said: gymnasium.make("pfc_metarl/TwoStep-v0", common_probability=0.7). The command lists them all.
"""

import importlib
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple

import gymnasium

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.environments import TaskEnv, TaskVectorEnv
from pfc_metarl.tasks.task import Task


class Source(NamedTuple):
    """Where a task stands with its parameters."""

    simulation: str
    condition: str


ENVIRONMENTS = {
    "Bandit": Source("bandits", "independent"),
    "Foraging": Source("foraging", "trained"),
    "Volatility": Source("volatility", "tied"),
    "InferredValue": Source("inferred_value", "published"),
    "TwoStep": Source("two_step", "published"),
    "HarlowSymbolic": Source("harlow", "intact"),
    "HarlowGaze": Source("harlow_gaze", "pixels"),
    "Optogenetics": Source("optogenetics", "unstimulated"),
    "Navigation": Source("maml", "recurrent: 2-D navigation"),
    "GridNavi": Source("task_inference", "LSTM: GridNavi"),
    "InformativeBandit": Source("informative_bandit", "trained"),
    "RestlessBandit": Source("restless_bandits", "mixed"),
    "TabularMDP": Source("tabular_mdps", "10 episodes"),
    "BarcodeBandit": Source("episodic", "LSTM: bandit"),
    "EpisodicTwoStep": Source("episodic", "LSTM: two-step"),
    "Alchemy": Source("alchemy", "alchemy"),
    "ContextBandit": Source("modules", "modules"),
    "Conditioning": Source("distributional", "distributional"),
}
"""By the name of the task's class."""


def name_of(task: str) -> str:
    """The environment's name: pfc_metarl/TwoStep-v0."""
    return f"pfc_metarl/{task}-v0"


def task_of(name: str, **settings: Any) -> Task:
    """A task by the name of its class.

    Args:
        name: e.g. TwoStep.
        settings: of its simulation's config, as on the command line.

    Raises:
        TypeError: no such setting.
        ConfigError: not such a value.
    """
    source = ENVIRONMENTS[name]
    simulation = importlib.import_module(f"simulations.{source.simulation}").SIMULATION
    config: Config = simulation.presets["paper"]
    unknown = set(settings) - {field.name for field in fields(config)}
    if unknown:
        known = f"its settings are those of python -m simulations {source.simulation} --help"
        raise TypeError(f"{name_of(name)} got an unexpected keyword argument '{sorted(unknown)[0]}': {known}")
    return simulation.tasks(replace(config, **settings))[source.condition]


def maker(kind: type[TaskEnv] | type[TaskVectorEnv], name: str) -> Callable[..., Any]:
    """What Gymnasium calls for an environment of a task."""

    def make(num_envs: int | None = None, **settings: Any) -> TaskEnv | TaskVectorEnv:
        task = task_of(name, **settings)
        return kind(task) if num_envs is None else TaskVectorEnv(task, num_envs)

    return make


for _name in ENVIRONMENTS:
    if name_of(_name) not in gymnasium.registry:
        gymnasium.register(
            name_of(_name), entry_point=maker(TaskEnv, _name), vector_entry_point=maker(TaskVectorEnv, _name)
        )


def prepare(options: list[str]) -> Callable[[], None]:
    """The command."""
    if set(options) & {"-h", "--help"}:
        return partial(print, __doc__)
    if options:
        raise ConfigError(f"the command takes no options, such as {options[0]}")
    return show


def show() -> None:
    """All environments: name, what is seen, actions, where the settings stand."""
    for name, source in ENVIRONMENTS.items():
        task = task_of(name)
        actions = f"{task.actions} {'numbers' if task.continuous else 'actions'}"
        print(
            f"{name_of(name):34} sees {task.observations!s:12} {actions:10} settings: simulations {source.simulation}"
        )
