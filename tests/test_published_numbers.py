"""Presets named paper have the numbers of the publications."""

from typing import Any

import pytest
from registered import SIMULATIONS, every_simulation


def config_of(name: str) -> Any:
    return SIMULATIONS[name].config("paper")


DEFAULTS = {  # Methods, "Architecture and training"
    "networks": 8,
    "agent": "prefrontal",
    "units": 48,
    "learned_start": True,
    "errors_withheld": "none",
    "episodes_per_update": 1,
    "learning_rate": 7e-4,
    "learning_rate_end": None,
    "discount": 0.9,
    "trace_decay": 1.0,
    "state_value_cost": 0.05,
    "entropy_cost": 0.05,
    "entropy_cost_end": None,
}
ONE_TO_ZERO = {"entropy_cost": 1.0, "entropy_cost_end": 0.0}
HARLOW = {  # Methods, "Simulation 5": 50 replicas, 32 threads with about 1e5 episodes each
    "networks": 50,
    "units": 256,
    "episodes_per_update": 32,
    "learning_rate": 7.5e-4,
    "discount": 0.91,
    "state_value_cost": 0.4,
    "entropy_cost": 0.001,
}
PAPER: dict[str, dict[str, object]] = {
    "bandits": {  # Wang et al. 2016
        "trials": 100,
        "distributions": ("independent", "correlated", "easy", "medium", "hard"),
        "episodes": 20_000,
        "test_episodes": 300,
        "learning_rate": 1e-3,
        "discount": 0.8,
        **ONE_TO_ZERO,
    },
    "foraging": {  # Methods, "Simulation 1"
        "shortest_episode": 50,
        "trials": 100,
        "base_probability_sum": 0.5,
        "held_out": ((0.1, 0.2), (0.3, 0.4)),
        "discount": 0.75,
        "episodes": 15_000,
        "test_episodes": 500,
        "lags": 15,
    },
    "volatility": {  # Methods, "Simulation 2"
        "trials": 200,
        "high_volatility": 0.2,
        "worse_stable": 0.25,
        "worse_volatile": 0.0,
        "log_k_low": -4.5,
        "log_k_high": -3.5,
        "test_worse_volatile": 0.2,
        "switch_every": 25,
        "window": 10,
        "learning_rate": 5e-5,
        "discount": 0.1,
        **ONE_TO_ZERO,
        "episodes": 40_000,
        "test_episodes": 400,
    },
    "inferred_value": {  # Methods, "Simulation 3": 1e5 "episodes" of 5 trials, backpropagation through 10 of them
        "block_trials": 5,
        "switch_probability": 0.5,
        "blocks_per_update": 10,
        "episodes": 10_000,
        "test_blocks": 1_200,
    },
    "two_step": {  # Methods, "Simulation 4"
        "trials": 100,
        "common_probability": 0.8,
        "reward_high": 0.9,
        "reward_low": 0.1,
        "switch_probability": 0.025,
        "episodes": 10_000,
        "test_episodes": 300,
        "analysed_episodes": 30,
    },
    "harlow": {**HARLOW, "episodes": 3_200_000, "trials": 6, "fixation_reward": 0.2},
    "harlow_gaze": {**HARLOW, "unroll": 100, "learned_start": False},
    "rl2_bandits": {  # Duan et al. 2016, as in the authors' scripts
        "agent": "gru",
        "units": 256,
        "bandits": ((5, 10), (10, 10), (50, 10), (5, 100), (10, 100)),
        "episodes_per_update": 2_500,
        "learning_rate": 1e-3,
        "discount": 0.99,
        "trace_decay": 0.3,
        "entropy_cost": 0.0,
        "test_episodes": 1_000,
    },
    "tabular_mdps": {  # Duan et al. 2016, as in the authors' scripts
        "agent": "gru",
        "units": 256,
        "episodes_per_mdp": (10, 25),
        "states": 10,
        "actions": 5,
        "horizon": 10,
        "episodes_per_update": 2_500,
        "learning_rate": 1e-3,
        "discount": 0.99,
        "trace_decay": 0.3,
        "entropy_cost": 0.0,
        "test_episodes": 1_000,
    },
    "maml": {  # Finn et al. 2017, 2-D navigation, as in the authors' code
        "agent": "feedforward",
        "units": 100,
        "episodes_per_update": 40,
        "rollouts": 20,
        "inner_updates": 1,
        "navigation_inner_learning_rate": 0.5,
        "second_order": True,
        "discount": 0.99,
        "entropy_cost": 0.0,
    },
    "task_inference": {  # Zintgraf et al. 2020, GridNavi
        "units": 64,
        "episodes_per_update": 16,
        "discount": 0.95,
        "trace_decay": 0.95,
        "entropy_cost": 0.01,
        "grid_episodes": 4,
    },
    "episodic": {  # Ritter et al. 2018, as others quote it; the two-step task of a public replication
        "arms": 10,
        "pulls": 10,
        "meetings": 10,
        "high": 0.9,
        "low": 0.1,
        "units": 24,
        "two_step_trials": 100,
        "common_probability": 0.9,
        "reward_high": 0.9,
        "reward_low": 0.1,
        "switch_probability": 0.1,
        "two_step_episodes": 10_000,
    },
    "informative_bandit": {  # Wang et al. 2016, section 3.1.3
        "trials": 5,
        "test_episodes": 300,
        "learning_rate": 1e-3,
        "discount": 0.8,
        **ONE_TO_ZERO,
    },
    "restless_bandits": {  # Wang et al. 2016, section 3.1.4
        "trials": 100,
        "block": 10,
        "test_episodes": 300,
        "learning_rate": 1e-3,
        "discount": 0.8,
        **ONE_TO_ZERO,
    },
    "cartpole": {"discount": 0.95, "trace_decay": 0.95},  # nothing is published: our choices
    "metaworld": {  # lengths as Meta-World+ has them
        "longest_episode": 500,
        "episodes_per_trial": 10,
        "discount": 0.99,
        "trace_decay": 0.95,
        "entropy_cost": 0.0,
    },
    "modules": {"units": 600, "active_modules": 4},  # Goyal et al. 2021, the copying task
    "alchemy": {  # Wang et al. 2021; of their agent, none of ours, no more than how long it was trained
        "trials": 10,
        "steps": 20,
        "rotations": False,
        "episodes": 1_000_000_000,
    },
    "distributional": {  # Dabney et al. 2020 has no such networks: our choices
        "agent": "distributional",
        "discount": 0.0,
        "state_value_cost": 0.5,
        "test_episodes": 40,
    },
    "optogenetics": {  # Methods, "Simulation 6"
        "agent": "actor-critic-rpe",
        "forced_pairs": 5,
        "free_pulls": 20,
        "forced_outcomes": True,
        "risky_probabilities": (0.5, 0.125),
        "safe_reward": 1.0,
        "risky_reward": 4.0,
        "episodes": 66_700,
        "test_episodes": 1_333,
    },
}
GAZE = {  # Methods, "Simulation 5": degrees, pixels, time steps
    "view": 84,
    "screen": 65.0,
    "picture": 34,
    "turn": 4.4,
    "action_repeat": 4,
    "fixate_within": 3.5,
    "fixate_for": 4,
    "fixation_reward": 0.2,
    "select_within": 7.0,
    "interval": 10,
    "trials": 6,
    "longest": 3_600,
    "replaced": False,
}


