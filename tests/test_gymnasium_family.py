"""Families of Gymnasium environments as tasks: they are stepped as Gymnasium does, one is drawn for each episode."""

import pickle
from dataclasses import replace
from functools import partial

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.rollout import play
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.gymnasium import Family
from simulations import metaworld
from simulations.cartpole import SIMULATION, make_cartpole, make_task, vary_cartpole


class Counting(gymnasium.Env):
    """Its episode ends after `length` steps; it pays the action, and shows the time, the length and what was reset."""

    observation_space = Box(0, 2**31, (2,), np.float64)
    length = 3

    def __init__(self, actions: gymnasium.Space | None = None, limit: int | None = None) -> None:
        self.action_space = actions or Discrete(3, start=5)
        self.spec = gymnasium.envs.registration.EnvSpec("Counting-v0", max_episode_steps=limit)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.array([0, self.length]), {}

    def step(self, action):
        self.time += 1
        told = {"success": float(self.time == 2)}
        return np.array([self.time, self.length]), float(np.sum(action)), self.time == self.length, False, told


def lengthen(env: Counting, rng: np.random.Generator) -> None:
    env.length = int(rng.integers(2, 5))


FAMILY = partial(Family, partial(Counting, limit=9), lengthen, 2)


def rngs(networks: int = 2, key: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([k, key]) for k in range(networks)]


def test_episodes_follow_each_other_on_the_same_environment() -> None:
    task = FAMILY()
    assert (task.observations, task.actions, task.continuous, task.steps) == ((3,), 3, False, 18)
    world = Episodes(task, 2, 3)
    world.begin(rngs())
    lengths = world.observation[..., 1].astype(int)
    assert len(set(lengths.flat)) > 1  # one is drawn for each
    seen = []
    for t in range(9):
        seen.append(world.observation.copy())
        world.step(np.full((2, 3), t % 3))
    for place, length in np.ndenumerate(lengths):
        own = np.array([x[place] for x in seen])
        times = [*range(length), *range(length)]
        np.testing.assert_array_equal(own[: 2 * length], [[t, length, t == 0] for t in times])
        assert (own[2 * length :] == 0).all()  # it is over
        paid = [5 + t % 3 for t in range(2 * length)]
        np.testing.assert_array_equal(world.trials[place]["reward"], [sum(paid[:length]), sum(paid[length:])])
        np.testing.assert_array_equal(world.trials[place]["steps"], [length, length])
        assert world.records[place]["over"] and world.records[place]["trials"] == 2
        assert (world.trials[place]["success"] == 1).all()


def test_a_trial_is_cut_short() -> None:
    world = Episodes(FAMILY(steps=4), 1, 1)
    world.begin(rngs(1))
    length = int(world.observation[0, 0, 1])
    for _ in range(6):
        world.step(np.zeros((1, 1), int))
    assert world.trials["steps"].sum() == 4 and world.trials["steps"][0, 0, 0] == length
    assert world.records["over"].all()


def test_it_is_gymnasiums_own_cartpole() -> None:
    task = make_task(replace(SIMULATION.presets["fast"], longest_episode=15))
    world = Episodes(task, 1, 2)
    world.begin(rngs(1, key=3))
    actions = np.random.default_rng(0).integers(0, 2, (45, 2))
    met = []
    for own in actions:
        met.append((world.observation[0].copy(), ~world.records["over"][0]))
        world.step(own[None])
    for e in range(2):
        rng = np.random.default_rng(int(world.records["seed"][0, e]))
        env = make_cartpole(15)
        vary_cartpole(env, rng, 0.25, 1.5)
        seen, trial, reward, begins = env.reset(seed=int(rng.integers(2**31)))[0], 0, 0.0, 1.0
        for t, action in enumerate(actions[:, e]):
            shown, on = met[t][0][e], met[t][1][e]
            assert on == (trial < 3)
            if not on:
                break
            np.testing.assert_array_equal(shown, [*seen, begins])
            seen, paid, ended, cut, _ = env.step(action)
            reward, begins = reward + paid, float(ended or cut)
            if ended or cut:
                assert world.trials[0, e]["reward"][trial] == reward
                trial, reward, seen = trial + 1, 0.0, env.reset()[0]


