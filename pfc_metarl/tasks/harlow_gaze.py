"""Simulation 5 with vision: Harlow's task on a simulated screen that the network looks at by turning its gaze.

Methods, "Simulation 5", in place of DeepMind Lab: only the geometry and the timing are kept. The world is a ring
of 360 degrees around the viewer with a screen on it; what is seen is a window of that ring. A trial: a red cross
has to be held near the centre of gaze; two pictures appear left and right; one is chosen by looking at it.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Interval
from numba.extending import register_jitable

from pfc_metarl.config import Count, NotNegative, Positive, Settings
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import Task

LEFT, RIGHT, STAY = 0, 1, 2
FIXATION, CHOICE, INTERVAL = 0, 1, 2
"""Phases of a trial: the screen shows the cross, two pictures, nothing."""
SCREEN, SURROUNDINGS = 160, 48
"""Greys."""


@dataclass(frozen=True)
class GazeParameters(Settings):
    """Geometry in degrees and pixels, timing in time steps (of which one action lasts `action_repeat`)."""

    view: Annotated[int, Ge(28)] = 84
    """Height and width of what is seen, in pixels (P); all pixel sizes below hold for 84 and scale with it."""
    screen: Annotated[float, Interval(gt=0, le=180)] = 65.0
    """Width of the screen and of the view, in degrees (P: the screen; that the view just holds it is inferred from
    pictures of 34 pixels, .4 of the screen)."""
    picture: Annotated[int, Interval(ge=1, le=84)] = 34
    """Height and width of a picture, in pixels of an 84-pixel view (P)."""
    picture_at: Positive = 16.25
    """Its centre's distance from the screen's, in degrees (inferred: a quarter of the screen)."""
    turn: Positive = 4.4
    """How far one action turns the gaze, in degrees, what follows by momentum included (P)."""
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.2
    """Share of its velocity that the gaze keeps from one time step to the next (our choice; P: small)."""
    action_repeat: Count = 4
    """Time steps that one action lasts (P)."""
    fixate_within: NotNegative = 3.5
    """Largest distance from the cross that counts as fixation, in degrees (P)."""
    fixate_for: Count = 4
    """Time steps that it must be held (P)."""
    select_within: Positive = 7.0
    """Distance from a picture's centre at which it is selected, in degrees (P)."""
    interval: Annotated[int, Ge(0)] = 10
    """Time steps between a choice and the next cross (P)."""
    trials: Annotated[int, Ge(2)] = 6
    """Most trials of an episode (P)."""
    longest: Count = 3_600
    """Most time steps of an episode (P)."""
    fixation_reward: NotNegative = 0.2
    """Reward for fixating the cross (P); choices earn +1 and -1."""
    replaced: bool = False
    """The paper's control: the unrewarded picture is another one on every trial."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("select_within", self.select_within < self.picture_at, f"less than picture_at ({self.picture_at})")
        left, right, size = *self.picture_columns, self.picture_pixels
        fit = 0 <= left < left + size <= right <= self.view - size
        self.require("picture_at", fit, "such that the pictures are on the screen and do not overlap")

    @property
    def pixels_per_degree(self) -> float:
        """Of the view."""
        return self.view / self.screen

    @property
    def picture_pixels(self) -> int:
        """Height and width of a picture in this view."""
        return round(self.picture * self.view / 84)

    @property
    def picture_columns(self) -> tuple[int, int]:
        """First columns of the pictures on the left and on the right of the screen."""
        middle, away = (self.view - self.picture_pixels) / 2, self.picture_at * self.pixels_per_degree
        return round(middle - away), round(middle + away)


class Rules(NamedTuple):
    """What `see` and `act` are told: pixels of the view, degrees, time steps; names as in `GazeParameters`."""

    pictures: np.ndarray  # (picture, row, column, channel)
    columns: tuple[int, int]  # of the screen, where the pictures begin
    top: int  # row where they begin
    cross: np.ndarray  # (row, column, channel)
    cross_at: int  # row and column where it begins
    pixels_per_degree: float
    push: float  # velocity that an action adds in each time step
    momentum: float
    action_repeat: int
    fixate_within: float
    fixate_for: int
    picture_at: float
    select_within: float
    interval: int
    longest: int
    fixation_reward: float


def see(task, episode, trials, view):  # type: ignore[no-untyped-def]
    """A window of the ring, (row, column, channel): the screen in its surroundings, and what the phase shows on it."""
    shift = int(np.rint(episode.gaze * task.pixels_per_degree))  # what is on the screen appears so far to the left
    begin, end = _seen(0, view.shape[1], shift, view.shape[1])
    for row in range(view.shape[0]):
        view[row, :begin] = SURROUNDINGS
        view[row, begin:end] = SCREEN
        view[row, end:] = SURROUNDINGS
    if episode.phase == FIXATION:
        _paint(view, task.cross, task.cross_at, task.cross_at, shift)
    elif episode.phase == CHOICE:
        for side in range(2):
            shown = task.pictures[trials[episode.trials - 1].pictures[side]]
            _paint(view, shown, task.top, task.columns[side], shift)


@register_jitable
def _seen(first, last, shift, columns):  # type: ignore[no-untyped-def]
    """Columns of the view (begin, end) that show these of the screen."""
    begin = min(max(first - shift, 0), columns)
    return begin, max(min(last - shift, columns), begin)


@register_jitable
def _paint(view, picture, top, left, shift):  # type: ignore[no-untyped-def]
    """Show a picture whose first row and column are here on the screen."""
    begin, end = _seen(left, left + picture.shape[1], shift, view.shape[1])
    offset = shift - left
    for row in range(picture.shape[0]):
        for column in range(begin, end):  # compiles in a tenth of the time that slices need, and runs faster
            for channel in range(3):
                view[top + row, column, channel] = picture[row, column + offset, channel]


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Turn the gaze for an action's time steps, under one rule per phase; what it earned in all."""
    episode.trial_begins = False
    push = task.push * (int(action == RIGHT) - int(action == LEFT))
    reward = 0.0
    for step in range(task.action_repeat):
        episode.velocity = task.momentum * episode.velocity + push
        episode.gaze = (episode.gaze + episode.velocity + 180) % 360 - 180  # it comes round after 360 degrees
        now, away = trials[episode.trials - 1], abs(episode.gaze)
        if episode.phase == FIXATION:
            episode.clock = episode.clock + 1 if away <= task.fixate_within else 0
            if episode.clock >= task.fixate_for:
                reward += task.fixation_reward
                episode.phase, episode.clock = CHOICE, 0
        elif episode.phase == CHOICE:
            if abs(away - task.picture_at) <= task.select_within:
                now.choice = RIGHT if episode.gaze > 0 else LEFT
                now.correct = now.choice == now.rewarded_side
                reward += 1.0 if now.correct else -1.0
                episode.phase, episode.clock = INTERVAL, 0
                episode.over = episode.trials == len(trials)
        else:
            episode.clock += 1
            if episode.clock >= task.interval:
                episode.trials += 1
                episode.trial_begins = True
                episode.phase, episode.clock = FIXATION, 0
        if episode.time * task.action_repeat + step + 1 >= task.longest:
            episode.over = True
        if episode.over:
            break
    return reward


