"""What holds for every task. To register a task is to have it tested here: it needs an example."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from playing import Met, any_actions, at_random, begun, play, rngs
from test_harlow_gaze import example as gaze_example

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks import (
    TASKS,
    Alchemy,
    Bandit,
    BarcodeBandit,
    Conditioning,
    ContextBandit,
    EpisodicTwoStep,
    Foraging,
    GridNavi,
    HarlowSymbolic,
    InferredValue,
    InformativeBandit,
    Navigation,
    Optogenetics,
    RestlessBandit,
    TabularMDP,
    TwoStep,
    Volatility,
)
from pfc_metarl.tasks.episodes import Episodes, led_episodes
from pfc_metarl.tasks.task import Task
from pfc_metarl.tasks.volatility import HIGH_FIRST, Process, Schedule
from pfc_metarl.trials import COLUMNS, check_trials, trial_table

ROOT = Path(__file__).parents[1]


class Example(NamedTuple):
    """Small instances of a task, and between what its rewards lie."""

    tasks: tuple[Task, ...]
    lowest: float
    highest: float


EXAMPLES = {
    "alchemy": Example((Alchemy(trials=3, steps=15), Alchemy(trials=2, steps=25, rotations=True)), -3, 15),
    "bandit": Example(
        (
            Bandit(trials=12, arms=2, distribution="correlated"),
            Bandit(trials=9, arms=3, distribution=(0.1, 0.5, 0.8), time_scale=8),
        ),
        0,
        1,
    ),
    "conditioning": Example((Conditioning(12),), -3.58, 8.32),
    "context_bandit": Example((ContextBandit(12, 0.75), ContextBandit(9, 0.75, changes=True)), 0, 1),
    "barcode_bandit": Example((BarcodeBandit(3, 4, 2, 0.9, 0.1), BarcodeBandit(2, 3, 3, 0.9, 0.1)), 0, 1),
    "episodic_two_step": Example((EpisodicTwoStep(12, 0.8, 0.9, 0.1, 0.2),), 0, 1),
    "foraging": Example(
        (Foraging(trials=12, shortest_episode=4, base_probability_sum=0.5, intervals=((0.0, 0.1), (0.3, 0.5))),), -1, 1
    ),
    "volatility": Example(
        (
            Volatility(trials=20, course=Process(log_k_low=-2.0, log_k_high=-1.0), reward_scale=0.01),
            Volatility(trials=20, course=Schedule(HIGH_FIRST, switch_every=5), reward_scale=0.01),
        ),
        0,
        1,
    ),
    "inferred_value": Example((InferredValue(blocks=3, block_trials=4, switch_probability=0.5),), -1, 1),
    "two_step": Example((TwoStep(10, 0.8, 0.9, 0.1, 0.2),), -1, 1),
    "harlow": Example(
        tuple(HarlowSymbolic(trials=6, features=3, fixation_reward=0.2, replaced=r) for r in (False, True)), -1, 1
    ),
    "harlow_gaze": Example((gaze_example(),), -1, 1.2),
    "grid_navi": Example((GridNavi(episodes=3, horizon=12),), -0.1, 1),
    "navigation": Example((Navigation(episodes=2, horizon=6),), -3, 0),
    "tabular_mdp": Example((TabularMDP(3, 4, 3, 5), TabularMDP(2)), -9, 11),
    "optogenetics": Example((Optogenetics(3, 6, (0.5, 0.125), safe_reward=1.0, risky_reward=4.0),), -1, 4),
    "informative_bandit": Example((InformativeBandit(30),), 0.1, 5),
    "restless_bandit": Example((RestlessBandit(12, 0.05, 0.3), RestlessBandit(9, 0.05, 0.3, volatile=1.0)), 0, 1),
}
each_task = pytest.mark.parametrize(
    "task", [pytest.param(task, id=f"{name}-{i}") for name, own in EXAMPLES.items() for i, task in enumerate(own.tasks)]
)


def played(task: Task, seed: int = 1, key: int = 9) -> Met:
    return play(begun(task, key=key), at_random(task, seed))


def table_of(task: Task, world: Episodes) -> pd.DataFrame:
    """The trial table; sessions are numbered through."""
    sessions = world.records.size
    trials = world.trials.reshape(sessions, -1)
    return trial_table(task.name, world.records.reshape(-1), trials, np.zeros(sessions, int), range(sessions))


def assert_same(a: Met, b: Met) -> None:
    for x, y in zip(a[:-1], b[:-1]):
        np.testing.assert_array_equal(x, y)
    for x, y in ((a.world.records, b.world.records), (a.world.trials, b.world.trials)):
        for name in x.dtype.names:
            np.testing.assert_array_equal(x[name], y[name], name)


def test_every_registered_task_has_an_example_and_its_name() -> None:
    assert set(EXAMPLES) == set(TASKS)
    for name, example in EXAMPLES.items():
        assert TASKS[name].name == name
        assert all(type(task) is TASKS[name] for task in example.tasks)


@each_task
def test_shapes_types_and_bounds(task: Task) -> None:
    met = played(task)
    steps = (task.steps, 2, 3)
    assert met.observations.shape == (*steps, *task.observations) and met.observations.dtype == task.observation_type
    assert met.rewards.shape == steps and met.rewards.dtype == np.float32
    assert np.isfinite(met.observations).all() and met.observations[met.active].any()
    example = EXAMPLES[task.name]
    assert example.lowest <= met.rewards.min() < met.rewards.max() <= example.highest
    assert set(np.unique(met.events)) == set(range(len(task.events) + 1))


@each_task
def test_what_is_done_is_recorded(task: Task) -> None:
    if not task.steps_per_trial or task.continuous:
        pytest.skip("the steps of a trial have no number, or actions are numbers")
    assert task.steps == task.trials * task.steps_per_trial
    taken, choose = [], at_random(task)
    met = play(begun(task), lambda t, world: taken.append(choose(t, world)) or taken[-1])
    actions = np.moveaxis(met.world.trials["actions"].reshape(2, 3, -1), -1, 0)
    np.testing.assert_array_equal(actions[met.active], np.stack(taken)[met.active])
    if "choice" in met.world.trials.dtype.names:
        chosen, at_choice = met.world.trials["choice"], met.world.trials["actions"][..., task.choice_step]
        assert ((chosen == at_choice) | (chosen == -1)).all() and (chosen >= 0).any()


@each_task
def test_documented_columns_are_in_the_table_with_the_values_they_say(task: Task) -> None:
    table = table_of(task, played(task).world)
    check_trials(table, task.name)
    absent = {"condition", "order"}  # of a test, which its simulation adds
    absent |= {"second_choice", "side"}  # of people's two-step tasks, which have more choices
    absent |= {"fixation", "stimulus", "saccade"}  # what neurons said
    absent |= {f"p_{arm}" for arm in range(task.actions, 50)}
    assert {column.name for column in COLUMNS[task.name]} - absent <= set(table)


@each_task
def test_a_network_meets_the_same_alone_and_among_others(task: Task) -> None:
    if task.running:
        pytest.skip("its episodes have generators of their own")
    together, alone = Episodes(task, 3, 4), Episodes(task, 1, 4)
    together.begin(rngs(3))
    alone.begin(rngs(3)[2:])
    actions = any_actions(task, np.random.default_rng(0), task.steps, 3, 4)
    a, b = play(together, lambda t, world: actions[t]), play(alone, lambda t, world: actions[t, 2:])
    for x, y in zip(a[:-1], b[:-1]):
        np.testing.assert_array_equal(x[:, 2:], y)
    assert together.trials[2:].tobytes() == alone.trials.tobytes()


@each_task
def test_a_pickled_task_plays_identically(task: Task) -> None:
    assert_same(played(task), played(pickle.loads(pickle.dumps(task))))


@each_task
def test_the_same_seed_gives_the_same_and_another_does_not(task: Task) -> None:
    assert played(task).digest() == played(task).digest()
    if not task.running:
        assert played(task).digest() != played(task, key=10).digest()
    assert played(task).digest() != played(task, seed=2).digest()


@each_task
def test_nothing_happens_after_the_end(task: Task) -> None:
    if task.running:
        pytest.skip("the next episode follows")
    met = played(task)
    lengths = met.world.records["trials"] * task.steps_per_trial
    np.testing.assert_array_equal(met.active, np.arange(task.steps)[:, None, None] < lengths)
    assert not met.rewards[~met.active].any() and not met.observations[~met.active].any()
    trials, late = met.world.trials, np.arange(task.trials) >= met.world.records["trials"][..., None]
    assert not trials["actions"][late].any()
    if task.continues:
        assert not met.world.records["over"].any()
        return
    before, episodes = trials.tobytes(), met.world.records["time"].copy()
    after = play(met.world, at_random(task), steps=5)
    assert not (after.observations.any() or after.rewards.any() or after.events.any() or after.active.any())
    assert trials.tobytes() == before and (met.world.records["time"] == episodes).all()


def led_along(task: Task, table: pd.DataFrame) -> Met:
    world, actions = led_episodes(task, table, 2)
    return play(world, lambda t, world: actions[t], steps=len(actions))


@each_task
def test_led_along_its_own_table_it_meets_the_same(task: Task) -> None:
    if task.running or task.continuous:
        pytest.skip("nobody can be led along a table of it")
    own = played(task)
    led = led_along(task, table_of(task, own.world))
    steps = len(led.active)  # of the longest that was played
    for name in set(Met._fields) - {"world"}:
        if task.name == "harlow" and name == "observations":
            continue  # what the objects looked like is not in the table
        met = getattr(own, name)[:steps].reshape(steps, 1, 6, *getattr(own, name).shape[3:])
        np.testing.assert_array_equal(getattr(led, name), np.repeat(met, 2, axis=1), name)


@each_task
def test_led_by_its_choices_alone_it_behaves_as_the_table_says(task: Task) -> None:
    if task.running or task.continuous:
        pytest.skip("nobody can be led along a table of it")
    told = table_of(task, played(task).world)
    told = check_trials(told.drop(columns=[name for name in told if name.startswith("action_")]), task.name)
    led = led_along(task, told).world
    led.records, led.trials = led.records[1:], led.trials[1:]  # one of the two networks
    again = check_trials(table_of(task, led), task.name)
    for column in {"choice", "reward", "valid", "risky", "state", "correct", "fixated", "regret"} & set(told):
        np.testing.assert_array_equal(again[column], told[column], column)


def digests() -> str:
    """Of all examples, played at random."""
    tasks = [task for example in EXAMPLES.values() for task in example.tasks]
    return " ".join(played(task).digest() for task in tasks)


def output(code: str, folder: Path, **environment: str) -> str:
    """What Python prints, started in a folder."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONPATH": path} | environment
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_compiled_and_plain_python_play_the_same(tmp_path: Path) -> None:
    code = "import numba, test_tasks; assert numba.config.DISABLE_JIT; print(test_tasks.digests())"
    assert output(code, tmp_path, NUMBA_DISABLE_JIT="1") == digests()


