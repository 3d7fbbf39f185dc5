"""The gaze task: geometry, rules and timing step by step, reproducibility."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playing import at_random, begun, play, renew, within_binomial_bounds

from pfc_metarl.errors import ConfigError
from pfc_metarl.film import save_gif
from pfc_metarl.tasks.episodes import Episodes, led_episodes
from pfc_metarl.tasks.harlow_gaze import (
    CHOICE,
    FIXATION,
    INTERVAL,
    LEFT,
    RIGHT,
    SCREEN,
    STAY,
    SURROUNDINGS,
    GazeParameters,
    HarlowGaze,
)

P = GazeParameters()
PER_STEP = replace(P, action_repeat=1)
"""One time step per action, to see the rules step by step."""


def pictures(n: int = 20, size: int = 34) -> np.ndarray:
    """Plain pictures, told apart by the red channel; the blue one is 255, as in nothing else on the screen."""
    out = np.zeros((n, size, size, 3), np.uint8)
    out[..., 0] = (np.arange(n) * 5 + 7)[:, None, None]
    out[..., 2] = 255
    return out


def task(parameters: GazeParameters = P, steps: int = 100) -> HarlowGaze:
    return HarlowGaze(parameters, pictures(size=parameters.picture_pixels), steps)


def example() -> HarlowGaze:
    """A small one."""
    return task(GazeParameters(view=28, longest=360), steps=60)


def make(parameters: GazeParameters = P, slots: int = 1) -> Episodes:
    """Running episodes of one network."""
    return begun(task(parameters), networks=1, episodes=slots)


def act(world: Episodes, action: int) -> float:
    """The reward of the first slot."""
    world.step(np.full(world.reward.shape, action), renew)
    return float(world.reward[0, 0])


def now(world: Episodes, field: str) -> object:
    """A field of the first slot's episode."""
    return world.records[field][0, 0]


def look_at(world: Episodes, target: object) -> np.ndarray:
    """Actions that turn the gaze towards targets, in degrees; stay when an action would not bring it closer.

    Reckons with the glide that is still to come.
    """
    rules, records = world.task.parameters, world.records
    turn = rules.push * rules.action_repeat / (1 - rules.momentum)
    ahead = records["gaze"] + records["velocity"] * rules.momentum / (1 - rules.momentum)
    off = target - ahead
    return np.where(off > turn / 2, RIGHT, np.where(off < -turn / 2, LEFT, STAY))


def ideal_viewer(t: int, world: Episodes) -> np.ndarray:
    """Looks up the records: left on the first trial, the rewarded picture from then on."""
    trial = world.records["trials"] - 1
    rewarded = np.take_along_axis(world.trials["rewarded_side"], trial[..., None], -1)[..., 0]
    picture = world.task.parameters.picture_at * (2 * np.where(trial == 0, LEFT, rewarded) - 1)
    return look_at(world, np.where(world.records["phase"] == CHOICE, picture, 0.0))


def fixate(world: Episodes) -> None:
    while (world.records["phase"] != CHOICE).any():
        world.step(look_at(world, 0.0), renew)


def choices(world: Episodes) -> list[int]:
    """Of the first slot's running episode."""
    return world.trials["choice"][0, 0].tolist()


def picture_columns(view: np.ndarray) -> list[list[int]]:
    """First and last column of each picture in a view (height, width, 3)."""
    blue = (view[..., 2] == 255).any(0).nonzero()[0].tolist()
    starts = [c for c in blue if c - 1 not in blue]
    return [[start, next(c for c in blue if c >= start and c + 1 not in blue)] for start in starts]


def test_layout_of_the_screen() -> None:
    world = make()
    view = world.observation[0, 0]
    red = np.argwhere((view == (255, 0, 0)).all(-1))
    assert red.mean(0).tolist() == [41.5, 41.5] and len(red) == 20  # the cross, 6 x 6, is in the middle
    fixate(world)
    view = world.observation[0, 0]
    assert picture_columns(view) == [[4, 37], [46, 79]]  # 34 wide, centres at 21 pixels (16.25 degrees) from the middle
    rows = (view[..., 2] == 255).any(1).nonzero()[0]
    assert (rows[0], rows[-1]) == (25, 58)