@every_simulation
def test_the_preset_paper_has_the_numbers_of_the_methods(name: str) -> None:
    config = config_of(name)
    for field, value in (DEFAULTS | PAPER[name]).items():
        assert getattr(config, field) == value, field


def test_the_gaze_task_has_the_numbers_of_the_methods() -> None:
    task = config_of("harlow_gaze").task
    assert {field: getattr(task, field) for field in GAZE} == GAZE
    config = config_of("harlow_gaze")  # episodes are stretches there: 1e5 episodes of 900 actions, on 32 threads
    assert config.episodes * config.unroll == 32 * 100_000 * GAZE["longest"] / GAZE["action_repeat"]


def test_numbers_that_follow() -> None:
    """As the Methods state them: time steps of whole trainings, and of an unroll."""
    steps = {"foraging": 3e6, "inferred_value": 2e6, "optogenetics": 4e6}
    for name, expected in steps.items():
        simulation, config = SIMULATIONS[name], config_of(name)
        task = next(iter(simulation.tasks(config).values()))
        assert config.episodes * task.steps == pytest.approx(expected, rel=1e-3), name
    assert next(iter(SIMULATIONS["inferred_value"].tasks(config_of("inferred_value")).values())).steps == 200
    assert next(iter(SIMULATIONS["two_step"].tasks(config_of("two_step")).values())).steps == 300