class HarlowGaze(Task):
    """The gaze task; episodes run on, one that ends is followed by the next at once.

    Our choices, where the paper is silent: the gaze starts at the screen's centre and is not moved between trials;
    the screen is light grey in dark surroundings, the cross 6 pixels wide; time is counted in time steps, not
    actions (so that an episode has at most 900 actions); the episode ends with the last choice; two pictures of an
    episode are never the same one; turns are low-pass filtered, v' = m v + (1 - m) turn / action_repeat, so that
    each action turns the gaze by `turn` in all.

    Args:
        parameters: geometry and timing.
        pictures: (picture, picture_pixels, picture_pixels, 3), uint8.
        steps: actions of one stretch.

    Raises:
        ConfigError: too few pictures, or of another size.
    """

    name = "harlow_gaze"
    parameters: Rules
    observation_type = np.uint8
    actions = 3
    steps_per_trial = 0
    running = True
    episode_fields = [
        ("gaze", "f8"),  # degrees, right of the screen's centre
        ("velocity", "f8"),  # degrees per time step
        ("phase", "i1"),
        ("clock", "i8"),  # time steps of the phase (fixation: of those since the gaze came near)
        ("trial_begins", "?"),  # with what is seen now
    ]
    trial_fields = [("pictures", "i4", (2,)), ("rewarded_side", "i1")]  # pictures: left, right
    outcome_fields = [("choice", "i1"), ("correct", "?")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, parameters: GazeParameters, pictures: np.ndarray, steps: int) -> None:
        p, size = parameters, parameters.picture_pixels
        needed = 1 + (p.trials if p.replaced else 1)
        if len(pictures) < needed or pictures.shape[1:] != (size, size, 3) or pictures.dtype != np.uint8:
            what = f"{needed} or more, each {size} x {size} x 3 of uint8"
            raise ConfigError(f"pictures must be {what}, not {pictures.shape} of {pictures.dtype}")
        self.trials, self.stretch, self.replaced = p.trials, steps, p.replaced
        self.observations = (p.view, p.view, 3)
        cross, at = _cross(p.view)
        self.parameters = Rules(
            pictures=np.ascontiguousarray(pictures),
            columns=p.picture_columns,
            top=(p.view - size) // 2,
            cross=cross,
            cross_at=at,
            pixels_per_degree=p.pixels_per_degree,
            push=(1 - p.momentum) * p.turn / p.action_repeat,
            **{name: getattr(p, name) for name in Rules._fields if name in GazeParameters.__dataclass_fields__},
        )

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Pictures, and the sides on which the rewarded one is; see `Task`."""
        for episode, own in zip(episodes, trials):
            episode["trials"], episode["trial_begins"] = 1, True  # trials: begun so far
            different = len(own) if self.replaced else 1
            rewarded, *unrewarded = rng.choice(len(self.parameters.pictures), 1 + different, replace=False)
            own["rewarded_side"] = rng.integers(0, 2, len(own))
            on_right = own["rewarded_side"] == RIGHT
            own["pictures"][:, LEFT] = np.where(on_right, unrewarded, rewarded)
            own["pictures"][:, RIGHT] = np.where(on_right, rewarded, unrewarded)


def _cross(view: int) -> tuple[np.ndarray, int]:
    """A red cross in the middle of the screen, (row, column, channel), and the row and column where it begins."""
    screen, long = np.full((view, view, 3), SCREEN, np.uint8), max(1, round(3 * view / 84))
    thin, along = (slice(round(view / 2 - half), round(view / 2 + half)) for half in (max(1, long // 3), long))
    screen[thin, along] = screen[along, thin] = (255, 0, 0)
    return screen[along, along].copy(), along.start
