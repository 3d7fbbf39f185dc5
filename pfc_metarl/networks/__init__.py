"""The networks, one file each. All of them follow `Agent`."""

from collections.abc import Sequence

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.actor_critic import ActorCriticRPE
from pfc_metarl.networks.agent import Agent
from pfc_metarl.networks.belief import BeliefNetwork
from pfc_metarl.networks.distributional import DistributionalNetwork, SymmetricNetwork
from pfc_metarl.networks.episodic import EpisodicNetwork
from pfc_metarl.networks.feedforward import FeedForward
from pfc_metarl.networks.gru import GRUActorCriticRPE, GRUNetwork
from pfc_metarl.networks.lesioned import WithoutAction, WithoutMemory, WithoutReward
from pfc_metarl.networks.modules import ModularNetwork
from pfc_metarl.networks.posterior_sampling import SamplingNetwork
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.rnn import RNNActorCriticRPE, RNNNetwork
from pfc_metarl.networks.seeing import SeeingNetwork
from pfc_metarl.networks.varibad import VariationalNetwork
from pfc_metarl.tasks.task import Task

AGENTS: dict[str, type[Agent]] = {
    "prefrontal": PrefrontalNetwork,
    "gru": GRUNetwork,
    "rnn": RNNNetwork,
    "feedforward": FeedForward,
    "belief": BeliefNetwork,
    "posterior-sampling": SamplingNetwork,
    "varibad": VariationalNetwork,
    "modules": ModularNetwork,
    "episodic": EpisodicNetwork,
    "distributional": DistributionalNetwork,
    "symmetric-predictors": SymmetricNetwork,
    "no-reward": WithoutReward,
    "no-action": WithoutAction,
    "no-memory": WithoutMemory,
    "actor-critic-rpe": ActorCriticRPE,
    "actor-critic-rpe-gru": GRUActorCriticRPE,
    "actor-critic-rpe-rnn": RNNActorCriticRPE,
}
"""Agents by the name that a config gives; a new one is a file and a line here."""
WITHOUT_MEMORY = ("feedforward", "no-memory")
"""Agents that carry nothing from one step to the next."""


def agent_class(name: str) -> type[Agent]:
    """The agent of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in AGENTS:
        raise ConfigError(f"unknown agent {name}; choose one of: {', '.join(AGENTS)}")
    return AGENTS[name]


def make_agent(config: Config, task: Task, seeds: Sequence[int]) -> Agent:
    """The agent that a config names, untrained, one network per seed; with an eye where the task shows pictures.

    Raises:
        ConfigError: an unknown name, or an agent that does not fit the task.
    """
    kind = SeeingNetwork if len(task.observations) > 1 else agent_class(config.agent)
    if task.continuous and not kind.acts_continuously:
        raise ConfigError(f"agent {config.agent} chooses among actions; those of {task.name} are continuous")
    agent = kind.build(config, task, seeds)
    agent.task_name, agent.play_plainly = task.name, task.driver is not None
    return agent
