"""The symbolic twin of Harlow's task and its analyses."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from pfc_metarl.analysis.learning_set import (
    change_points,
    components_by_trial,
    first_choice_preference,
    object_code,
    performance,
    stretches_of_learning,
)
from pfc_metarl.network import PrefrontalNetwork
from pfc_metarl.rollout import play
from pfc_metarl.tasks.harlow_symbolic import CENTRE, LEFT, STEPS_PER_TRIAL, HarlowSymbolic

F = 4


def make(replaced: bool = False, trials: int = 6) -> HarlowSymbolic:
    return HarlowSymbolic(trials, F, 0.2, replaced)


def rngs(networks: int) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, 9]) for seed in range(networks)]


def test_one_trial_step_by_step() -> None:
    task = make()
    cue = task.begin(rngs(1), 4)
    assert cue[0, 0].tolist() == [1] + [0] * (2 * F)
    choice, reward = task.step(torch.tensor([[CENTRE, LEFT, CENTRE, CENTRE]]))
    assert reward[0].tolist() == pytest.approx([0.2, 0, 0.2, 0.2])
    side = task.rewarded_side[0, 0]
    for episode in range(4):
        slots = choice[0, episode, 1:].view(2, F)
        assert choice[0, episode, 0] == 0
        torch.testing.assert_close(slots[side[episode]], task.rewarded[0, 0, episode])
        torch.testing.assert_close(slots[1 - side[episode]], task.unrewarded[0, 0, episode])
    action = torch.stack([side[0], 1 - side[1], torch.tensor(CENTRE), side[3]])[None]
    cue, reward = task.step(action)
    assert cue[0, 0, 0] == 1 and reward[0].tolist() == [1, -1, -1, 1]
    record = task.record()
    assert record["correct"][0, 0].tolist() == [True, False, False, True]
    assert record["choice"][0, 0, 2] == -1
    assert record["fixated"][0, 0].tolist() == [True, False, True, True]


def shown(task: HarlowSymbolic, episodes: int = 500) -> torch.Tensor:
    """Objects by place (trial, episode, 2, feature)."""
    task.begin(rngs(1), episodes)
    return task.choices[:, 0, :, 1:].unflatten(-1, (2, F))


def test_sides_are_shuffled_and_fair() -> None:
    task = make()
    shown(task)
    right = int(task.rewarded_side.sum())
    low, high = stats.binom.interval(0.9999, task.rewarded_side.numel(), 0.5)
    assert low <= right <= high
    same = (task.rewarded_side[1:] == task.rewarded_side[:-1]).float().mean()
    assert 0.45 < same < 0.55


@pytest.mark.parametrize("replaced", [False, True])
def test_the_rewarded_object_stays_and_the_other_is_replaced_only_in_the_control(replaced: bool) -> None:
    task = make(replaced)
    objects = shown(task)
    torch.testing.assert_close(objects.norm(dim=-1), torch.ones(objects.shape[:-1]))
    side = task.rewarded_side[:, 0, :, None, None].expand(-1, -1, 1, F)
    rewarded, other = objects.gather(2, side)[:, :, 0], objects.gather(2, 1 - side)[:, :, 0]
    assert (rewarded == rewarded[0]).all()
    assert (other == other[0]).all() != replaced
    # new objects in every episode, and neither is told apart by its features
    assert len(torch.unique(rewarded[0], dim=0)) == len(rewarded[0])
    assert (rewarded[0].mean(0) - other[0].mean(0)).abs().max() < 0.15


def test_a_network_meets_the_same_task_alone_and_among_others() -> None:
    together, alone = make(True), make(True)
    together.begin(rngs(3), 5)
    alone.begin(rngs(3)[2:], 5)
    assert torch.equal(together.choices[:, 2:], alone.choices)


def test_reset_makes_every_trial_the_first() -> None:
    """With the memory reset, what the network sees and holds on a trial has nothing of the trials before it."""
    network, task = PrefrontalNetwork([1], 1 + 2 * F, 3, 8), make()
    with torch.no_grad():
        network.heads.weight.normal_()
    played = play(network, task, rngs(1), 50, reset_every=STEPS_PER_TRIAL)
    at_fixation = played.inputs[::STEPS_PER_TRIAL]
    assert (at_fixation == at_fixation[0, 0, 0]).all()
    assert (played.hidden[::STEPS_PER_TRIAL] == played.hidden[0, 0, 0]).all()
    free = play(network, task, rngs(1), 50)
    assert not (free.hidden[::STEPS_PER_TRIAL] == free.hidden[0, 0, 0]).all()


def test_performance_scale() -> None:
    assert performance(np.array([0.5] * 6)) == pytest.approx(50)
    assert performance(np.array([0.5] + [1.0] * 5)) == pytest.approx(100)


@pytest.mark.parametrize("first, last", [(20, 60), (5, 15), (50, 90)])
def test_change_points_are_recovered(first: int, last: int) -> None:
    x = np.arange(1, 101) * 10.0
    noise = np.random.default_rng(0).normal(0, 1, 100)
    y = np.interp(x, [first * 10, last * 10], [50, 98]) + noise
    assert change_points(x, y) == pytest.approx((first * 10, last * 10), abs=25)


def test_stretches_by_hand() -> None:
    episodes, accuracy = np.arange(1, 101), np.interp(np.arange(1, 101), [20, 80], [0.5, 1.0])
    rows = [(7, e, t, 0.5 if t == 1 else a) for e, a in zip(episodes, accuracy) for t in (1, 2)]
    points, stretches = stretches_of_learning(pd.DataFrame(rows, columns=["seed", "episode", "trial", "correct"]))
    assert points.iloc[0].tolist() == pytest.approx([7, 20, 80], abs=0.5)
    second = stretches[stretches["trial"] == 2]["accuracy"]
    assert second.tolist() == pytest.approx([54.2, 62.5, 70.8, 79.2, 87.5, 95.8], abs=0.5)
    assert (stretches[stretches["trial"] == 1]["accuracy"] == 50).all()


def test_codes_are_found_where_they_are() -> None:
    rng = np.random.default_rng(0)
    rewarded, mixing = rng.normal(size=(300, F)), rng.normal(size=(F, 12))
    hidden = rng.normal(0, 0.1, (300, 2, 12))
    hidden[:, 1] += rewarded @ mixing
    code = object_code(hidden, rewarded, 3).set_index("trial")["r2"]
    assert code[1] < 0.05 and code[2] > 0.95
    left, right = rng.normal(size=(2, 300, F))
    prefers = ((right - left)[:, 0] > 0).astype(int)
    assert first_choice_preference(left, right, prefers) > 0.9
    assert abs(first_choice_preference(left, right, rng.integers(0, 2, 300)) - 0.5) < 0.1


def test_components_by_trial_and_side() -> None:
    rng = np.random.default_rng(0)
    choice = rng.integers(0, 2, (200, 3))
    hidden = rng.normal(0, 0.01, (200, 3, 5))
    hidden[..., 2] += 2 * choice
    hidden[..., 4] += np.arange(3)
    table = components_by_trial(hidden, choice, 1)
    assert table.groupby("component")["explained"].first().sum() > 0.99
    means = table.pivot(index="trial", columns=["component", "choice"], values="mean")
    assert ((means[1][1] - means[1][0]).abs() > 1.9).all()  # the side, on every trial
    assert (means[2].diff().abs().iloc[1:] > 0.9).all().all()  # and the trial