def test_networks_meet_the_same_alone_and_among_others_and_learn() -> None:
    config = Config(networks=2, units=4, episodes=8, episodes_per_update=4)
    both, alone = Learner(config, FAMILY(), [1, 2]), Learner(config, FAMILY(), [2])
    for _ in range(2):
        for learner in (both, alone):
            learner.learn()
    for a, b in zip(both.network.parameters(), alone.network.parameters()):
        torch.testing.assert_close(a[1:], b)
    assert not both.network.compiled and both.gradient.abs().sum() > 0


def test_the_table_has_a_row_for_each_of_gymnasiums_episodes() -> None:
    learner = Learner(Config(networks=2, units=4), FAMILY(), [1, 2])
    table = play(learner.network, learner.task, rngs(), 3).table()
    assert len(table) == 2 * 3 * 2 and set(table["steps"]) <= {2, 3, 4}
    assert (table.groupby(["subject", "session"])["steps"].nunique() == 1).all()


def test_numbers_are_stretched_to_the_bounds() -> None:
    task = Family(partial(Counting, Box(np.float32([0, 10]), np.float32([2, 30])), 9), lengthen, 1)
    assert task.continuous and task.actions == 2
    for given, meant in (([-1, -1], [0, 10]), ([0, 0.5], [1, 25]), ([7, -9], [2, 10])):
        np.testing.assert_allclose(task.action(np.array(given)), meant)


def test_bad_families_are_refused() -> None:
    with pytest.raises(ConfigError, match="no limit of steps"):
        Family(Counting, lengthen, 2)
    with pytest.raises(ConfigError, match="discrete, or numbers between bounds"):
        Family(partial(Counting, MultiBinary(3), 9), lengthen, 2)
    with pytest.raises(ConfigError, match="episodes_per_trial"):
        Family(partial(Counting, limit=9), lengthen, 0)
    task = FAMILY()
    first, second = Episodes(task, 1, 1), Episodes(task, 1, 1)
    second.begin(rngs(1))
    first.begin(rngs(1))
    with pytest.raises(ConfigError, match="played by others"):
        first.step(np.zeros((1, 1), int))


def test_a_family_can_be_sent_to_a_process() -> None:
    task = FAMILY()
    task.environments(2, 2)
    again = pickle.loads(pickle.dumps(task))
    assert again.steps == task.steps and not again._made


def test_what_the_robot_arm_shows_and_pays() -> None:
    """Places by how far they are from where it rests, in decimetres; rewards as a share of 10."""
    arm = metaworld.make_arm("reach-v3", steps=2)
    metaworld.draw_goal(arm, np.random.default_rng(0), "reach-v3", test=True)
    assert not arm.reset()[0].any()
    seen, reward, _, cut, told = arm.step(np.ones(4, np.float32))  # .1 from there
    away = abs(0.1 - arm.unwrapped.goal)
    assert seen == pytest.approx(1) and reward == pytest.approx(-away / 10)
    assert not cut and told["success"] == (away < 0.05)
    assert arm.step(np.ones(4, np.float32))[3]


def test_hands_that_go_where_they_are_told() -> None:
    """As fast as they are far, in decimetres; the middle of .2 and -.3 is at -.05."""
    assert np.mean(metaworld.places("reach-v3"), axis=0) == pytest.approx([-0.05, 0, 0])
    arm = metaworld.make_arm("reach-v3", steps=2).unwrapped
    arm.set_task(-0.15)
    arm.reset()
    assert metaworld.towards(arm, None) == pytest.approx([-1.5, 0, 0, 0])
    arm.place = 0.1
    assert metaworld.towards(arm, np.array([0.2, 0.05, 0])) == pytest.approx([1, 0.5, 0, 0])