@pytest.mark.parametrize("side, action", [(0, LEFT), (1, RIGHT)])
def test_turning_towards_a_picture_brings_it_to_the_centre(side: int, action: int) -> None:
    world = make(replace(P, momentum=0.0, turn=16.25, select_within=0.01))
    fixate(world)
    act(world, action)
    assert choices(world)[0] == side  # the picture's centre is the centre of gaze ...
    world.records["phase"] = CHOICE
    world.look()
    left = picture_columns(world.observation[0, 0])[side][0]
    assert (left, now(world, "gaze")) == (25, pytest.approx(16.25 * (2 * side - 1)))  # ... and of the view


def test_an_action_turns_by_its_angle_at_last_and_a_little_of_it_later() -> None:
    world = make()
    act(world, RIGHT)
    assert 0.9 * P.turn < now(world, "gaze") < P.turn
    act(world, STAY)
    act(world, STAY)
    assert now(world, "gaze") == pytest.approx(P.turn, abs=0.01)
    for _ in range(3):
        act(world, LEFT)
    act(world, STAY)
    act(world, STAY)
    assert now(world, "gaze") == pytest.approx(-2 * P.turn, abs=0.01)


def test_once_around_is_where_one_began() -> None:
    world = make(replace(P, momentum=0.0, turn=36.0))
    first = world.observation.copy()
    for i in range(10):
        assert (i in (0, 1, 9)) == bool((world.observation != SURROUNDINGS).any())  # nothing but these without a screen
        act(world, RIGHT)
    assert now(world, "gaze") == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(world.observation, first)


def test_at_least_three_actions_to_choose() -> None:
    world = make()
    fixate(world)
    made = []
    for _ in range(3):
        act(world, RIGHT)
        made.append(choices(world)[0])
    assert made == [-1, -1, 1]


def test_fixation_must_be_held_and_begins_anew() -> None:
    world = make(PER_STEP)
    rewards = [act(world, STAY) for _ in range(3)]
    act(world, RIGHT)  # 3.52 degrees after the first step: just outside
    assert now(world, "gaze") == pytest.approx(3.52) and rewards == [0, 0, 0]
    act(world, LEFT)
    rewards = [act(world, STAY) for _ in range(3)]
    assert rewards == pytest.approx([0, 0, 0.2]) and now(world, "phase") == CHOICE


@pytest.mark.parametrize("correct", [True, False])
def test_rewards_interval_and_the_next_trial(correct: bool) -> None:
    world = make(PER_STEP)
    assert world.trial_begins().all()
    fixate(world)
    assert not world.trial_begins().any()
    side = int(world.trials["rewarded_side"][0, 0, 0]) ^ (not correct)
    rewards = []
    while choices(world)[0] < 0:
        rewards.append(act(world, [LEFT, RIGHT][side]))
    assert not any(rewards[:-1]) and rewards[-1] == (1 if correct else -1)
    first = world.trials[0, 0, 0]
    assert (first["choice"], first["correct"]) == (side, correct)
    assert not (world.observation[..., 0] == 255).any() and not (world.observation[..., 2] == 255).any()  # blank
    for _ in range(9):
        assert act(world, STAY) == 0 and now(world, "phase") == INTERVAL and now(world, "trials") == 1
    act(world, STAY)
    assert (now(world, "phase"), now(world, "trials")) == (FIXATION, 2) and world.trial_begins().all()
    act(world, STAY)
    assert not world.trial_begins().any()
    assert choices(world)[1:] == [-1] * (P.trials - 1)


