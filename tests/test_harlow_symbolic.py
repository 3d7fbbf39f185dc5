"""The symbolic twin of Harlow's task: rules, objects, and what forgetting does to a network that plays it."""

import numpy as np
import pytest
import torch
from playing import begun, rngs, within_binomial_bounds

from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.rollout import play
from pfc_metarl.tasks.harlow_symbolic import HarlowSymbolic
from pfc_metarl.tasks.task import CENTRE, LEFT, NONE

F = 4


def make(replaced: bool = False) -> HarlowSymbolic:
    return HarlowSymbolic(6, F, 0.2, replaced)


def test_one_trial_step_by_step() -> None:
    world = begun(make(), networks=1, episodes=4)
    assert world.observation[0, 0].tolist() == [1] + [0] * (2 * F)
    world.step(np.array([[CENTRE, LEFT, CENTRE, CENTRE]]))
    assert world.reward[0].tolist() == pytest.approx([0.2, 0, 0.2, 0.2])
    first, rewarded = world.trials[0, :, 0], world.records["rewarded_object"][0]
    side = first["rewarded_side"]
    for episode in range(4):
        slots = world.observation[0, episode, 1:].reshape(2, F)
        assert world.observation[0, episode, 0] == 0
        np.testing.assert_array_equal(slots[side[episode]], rewarded[episode])
        assert (slots[1 - side[episode]] != rewarded[episode]).all()
    world.step(np.array([[side[0], 1 - side[1], CENTRE, side[3]]]))
    assert world.observation[0, :, 0].all() and world.reward[0].tolist() == [1, -1, -1, 1]
    assert first["correct"].tolist() == [True, False, False, True]
    assert first["choice"].tolist() == [side[0], 1 - side[1], NONE, side[3]]
    assert first["fixated"].tolist() == [True, False, True, True]


def test_sides_are_shuffled_and_fair() -> None:
    side = begun(make(), episodes=500).trials["rewarded_side"]
    assert within_binomial_bounds(side.sum(), side.size, 0.5)
    same = side[..., 1:] == side[..., :-1]
    assert within_binomial_bounds(same.sum(), same.size, 0.5)


@pytest.mark.parametrize("replaced", [False, True])
def test_the_rewarded_object_stays_and_the_other_is_replaced_only_in_the_control(replaced: bool) -> None:
    world = begun(make(replaced), networks=1, episodes=500)
    trials = world.trials[0]
    objects = np.stack([trials["left_object"], trials["right_object"]], axis=2)  # (episode, trial, side, feature)
    np.testing.assert_allclose(np.linalg.norm(objects, axis=-1), 1, rtol=1e-6)
    side = trials["rewarded_side"][..., None, None].astype(int)
    rewarded, other = (np.take_along_axis(objects, which, axis=2)[:, :, 0] for which in (side, 1 - side))
    assert (rewarded == world.records["rewarded_object"][0, :, None]).all()
    assert (other == other[:, :1]).all() != replaced
    # new objects in every episode, and neither is told apart by its features
    assert len(np.unique(rewarded[:, 0], axis=0)) == len(rewarded)
    assert abs(rewarded[:, 0].mean(0) - other[:, 0].mean(0)).max() < 0.15


@pytest.mark.parametrize("replaced", [False, True])
def test_led_along_a_table_that_tells_only_what_was_correct(replaced: bool) -> None:
    task, world = make(replaced), begun(make(replaced), networks=1, episodes=1)
    met = {"choice": np.array([0, 1, NONE, 1, 0, 0]), "correct": np.array([True, True, False, False, False, True])}
    world.trials["rewarded_side"] = 0
    task.lead(world.records[0], world.trials[0, 0], met)
    trials, shown = world.trials[0, 0], []
    for action in task.responses(met).ravel():
        shown.append(world.observation[0, 0].copy())
        world.step(np.full((1, 1), action))
    assert trials["correct"].tolist() == met["correct"].tolist() and trials["choice"].tolist() == met["choice"].tolist()
    slots = np.stack(shown[1::2])[:, 1:].reshape(6, 2, F)
    side = trials["rewarded_side"].astype(int)
    rewarded, other = slots[np.arange(6), side], slots[np.arange(6), 1 - side]
    assert (rewarded == rewarded[0]).all() and not (rewarded * other).sum()
    assert len(np.unique(other, axis=0)) == (F - 1 if replaced else 1)


def test_objects_that_cannot_be_told_apart() -> None:
    with pytest.raises(ConfigError, match="features must be at least 2"):
        HarlowSymbolic(6, 1, 0.2)


def test_forgetting_makes_every_trial_the_first() -> None:
    """Without memory, what the network sees and holds on a trial has nothing of the trials before it."""
    network, task = PrefrontalNetwork([1], (1 + 2 * F,), 3, 8), make()
    with torch.no_grad():
        for parameter in network.heads.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    lesioned = play(network, task, rngs(1), 50, forget=True)
    at_fixation = slice(None, None, task.steps_per_trial)
    assert (lesioned.seen.rewards[at_fixation] == 0).all() and (lesioned.seen.actions[at_fixation] == -1).all()
    assert (lesioned.activity[at_fixation] == lesioned.activity[0, 0, 0]).all()
    free = play(network, task, rngs(1), 50)
    assert not (free.activity[at_fixation] == free.activity[0, 0, 0]).all()
