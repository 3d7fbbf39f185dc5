"""Stable-Baselines3's recurrent agent (PPO with an LSTM) learns the two-step task: its reward and time beside ours.

    pip install 'pfc-metarl[examples]'
    python examples/stable_baselines.py

Both have 48 units and one thread, see last reward and last action, and are tested with frozen weights.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env

import simulations.environments  # noqa: F401  (it makes the tasks known to Gymnasium)
from pfc_metarl.a2c import Learner
from pfc_metarl.rollout import play
from pfc_metarl.tasks.environments import LastRewardAndAction, TaskVectorEnv, VectorLastRewardAndAction
from simulations.environments import task_of
from simulations.two_step import PRESETS

NAME, UNITS, TESTED = "pfc_metarl/TwoStep-v0", 48, 300
"""Units of the LSTM, and test episodes."""


def stable_baselines(episodes: int, seed: int) -> tuple[float, np.ndarray]:
    """Train RecurrentPPO for so many episodes: seconds, and reward per trial in each test episode."""
    started, steps = time.perf_counter(), task_of("TwoStep").steps
    env = make_vec_env(NAME, n_envs=16, seed=seed, wrapper_class=LastRewardAndAction)
    agent = RecurrentPPO(
        "MlpLstmPolicy",
        env,
        n_steps=steps,
        batch_size=16 * steps,  # whole episodes, so that gradients run through them
        n_epochs=4,
        learning_rate=3e-3,
        gamma=0.9,
        gae_lambda=1.0,
        ent_coef=0.01,
        policy_kwargs={"lstm_hidden_size": UNITS, "enable_critic_lstm": False, "shared_lstm": True, "net_arch": []},
        seed=seed,
        device="cpu",
    )
    agent.learn(episodes * steps)
    seconds = time.perf_counter() - started
    return seconds, tested(agent, seed)


def tested(agent: RecurrentPPO, seed: int) -> np.ndarray:
    """Reward per trial of the agent in each test episode, actions drawn from its policy."""
    copies = TaskVectorEnv(task_of("TwoStep"), TESTED)
    env = VectorLastRewardAndAction(copies)
    seen, _ = env.reset(seed=10_000 * seed)
    state, begins = None, np.ones(TESTED, bool)
    for _ in range(copies.task.steps):
        actions, state = agent.predict(seen, state, begins, deterministic=False)
        seen, _, begins, _, _ = env.step(actions)
    return copies.table().groupby("subject")["reward"].mean().to_numpy()


def ours(episodes: int, seed: int) -> tuple[float, np.ndarray]:
    """The same of one prefrontal network, by the fast preset."""
    started, task = time.perf_counter(), task_of("TwoStep")
    size = PRESETS["fast"].episodes_per_update
    config = replace(PRESETS["fast"], networks=1, first_seed=seed, units=UNITS, episodes=episodes // size * size)
    learner = Learner(config, task, config.seeds)
    while learner.update < config.updates:
        learner.learn(config.updates - learner.update)
    seconds = time.perf_counter() - started
    table = play(learner.network, task, [np.random.default_rng(10_000 * seed)], TESTED).table()
    return seconds, table.groupby("session")["reward"].mean().to_numpy()


def main() -> None:
    """Train both, and print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10_000, help="of training, of 100 trials each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results"))
    told = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, learn in (("prefrontal network (ours)", ours), ("RecurrentPPO (Stable-Baselines3)", stable_baselines)):
        seconds, rewards = learn(told.episodes, told.seed)
        rows.append({"agent": name, "episodes": told.episodes, "seconds": seconds, "reward per trial": rewards.mean()})
        rows[-1]["standard error"] = rewards.std(ddof=1) / np.sqrt(len(rewards))
    table = pd.DataFrame(rows)
    folder = told.results / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "stable_baselines.csv", index=False)
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