def test_an_ideal_viewer_earns_all_and_episodes_end_with_the_last_choice() -> None:
    world = make(slots=4)
    met = play(world, ideal_viewer, 200)
    number, _, episodes, trials = world.ended()
    assert len(number) > 4 and (episodes["trials"] == P.trials).all()
    assert (trials["choice"][:, 0] == LEFT).all() and trials["correct"][:, 1:].all()
    assert 0 < trials["correct"][:, 0].sum() < len(trials)
    rewards = met.rewards[:, 0, 0]  # the first slot's first episode
    last = np.flatnonzero(np.abs(rewards) > 0.5)[P.trials - 1]
    assert np.isclose(rewards[: last + 1], 0.2).sum() == P.trials
    assert last + 1 == episodes["time"][0]
    fresh = begun(world.task, networks=1, episodes=1)
    fresh.begin_slot(0, 0, renew)  # the second episode of that slot is seen next
    fresh.look()
    np.testing.assert_array_equal(met.observations[last + 1, 0, 0], fresh.observation[0, 0])


def test_the_longest_episode_counts_the_trial_that_is_not_finished() -> None:
    world = make(replace(P, longest=40))
    for _ in range(10):
        assert not world.finished
        act(world, LEFT)
    _, _, episodes, trials = world.ended()
    assert (episodes["trials"].tolist(), episodes["time"].tolist()) == ([1], [10])
    assert (trials["choice"] == -1).all() and not trials["correct"].any()


@pytest.mark.parametrize("replaced", [False, True])
def test_pictures_of_an_episode(replaced: bool) -> None:
    world = make(replace(P, replaced=replaced))
    sides, rewarded, others = world.trials["rewarded_side"][0, 0], [], []
    for trial in range(P.trials):
        world.records["phase"], world.records["trials"] = CHOICE, trial + 1
        world.look()
        at = [int(world.observation[0, 0, 42, middle, 0]) for middle in (21, 63)]
        assert at == pictures()[world.trials["pictures"][0, 0, trial], 0, 0, 0].tolist()
        rewarded.append(at[sides[trial]])
        others.append(at[1 - sides[trial]])
    assert len(set(rewarded)) == 1 and rewarded[0] not in others
    assert len(set(others)) == (P.trials if replaced else 1)


