"""The seeing network and its learning while episodes run on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.gaze_learner import Player, UnrollConfig, UnrollLearner, running_returns
from pfc_metarl.lstm import LSTM, State
from pfc_metarl.tasks.harlow_gaze import GazeParameters, HarlowGaze
from pfc_metarl.vision import Eye, SeeingNetwork, unroll

VIEW, FEATURES, UNITS, SLOTS = 28, 12, 8, 3
CONFIG = UnrollConfig(updates=20, unroll=15, learning_rate=0.01, entropy_cost=0.01)


def network(seed: int = 1) -> SeeingNetwork:
    return SeeingNetwork(seed, Eye(seed, VIEW, [(4, 8, 4), (6, 3, 2)], FEATURES), FEATURES, 3, UNITS)


def task() -> HarlowGaze:
    parameters = GazeParameters(view=VIEW, longest=60)
    size = parameters.picture_pixels
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (10, 3, size, size), dtype=np.uint8))
    return HarlowGaze(parameters, pictures, [[4, slot] for slot in range(SLOTS)])


def learner(config: UnrollConfig = CONFIG) -> UnrollLearner:
    return UnrollLearner(config, network(), task(), seed=1)


def test_unroll_equals_the_lstm_of_the_other_simulations_and_begins_anew_where_told() -> None:
    lstm = LSTM([1], 5, UNITS).double()
    inputs = torch.randn(9, 1, SLOTS, 5, dtype=torch.double)
    state = State(*torch.randn(2, 1, SLOTS, UNITS, dtype=torch.double))
    starts = torch.zeros(9, SLOTS, dtype=torch.bool)
    torch.testing.assert_close(unroll(lstm, inputs, state, starts), lstm(inputs, state))
    starts[4, 1] = True
    hidden = unroll(lstm, inputs, state, starts)
    fresh = lstm(inputs[4:, :, 1:2], State(*torch.zeros(2, 1, 1, UNITS, dtype=torch.double)))
    torch.testing.assert_close(hidden[4:, :, 1:2], fresh)
    torch.testing.assert_close(hidden[:, :, 2], lstm(inputs, state)[:, :, 2])


def test_no_gradient_crosses_an_episodes_start() -> None:
    lstm = LSTM([1], 5, UNITS)
    inputs = torch.randn(6, 1, 1, 5, requires_grad=True)
    starts = torch.tensor([False, False, False, True, False, False]).view(6, 1)
    unroll(lstm, inputs, State(*torch.zeros(2, 1, 1, UNITS)), starts)[-1].sum().backward()
    assert (inputs.grad[:3] == 0).all() and (inputs.grad[3:] != 0).any()


def test_returns_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0], [0, 0], [2, 1]])
    ends = torch.tensor([[False, False], [True, False], [False, False]])
    out = running_returns(rewards, ends, torch.tensor([10.0, 4.0]), 0.5)
    assert out.tolist() == [[1, 0.75], [0, 1.5], [7, 3]]


def test_acting_and_learning_see_the_same() -> None:
    """The policy that acted, step by step, is that of the unroll from which it learns, across episodes' ends."""
    one = learner()
    one.learn()
    acted = []
    act = one.network.act
    one.network.act = lambda *a: acted.append(act(*a)[0]) or act(*a)  # type: ignore[method-assign]
    before = one.player.state
    views, rewards, actions, _, played = one.player.act(CONFIG.unroll, np.random.default_rng(0))
    assert played.ends.any()
    logits, _ = one.network(one.network.inputs(views, rewards, actions), before, actions < 0)
    torch.testing.assert_close(torch.stack(acted)[:, 0], logits[:-1, 0].detach(), atol=1e-5, rtol=1e-4)
    assert (actions[1:][played.ends] == -1).all() and (rewards[1:][played.ends] == 0).all()


def test_resumed_equals_uninterrupted(tmp_path) -> None:
    whole, broken = learner(), learner()
    for _ in range(3):
        whole.learn()
        broken.learn()
    torch.save(broken.state_dict(), tmp_path / "checkpoint.pt")
    resumed = learner()
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(4):
        for a, b in zip(whole.learn(), resumed.learn()):
            assert torch.equal(a, b)
    for a, b in zip(whole.network.state_dict().values(), resumed.network.state_dict().values()):
        assert torch.equal(a, b)


def test_it_learns_to_fixate() -> None:
    """A task of the cross alone, ends of 40 steps: standing still is rewarded, which a random policy seldom does."""
    config = UnrollConfig(updates=60, unroll=20, learning_rate=0.005, entropy_cost=0.001)
    parameters = GazeParameters(view=VIEW, longest=16, fixate_for=12)
    pictures = torch.zeros(2, 3, parameters.picture_pixels, parameters.picture_pixels, dtype=torch.uint8)
    one = UnrollLearner(config, network(), HarlowGaze(parameters, pictures, [[4, s] for s in range(16)]), seed=1)
    rewards = [float(one.learn().rewards.mean()) for _ in range(config.updates)]
    assert np.mean(rewards[-5:]) > 2 * np.mean(rewards[:5]) > 0


def test_weights_depend_on_the_seed() -> None:
    for a, b in zip(network(1).state_dict().values(), network(1).state_dict().values()):
        assert torch.equal(a, b)
    assert not torch.equal(network(1).eye.layers[0].weight, network(2).eye.layers[0].weight)


def test_divergence_is_reported() -> None:
    one = learner(replace(CONFIG))
    with torch.no_grad():
        one.network.prefrontal.heads.bias.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="update 1"):
        one.learn()


@pytest.mark.parametrize("forgetful", [True, False])
def test_a_forgetful_player_begins_every_trial_anew(forgetful: bool) -> None:
    size = GazeParameters(view=VIEW).picture_pixels
    pictures = torch.zeros(4, 3, size, size, dtype=torch.uint8)
    slots = HarlowGaze(GazeParameters(view=VIEW), pictures, [[4, slot] for slot in range(20)])
    player = Player(network(), slots, forgetful)
    _, rewards, actions, _, played = player.act(300, np.random.default_rng(0))
    new_trial = (played.trials[1:] > played.trials[:-1]) & ~played.ends[:-1]
    assert new_trial.sum() > 10
    assert ((actions[1:-1] == -1)[new_trial] == forgetful).all()  # -1: as at an episode's start
    assert not forgetful or (rewards[1:-1][new_trial] == 0).all()
    between = ~new_trial & ~played.ends[:-1]
    assert (actions[1:-1][between] >= 0).all()
