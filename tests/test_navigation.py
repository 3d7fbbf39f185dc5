"""2-D navigation: rewards, ends, and the two bounds between which whatever learns must lie."""

import numpy as np
import pytest
from playing import begun, play

from pfc_metarl.tasks import Navigation
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.navigation import NEAR, STEP, known_returns


def straight(t: int, world: Episodes) -> np.ndarray:
    """To the goal, along both axes as fast as may be."""
    records = world.records
    return np.stack([records["goal_x"] - records["x"], records["goal_y"] - records["y"]], -1) / STEP


def stand_still(t: int, world: Episodes) -> np.ndarray:
    """No move."""
    return np.zeros((*world.reward.shape, 2), np.float32)


@pytest.mark.parametrize("choose, bound", [(straight, -0.506), (stand_still, -38.26)], ids=["straight", "still"])
def test_returns_of_what_is_known(choose: object, bound: float) -> None:
    """Exact bounds, over 20,000 goals (Finn et al.'s definitions): within 4 s.e., and .001 of rounding."""
    world = begun(Navigation(), networks=2, episodes=10_000)
    earned = play(world, choose).rewards.sum(axis=0)  # type: ignore[arg-type]
    assert abs(earned.mean() - bound) < 4 * earned.std() / np.sqrt(earned.size) + 0.001
    goals = np.stack([world.records["goal_x"], world.records["goal_y"]], -1).reshape(-1, 2)
    np.testing.assert_allclose(earned.ravel(), known_returns(goals)[choose is straight], atol=1e-3)
    ends = world.records["trials"]
    assert (ends <= 5).all() if choose is straight else (ends == 100).mean() > 0.999


def test_rewards_and_moves_step_by_step() -> None:
    rng = np.random.default_rng(0)
    moves = rng.uniform(-2, 2, (12, 2, 3, 2)).astype(np.float32)
    world = begun(Navigation(episodes=2, horizon=6))
    met = play(world, lambda t, world: moves[t])
    goal = np.stack([world.records["goal_x"], world.records["goal_y"]], -1)
    assert (np.abs(goal) <= 0.5).all() and len(np.unique(goal)) == goal.size
    for first in (0, 6):
        at = np.zeros((2, 3, 2))
        for t in range(first, first + 6):
            np.testing.assert_allclose(met.observations[t, ..., :2], at, atol=1e-5)
            assert (met.observations[t, ..., 2] == (t == first)).all()
            at = at + STEP * moves[t].clip(-1, 1)
            np.testing.assert_allclose(met.rewards[t], -np.linalg.norm(at - goal, axis=-1), atol=1e-5)
    assert world.records["over"].all() and (world.trials["inner"] == np.repeat((1, 2), 6)).all()


def test_at_the_goal_nothing_more_happens_until_the_next_episode() -> None:
    world = begun(Navigation(episodes=2, horizon=20))
    met = play(world, straight)
    valid = world.trials["valid"]
    steps = np.ceil((np.abs([world.records["goal_x"], world.records["goal_y"]]).max(axis=0) - NEAR) / STEP)
    for inner in (0, 1):
        np.testing.assert_array_equal(valid[..., 20 * inner : 20 * (inner + 1)].sum(axis=-1), steps)
    assert not met.rewards.transpose(1, 2, 0)[~valid].any()
    assert (world.records["trials"] == 20 + steps).all()  # the last ends at once