def slow_view(world: Episodes, parameters: GazeParameters, shown: np.ndarray) -> np.ndarray:
    """What the first slot sees: a whole screen painted, put into wide surroundings, and a window cut out of them."""
    p, (record, trials) = parameters, (world.records[0, 0], world.trials[0, 0])
    screen = np.full((p.view, p.view, 3), SCREEN, np.uint8)
    if record["phase"] == FIXATION:
        middle, arm = p.view / 2, round(3 * p.view / 84)
        thin, long = (slice(round(middle - a), round(middle + a)) for a in (max(1, arm // 3), arm))
        screen[thin, long] = screen[long, thin] = (255, 0, 0)
    elif record["phase"] == CHOICE:
        top, size = (p.view - p.picture_pixels) // 2, p.picture_pixels
        for side, picture in enumerate(trials["pictures"][record["trials"] - 1]):
            centre = p.view / 2 + (2 * side - 1) * p.picture_at * p.view / p.screen
            left = round(centre - size / 2)
            screen[top : top + size, left : left + size] = shown[picture]
    wide = 4 * p.view
    around = np.pad(screen, ((0, 0), (wide, wide), (0, 0)), constant_values=SURROUNDINGS)
    from_ = wide + int(np.rint(record["gaze"] * p.view / p.screen))
    return around[:, from_ : from_ + p.view]


@pytest.mark.parametrize("view, picture", [(84, 34), (42, 34), (61, 31)])
def test_views_equal_a_window_cut_out_of_a_painted_world(view: int, picture: int) -> None:
    own = replace(P, view=view, picture=picture, turn=11.0, fixate_within=20.0)
    shown = np.random.default_rng(0).integers(0, 256, (8, own.picture_pixels, own.picture_pixels, 3), np.uint8)
    world = begun(HarlowGaze(own, shown, 300), networks=1, episodes=1)
    drawn, phases, gazes = np.random.default_rng(1), set(), []
    for _ in range(300):
        np.testing.assert_array_equal(world.observation[0, 0], slow_view(world, own, shown))
        phases.add(int(now(world, "phase")))
        gazes.append(float(now(world, "gaze")))
        act(world, drawn.choice([LEFT, RIGHT, STAY]))
    assert phases == {FIXATION, CHOICE, INTERVAL} and min(gazes) < 0 and max(np.abs(gazes)) > own.screen


def test_a_slot_meets_the_same_alone_and_among_others() -> None:
    short = task(replace(P, longest=120))
    actions = np.random.default_rng(5).choice(3, (200, 4), p=[0.25, 0.25, 0.5])
    together = play(begun(short, 1, 4), lambda t, world: actions[t], 200)
    assert len(together.world.finished) > 4 and together.rewards.any()
    alone = Episodes(short, 1, 1)
    third: Callable = lambda network, slot, number: renew(network, 2, number)  # noqa: E731
    alone.begin_running(third)
    for t in range(200):
        np.testing.assert_array_equal(alone.observation[:, 0], together.observations[t, :, 2])
        alone.step(actions[t, 2].reshape(1, 1), third)
        assert alone.reward[0, 0] == together.rewards[t, 0, 2]
    another = play(begun(short, 2, 4), lambda t, world: actions[t], 200)
    np.testing.assert_array_equal(another.observations[:, :1], together.observations)
    assert not np.array_equal(another.observations[:, 1:], together.observations)


def test_a_saved_state_goes_on_as_if_nothing_had_been() -> None:
    short = task(replace(P, longest=120))
    one, other = (begun(short, networks=2, episodes=3) for _ in range(2))
    play(one, at_random(short, 1), 50)
    other.restore({name: array.copy() for name, array in one.state().items()})
    np.testing.assert_array_equal(one.observation, other.observation)
    a, b = (play(world, at_random(short, 2), 50) for world in (one, other))
    assert a.digest() == b.digest()


def test_sides_and_pictures_are_drawn_fairly() -> None:
    world = begun(task(), networks=3, episodes=100)
    right = world.trials["rewarded_side"]
    assert within_binomial_bounds(int(right.sum()), right.size, 0.5)
    assert all(within_binomial_bounds(int(right[..., trial].sum()), 300, 0.5) for trial in range(P.trials))
    shown = world.trials["pictures"]
    assert (shown[..., 0] != shown[..., 1]).all()
    rewarded = np.take_along_axis(shown, right[..., None], -1)[..., 0, 0]
    assert all(within_binomial_bounds(int((rewarded == k).sum()), 300, 1 / 20) for k in range(20))


def test_a_smaller_view_shows_the_same() -> None:
    world = make(replace(P, view=42))
    fixate(world)
    assert world.observation.shape == (1, 1, 42, 42, 3)
    assert picture_columns(world.observation[0, 0]) == [[2, 18], [23, 39]]
    for _ in range(3):
        assert choices(world)[0] == -1
        act(world, RIGHT)
    assert choices(world)[0] == RIGHT


@pytest.mark.parametrize(
    "field, value",
    [("view", 0), ("momentum", 1.0), ("turn", 0), ("picture_at", 40), ("picture_at", 12.0), ("select_within", 17.0)],
)
def test_bad_parameters_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        replace(P, **{field: value})


@pytest.mark.parametrize("shown", [pictures(size=20), pictures(n=6), pictures().astype(float)])
def test_pictures_of_the_wrong_size_or_number_are_refused(shown: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="7 or more, each 34 x 34 x 3"):
        HarlowGaze(replace(P, replaced=True), shown, 10)


def test_nobody_can_be_led() -> None:
    with pytest.raises(ConfigError, match="harlow_gaze: nobody can be led .* no single action"):
        led_episodes(make().task, pd.DataFrame(), 1)


def test_a_film_shows_what_was_seen(tmp_path: Path) -> None:
    met = play(make(), ideal_viewer, 30)
    save_gif(met.observations[:, 0, 0], tmp_path / "episode.gif", scale=2)
    with Image.open(tmp_path / "episode.gif") as film:
        assert film.size == (168, 168) and 10 < film.n_frames <= 30
        first = np.asarray(film.convert("RGB"), int)[::2, ::2]
    assert np.abs(first - met.observations[0, 0, 0]).max() < 10  # up to the film's choice of colours
