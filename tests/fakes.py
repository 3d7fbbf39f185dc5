"""Small tasks and agents that the tests of the core share."""

from collections.abc import Sequence

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from torch import Tensor, nn

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.networks import AGENTS
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll
from pfc_metarl.tasks import (
    Bandit,
    Foraging,
    HarlowSymbolic,
    InferredValue,
    InformativeBandit,
    Optogenetics,
    RestlessBandit,
    Task,
    TwoStep,
    Volatility,
)
from pfc_metarl.tasks.task import Contexts
from pfc_metarl.tasks.two_step import FIXATION_CUE, STATE_1
from pfc_metarl.tasks.volatility import Process
from pfc_metarl.training import training_settings

TWO_STEP = TwoStep(trials=6, common_probability=0.8, reward_high=0.9, reward_low=0.1, switch_probability=0.2)
TWO_STEP.contexts = Contexts(FIXATION_CUE, STATE_1, 2, stretches=6, apart=False)  # the state, for want of another
SMALL: dict[str, Task] = {
    "two_step": TWO_STEP,
    "bandit": Bandit(8, 3, "independent"),
    "foraging": Foraging(8, 4, 0.5, [(0.0, 0.5)]),
    "volatility": Volatility(8, Process()),
    "optogenetics": Optogenetics(2, 5, (0.5, 0.125), 1.0, 4.0),
    "inferred_value": InferredValue(2, 3, 0.5),
    "harlow": HarlowSymbolic(4, 5, 0.2),
    "informative_bandit": InformativeBandit(5),
    "restless_bandit": RestlessBandit(8, 0.05, 0.3),
}
"""Tasks by name, with few trials."""
SMALL["bandit"].contexts = Contexts(begins=0, first=0, size=1, stretches=8, apart=False)  # as above


def rngs(*seeds: int, number: int = 0) -> list[np.random.Generator]:
    """A generator per network."""
    return [np.random.default_rng([seed, 99, number]) for seed in seeds]


def lively(agent: Agent, scale: float = 0.3) -> Agent:
    """The agent with read-outs (which start at 0) and everything else moved at random, each network's by its seed."""
    with torch.no_grad():
        for i, p in enumerate(agent.parameters()):
            for k, seed in enumerate(agent.seeds):
                noise = np.random.default_rng([seed, 98, i]).normal(0, scale, p[k].shape)
                p[k] += torch.from_numpy(noise).to(p.dtype)
    return agent


def agent_of(name: str, task: Task, *seeds: int, units: int = 6) -> Agent:
    """A small, lively agent by its registered name."""
    return lively(AGENTS[name].build(Config(agent=name, units=units), task, seeds)).requires_grad_(False)


class Fixed(Agent):
    """Its policy is always the same; its value is the number of steps since the episode began, its activity what it
    sees: observation, last reward, last action."""

    def __init__(self, seeds: Sequence[int], logits: Sequence[float], observations: int = 1) -> None:
        super().__init__(seeds, (observations,), len(logits), observations + 2)
        self.logits = nn.Parameter(torch.tensor(logits).expand(len(seeds), 1, -1).clone())

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "Fixed":
        """All actions alike."""
        return cls(seeds, [0.0] * task.actions, *task.observations)

    def start(self, episodes: int) -> State:
        """No step done."""
        return (torch.zeros(len(self.seeds), episodes),)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """Count."""
        activity = torch.cat([observation, reward.unsqueeze(-1), action.unsqueeze(-1)], -1)
        return Step(self.logits.expand(-1, len(reward[0]), -1), state[0], activity, (state[0] + 1,))

    def forward(self, seen: Seen, state: State) -> Unroll:
        """Step by step."""
        steps, (count,) = [], state
        for observation, reward, action, begins, added in zip(*seen):
            count = count.masked_fill(begins, 0)
            steps.append(self.act(observation, reward, action, (count,), added))
            count = steps[-1].state[0]
        return Unroll(*(torch.stack(x) for x in zip(*(step[:3] for step in steps))))


def see_running(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """A number that tells whose chances these are, and the time."""
    observation[0] = episode.label
    observation[1] = episode.time


def act_running(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """One step per trial; the episode is over after its last trial."""
    now = trials[episode.trials - 1]
    now.choice = action
    now.rewarded_side = episode.label % 2
    now.correct = action == now.rewarded_side
    if episode.trials == episode.length:
        episode.over = True
    else:
        episode.trials += 1
    return 1.0 + action


class Running(Task):
    """Episodes of 1 to 3 trials that follow each other; its records are those of harlow_gaze."""

    name = "harlow_gaze"
    observations, actions, trials = (2,), 2, 3
    steps_per_trial, running = 0, True
    episode_fields = [("label", "i8"), ("length", "i8")]
    trial_fields: list = []
    outcome_fields = [("choice", "i1"), ("rewarded_side", "i1"), ("correct", "?")]
    see, act = staticmethod(see_running), staticmethod(act_running)

    def __init__(self, steps: int) -> None:
        self.stretch = steps

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Label and length."""
        episodes["trials"] = 1
        episodes["label"], episodes["length"] = rng.integers(0, 10**6, 2)
        episodes["length"] = episodes["length"] % 3 + 1


class Clockwork(InferredValue):
    """A stream without chance: the cues repeat from block to block, and every block reverses."""

    contexts = Contexts(begins=0, first=1, size=3, stretches=6, apart=False)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The same for all."""
        block, trial = divmod(np.arange(self.trials), self.block_trials)
        trials["reverses"] = trial == 0
        trials["cue"] = trial % 2
        trials["block"], trials["trial_in_block"] = block + 1, trial + 1


def partial(config: Config, learner: Learner, rewards: list | None = None) -> dict:
    """What a unit saves."""
    curve = {"rewards": rewards or [], "tracked": [[own] for own in rewards] if rewards else []}
    return {**learner.state_dict(), "config": training_settings(config), "curve": curve}


class PointArm(gymnasium.Env):
    """Stands in for Meta-World's robot arm, which few have: a point, paid for being near a goal."""

    observation_space = Box(-np.inf, np.inf, (39,), np.float64)
    action_space = Box(-1, 1, (4,), np.float32)
    max_path_length = 500

    def set_task(self, task: float) -> None:
        """Its goal."""
        self.goal = task

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """At 0."""
        self.place, self.time = 0.0, 0
        self._target_pos = np.array([self.goal, 0, 0])
        return np.zeros(39), {}

    def get_endeff_pos(self) -> np.ndarray:
        """Where it is."""
        return np.array([self.place, 0, 0])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """The first number moves it."""
        self.place, self.time = self.place + 0.1 * float(action[0]), self.time + 1
        away = abs(self.place - self.goal)
        told = {"success": float(away < 0.05)}
        return np.full(39, self.place), -away, False, self.time == self.max_path_length, told


class PointBenchmark:
    """Stands in for Meta-World's benchmark of one kind of task."""

    train_tasks, test_tasks = (0.2, -0.3), (0.1, -0.1)
    train_classes = dict.fromkeys(("reach-v3",), PointArm)
