"""The gaze task: geometry, rules and timing step by step, reproducibility."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pfc_metarl.errors import ConfigError
from pfc_metarl.film import IdealViewer, look_at, play_episode, save_gif, save_strip
from pfc_metarl.tasks.harlow_gaze import CHOICE, FIXATION, INTERVAL, LEFT, RIGHT, STAY, GazeParameters, HarlowGaze, Step

P = GazeParameters()
PER_STEP = replace(P, action_repeat=1, turn=4.4)
"""One time step per action, to see the rules step by step."""


def pictures(n: int = 20, size: int = 34) -> torch.Tensor:
    """Plain pictures, told apart by the red channel; the blue one is 255, as in nothing else on the screen."""
    out = torch.zeros(n, 3, size, size, dtype=torch.uint8)
    out[:, 0] = (torch.arange(n, dtype=torch.uint8) * 5 + 7).view(-1, 1, 1)
    out[:, 2] = 255
    return out


def make(parameters: GazeParameters = P, slots: int = 1, seed: int = 0) -> HarlowGaze:
    keys = [[seed, slot] for slot in range(slots)]
    task = HarlowGaze(parameters, pictures(size=parameters.picture_pixels), keys)
    task.begin()
    return task


def act(task: HarlowGaze, action: int) -> Step:
    return task.step(torch.full((len(task.keys),), action))


def fixate(task: HarlowGaze) -> None:
    while (task.phase != CHOICE).any():
        task.step(look_at(task, np.zeros(len(task.keys))))


def picture_columns(view: torch.Tensor) -> list[list[int]]:
    """First and last column of each picture in a view (3, height, width)."""
    blue = (view[2] == 255).any(0).nonzero().flatten().tolist()
    starts = [c for c in blue if c - 1 not in blue]
    return [[start, next(c for c in blue if c >= start and c + 1 not in blue)] for start in starts]


def test_layout_of_the_screen() -> None:
    task = make()
    view = task.views()[0]
    red = ((view[0] == 255) & (view[1] == 0)).nonzero().float()
    assert red.mean(0).tolist() == [41.5, 41.5]  # the cross is in the middle
    fixate(task)
    view = task.views()[0]
    assert picture_columns(view) == [[4, 37], [46, 79]]  # 34 wide, centres at 21 pixels (16.25 degrees) from the middle
    rows = (view[2] == 255).any(1).nonzero().flatten()
    assert (rows[0], rows[-1]) == (25, 58)


@pytest.mark.parametrize("side, action", [(0, LEFT), (1, RIGHT)])
def test_turning_towards_a_picture_brings_it_to_the_centre(side: int, action: int) -> None:
    task = make(replace(P, momentum=0.0, turn=16.25, select_within=0.01))
    fixate(task)
    step = act(task, action)
    assert step.choice.item() == side  # the picture's centre is the centre of gaze ...
    task.phase[:] = CHOICE
    left = picture_columns(task.views()[0])[side][0]
    assert (left, task.gaze.item()) == (25, pytest.approx(16.25 * (2 * side - 1)))  # ... and of the view


def test_an_action_turns_by_its_angle_at_last_and_a_little_of_it_later() -> None:
    task = make()
    act(task, RIGHT)
    assert 0.9 * P.turn < task.gaze.item() < P.turn
    act(task, STAY)
    act(task, STAY)
    assert task.gaze.item() == pytest.approx(P.turn, abs=0.01)
    for _ in range(3):
        act(task, LEFT)
    act(task, STAY)
    act(task, STAY)
    assert task.gaze.item() == pytest.approx(-2 * P.turn, abs=0.01)


def test_once_around_is_where_one_began() -> None:
    task = make(replace(P, momentum=0.0, turn=36.0))
    first = task.views()
    for i in range(10):
        assert (i in (0, 1, 9)) == bool((task.views() != 48).any())  # only the surroundings away from the screen
        act(task, RIGHT)
    assert task.gaze.item() == pytest.approx(0, abs=1e-6)
    assert torch.equal(task.views(), first)


def test_at_least_three_actions_to_choose() -> None:
    task = make()
    fixate(task)
    choices = [act(task, RIGHT).choice.item() for _ in range(3)]
    assert choices == [-1, -1, 1]


def test_fixation_must_be_held_and_begins_anew() -> None:
    task = make(PER_STEP)
    rewards = [act(task, STAY).reward.item() for _ in range(3)]
    act(task, RIGHT)  # 3.52 degrees after the first step: just outside
    assert task.gaze.item() == pytest.approx(3.52) and rewards == [0, 0, 0]
    act(task, LEFT)
    rewards = [act(task, STAY).reward.item() for _ in range(3)]
    assert rewards == pytest.approx([0, 0, 0.2]) and task.phase.item() == CHOICE


def test_rewards_interval_and_the_next_trial() -> None:
    for correct in (True, False):
        task = make(PER_STEP)
        fixate(task)
        side = task.rewarded_side[0, 0] if correct else 1 - task.rewarded_side[0, 0]
        step = act(task, [LEFT, RIGHT][side])
        while step.choice.item() < 0:
            assert step.reward.item() == 0
            step = act(task, [LEFT, RIGHT][side])
        assert step.reward.item() == (1 if correct else -1)
        assert (step.choice.item(), step.correct.item(), step.trial.item()) == (side, correct, 0)
        assert not (task.views()[0, 0] == 255).any()  # no picture, no cross
        for _ in range(9):
            assert act(task, STAY).reward.item() == 0 and task.phase.item() == INTERVAL
        act(task, STAY)
        assert (task.phase.item(), task.trial.item()) == (FIXATION, 1)


def test_an_ideal_viewer_earns_all_and_the_episode_ends_with_the_last_choice() -> None:
    task = make()
    pair, sides = task.pair.copy(), task.rewarded_side.copy()
    task = make()  # the same episode again
    views, rewards = play_episode(task, IdealViewer(task))
    earned = rewards[rewards.abs() > 0.5].tolist()
    assert earned[1:] == [1] * 5 and len(earned) == P.trials
    assert (rewards == 0.2).sum() == P.trials
    assert (task.trial.item(), task.phase.item(), task.age.item()) == (0, FIXATION, 0)  # the next episode has begun
    assert not np.array_equal(pair, task.pair) or not np.array_equal(sides, task.rewarded_side)
    assert rewards[-1] == 1 and len(views) == len(rewards)


def test_the_longest_episode() -> None:
    task = make(replace(P, longest=40))
    assert [act(task, LEFT).done.item() for _ in range(10)] == [False] * 9 + [True]


@pytest.mark.parametrize("replaced", [False, True])
def test_pictures_of_an_episode(replaced: bool) -> None:
    task = make(replace(P, replaced=replaced))
    left_of = []
    for trial in range(P.trials):
        task.phase[:], task.trial[:] = CHOICE, trial
        view = task.views()[0]
        at = [int(view[0, 42, middle]) for middle in (21, 63)]
        rewarded = int(pictures()[task.pair[0, 0], 0, 0, 0])
        assert at[task.rewarded_side[0, trial]] == rewarded
        left_of.append(at[1 - task.rewarded_side[0, trial]])
        assert left_of[-1] != rewarded
    assert len(set(left_of)) == (P.trials if replaced else 1)


def play_random(task: HarlowGaze, slots: list[int], actions: torch.Tensor) -> list[Step]:
    return [task.step(action[slots]) for action in actions]


def test_same_seed_same_frames_and_a_batch_gives_the_same_as_one_at_a_time() -> None:
    short = replace(P, longest=120)
    actions = torch.from_numpy(np.random.default_rng(5).choice(3, (200, 4), p=[0.25, 0.25, 0.5]))
    together = play_random(make(short, 4), [0, 1, 2, 3], actions)
    assert any(step.done.any() for step in together) and any((step.reward != 0).any() for step in together)
    again = play_random(make(short, 4), [0, 1, 2, 3], actions)
    for a, b in zip(together, again):
        assert all(torch.equal(x, y) for x, y in zip(a, b))
    alone = HarlowGaze(short, pictures(), [[0, 2]])
    alone.begin()
    for a, b in zip(together, play_random(alone, [2], actions)):
        assert all(torch.equal(x[2:3], y) for x, y in zip(a, b))
    other = play_random(make(short, 4, seed=1), [0, 1, 2, 3], actions)
    assert not all(torch.equal(a.view, b.view) for a, b in zip(together, other))


def test_a_saved_state_goes_on_as_if_nothing_had_been() -> None:
    short = replace(P, longest=120)
    actions = torch.from_numpy(np.random.default_rng(6).choice(3, (100, 3)))
    one, other = make(short, 3), make(short, 3)
    play_random(one, [0, 1, 2], actions[:50])
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.views(), other.views())
    for a, b in zip(play_random(one, [0, 1, 2], actions[50:]), play_random(other, [0, 1, 2], actions[50:])):
        assert all(torch.equal(x, y) for x, y in zip(a, b))


def test_sides_and_pairs_are_drawn_fairly() -> None:
    task = make(slots=300)
    assert 0.45 < task.rewarded_side.mean() < 0.55
    assert (task.pair[:, 0] != task.pair[:, 1]).all()
    assert len(np.unique(task.pair)) == 20


def test_a_smaller_view_shows_the_same() -> None:
    task = make(replace(P, view=42))
    fixate(task)
    assert task.views().shape == (1, 3, 42, 42)
    assert picture_columns(task.views()[0]) == [[2, 18], [23, 39]]
    assert [act(task, RIGHT).choice.item() for _ in range(3)] == [-1, -1, 1]


@pytest.mark.parametrize("field, value", [("view", 0), ("momentum", 1.0), ("turn", 0), ("picture_at", 40)])
def test_bad_parameters_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=field):
        replace(P, **{field: value})


def test_pictures_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(ConfigError, match="34 x 34"):
        HarlowGaze(P, pictures(size=20), [[0]])


def test_films(tmp_path: Path) -> None:
    task = make()
    views, _ = play_episode(task, IdealViewer(task))
    save_gif(views, tmp_path / "episode.gif", scale=1)
    save_strip(views, tmp_path / "episode.png", per_row=10)
    with Image.open(tmp_path / "episode.gif") as film:
        assert film.size == (84, 84) and film.n_frames > 10
    with Image.open(tmp_path / "episode.png") as strip:
        assert strip.size == (860, 86 * -(-len(views) // 10))
        assert torch.equal(torch.from_numpy(np.array(strip)[:84, 86:170]).permute(2, 0, 1), views[1])