def test_an_edited_task_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    code = """
import numpy as np
from edited import TwoStep
from pfc_metarl.tasks.episodes import Episodes
world = Episodes(TwoStep(2, 0.8, 0.9, 0.1, 0.2), 1, 1)
world.begin([np.random.default_rng(0)])
world.step(np.zeros((1, 1), int))
print(world.reward[0, 0])
"""
    text = (ROOT / "pfc_metarl" / "tasks" / "two_step.py").read_text()
    (tmp_path / "edited.py").write_text(text)
    assert float(output(code, tmp_path)) == -1
    rule = "return 0.0 if action == CENTRE else -1.0"
    assert text.count(rule) == 1
    (tmp_path / "edited.py").write_text(text.replace(rule, "return 0.0 if action == CENTRE else -1.25"))
    assert float(output(code, tmp_path)) == -1.25


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: TwoStep(10, 1.5, 0.9, 0.1, 0.02), "common_probability must be between 0 and 1, not 1.5"),
        (lambda: TwoStep(10, 0.8, float("nan"), 0.1, 0.02), "reward_high must be between 0 and 1, not nan"),
        (lambda: ContextBandit(20, 1.2), "high must be between 0 and 1, not 1.2"),
        (lambda: InferredValue(0, 5, 0.5), "blocks must be a whole number of at least 1, not 0"),
        (lambda: InferredValue(2, 5, -0.1), "switch_probability must be between 0 and 1"),
        (lambda: Foraging(10, 5, 2.0, [(0, 0.5)]), "base_probability_sum must be between 0 and 1"),
        (lambda: Optogenetics(2, 4, (0.5,), 1.0, float("inf")), "risky_reward must be finite, not inf"),
        (lambda: HarlowSymbolic(6, 10, float("nan")), "fixation_reward must be finite, not nan"),
        (lambda: Volatility(20, Process(high_volatility=2.0)), "high_volatility must be between 0 and 1, not 2.0"),
        (lambda: Volatility(20, Process(), reward_scale=float("nan")), "reward_scale must be finite"),
        (lambda: Alchemy(steps=0), "steps must be a whole number of at least 1, not 0"),
        (lambda: InformativeBandit(0), "trials must be a whole number of at least 1, not 0"),
        (lambda: RestlessBandit(10, -0.1, 0.2), "low_step must be between 0 and 1, not -0.1"),
        (lambda: RestlessBandit(10, 0.1, 0.2, float("nan")), "volatile must be between 0 and 1, not nan"),
        (lambda: Episodes(Bandit(0, 2, "independent"), 1, 1), "trials must be a whole number of at least 1, not 0"),
        (lambda: Episodes(Bandit(5, 2, "independent"), 1, 0), "episodes must be a whole number of at least 1, not 0"),
    ],
)
def test_nonsense_is_refused_in_one_line(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{words}"):
        make()
