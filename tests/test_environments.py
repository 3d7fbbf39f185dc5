"""Our tasks as Gymnasium environments: they meet what our own play meets, alone and many at once."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env
from test_tasks import EXAMPLES

import simulations.environments as environments
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import last_seen
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.tasks import TASKS, BarcodeBandit, TwoStep
from pfc_metarl.tasks.environments import LastRewardAndAction, TaskEnv, TaskVectorEnv, VectorLastRewardAndAction
from pfc_metarl.tasks.task import Task
from simulations.harlow_gaze import SIMULATION as HARLOW_GAZE

SEED, COPIES = 5, 3
EACH = [pytest.param(task, id=name) for name, own in EXAMPLES.items() for task in own.tasks[:1]]
EACH.append(
    pytest.param(BarcodeBandit(2, 3, 3, 0.9, 0.1, unroll=2), id="barcode_bandit, running")
)  # as it is registered


@pytest.mark.parametrize("task", EACH)
def test_an_environment(task: Task) -> None:
    """One test of each, for compiling a task takes longer than all that is tested of it."""
    passes_gymnasiums_own_checker(task)
    copies_meet_what_each_meets_alone(task)
    meets_what_play_meets(task)
    if len(task.observations) == 1:
        wrappers_agree(task)


def test_every_task_is_an_environment() -> None:
    assert set(environments.ENVIRONMENTS) == {task.__name__ for task in TASKS.values()}
    for name in environments.ENVIRONMENTS:
        assert environments.name_of(name) in gymnasium.registry


def passes_gymnasiums_own_checker(task: Task) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_env(TaskEnv(task), skip_render_check=True)
    assert all("infinity" in str(w.message) for w in told)  # observations have no bounds: the one thing it remarks upon


def played_by_networks(task: Task) -> Trajectory:
    config = HARLOW_GAZE.config("fast", quick=True) if len(task.observations) > 1 else Config()
    agent = make_agent(replace(config, units=4), task, list(range(1, COPIES + 1)))
    agent.play_plainly = True  # compiled loops do the same (test_compiled.py), and take longer to begin
    rngs = [np.random.default_rng(SEED + k) for k in range(COPIES)]
    if task.running:  # actions have their own chances
        own = [np.random.default_rng(k) for k in range(COPIES)]
        return play(agent, task, own, 1, renew=lambda network, slot, number: rngs[network])
    return play(agent, task, rngs, 1)


def meets_what_play_meets(task: Task) -> None:
    ours = played_by_networks(task)
    env, expected = TaskVectorEnv(task, COPIES), ours.seen.observations
    if len(task.observations) == 1:
        env = VectorLastRewardAndAction(env)
        expected = last_seen(expected, ours.seen.rewards, ours.seen.actions, _policy(task))
    seen, _ = env.reset(seed=SEED)
    for t, actions in enumerate(ours.actions[:, :, 0].numpy()):
        on = ours.active[t, :, 0].numpy()
        np.testing.assert_array_equal(seen[on], expected[t, on, 0].numpy())
        seen, rewards, ended, cut, _ = env.step(actions)
        np.testing.assert_array_equal(rewards[on], ours.rewards[t, on, 0].numpy())
        if not task.running:
            after = ours.active[t + 1, :, 0].numpy() if t + 1 < len(ours.active) else np.zeros(COPIES, bool)
            np.testing.assert_array_equal((ended | cut)[on], ~after[on])
        if not on.all() or (task.running and ended.any()):
            break  # who has ended begins anew there, which play does not, or a step sooner
    else:
        met = env.unwrapped.table().drop(columns="subject")
        pd.testing.assert_frame_equal(met, ours.table().drop(columns=["subject", "probability"], errors="ignore"))


def _policy(task: Task):
    return make_agent(Config(networks=1, units=2), task, [1]).action_policy


def copies_meet_what_each_meets_alone(task: Task) -> None:
    many, alone = TaskVectorEnv(task, COPIES), [TaskEnv(task) for _ in range(COPIES)]
    many.action_space.seed(0)
    seen = many.reset(seed=SEED)[0]
    own = np.stack([env.reset(seed=SEED + k)[0] for k, env in enumerate(alone)])
    np.testing.assert_array_equal(seen, own)
    ended, episodes = np.zeros(COPIES, bool), 0
    for _ in range(2 * task.steps + 3):
        actions = many.action_space.sample()
        seen, rewards, over, cut, _ = many.step(actions)
        for k, env in enumerate(alone):
            if ended[k]:
                met = (env.reset()[0], 0.0, False, False)
            else:
                met = env.step(actions[k])[:4]
            np.testing.assert_array_equal(seen[k], met[0])
            assert (rewards[k], over[k], cut[k]) == met[1:]
            if met[2] or met[3]:
                own = env.table().assign(subject=k + 1)
                theirs = many.table()
                pd.testing.assert_frame_equal(own, theirs[theirs["subject"] == k + 1].reset_index(drop=True))
        ended = over | cut
        episodes += ended.sum()
        if episodes >= 2 * COPIES:
            break
    assert episodes >= COPIES or task.running


def wrappers_agree(task: Task) -> None:
    one, many = LastRewardAndAction(TaskEnv(task)), VectorLastRewardAndAction(TaskVectorEnv(task, 1))
    many.action_space.seed(0)
    assert one.observation_space.shape == many.single_observation_space.shape
    seen, alone = many.reset(seed=1)[0], one.reset(seed=1)[0]
    ended = False
    for _ in range(task.steps + 3):
        np.testing.assert_array_equal(seen[0], alone)
        assert many.observation_space.contains(seen)
        actions = many.action_space.sample()
        seen, _, over, cut, _ = many.step(actions)
        alone = one.reset()[0] if ended else one.step(actions[0])[0]
        ended = bool(over[0] or cut[0])


def test_settings_of_the_simulation_are_taken() -> None:
    task = gymnasium.make("pfc_metarl/TwoStep-v0", common_probability=0.6).unwrapped.task
    assert isinstance(task, TwoStep) and task.common_probability == 0.6
    many = gymnasium.make_vec("pfc_metarl/TwoStep-v0", num_envs=7, common_probability=0.6)
    assert isinstance(many, TaskVectorEnv) and many.num_envs == 7


def test_bad_input_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'commn'"):
        gymnasium.make("pfc_metarl/TwoStep-v0", commn=0.6)
    with pytest.raises(ConfigError, match="common_probability must be"):
        gymnasium.make("pfc_metarl/TwoStep-v0", common_probability=6.0)
    env = TaskEnv(TwoStep(10, 0.8, 0.9, 0.1, 0.2))
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
        env.step(0)
    env.reset(seed=1)
    for wrong in (3, -1, 0.5, None, [0, 1]):
        with pytest.raises(ConfigError, match="actions of two_step are 1 from 0 to 2"):
            env.step(wrong)
    with pytest.raises(ConfigError, match="finite numbers"):
        TaskVectorEnv(EXAMPLES["navigation"].tasks[0], 2).step(np.full((2, 2), np.nan))
    with pytest.raises(ConfigError, match="row of numbers"):
        LastRewardAndAction(TaskEnv(EXAMPLES["harlow_gaze"].tasks[0]))
