"""Simulation 5 with vision: Harlow's task on a simulated screen that the network looks at by turning its gaze.

Methods, "Simulation 5", in place of DeepMind Lab: only the geometry and the timing are kept. The world is a ring
of 360 degrees around the viewer with a screen on it; what is seen is a window of that ring. A trial: a red cross
has to be held near the centre of gaze; two pictures appear left and right; one is chosen by looking at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.errors import ConfigError

LEFT, RIGHT, STAY = 0, 1, 2
FIXATION, CHOICE, INTERVAL = 0, 1, 2  # phases of a trial
BLANK, CROSS, FIRST_PICTURES = 0, 1, 2  # screens: one blank, one with the cross, then each episode's trials
STATE = ("pair", "rewarded_side", "gaze", "velocity", "phase", "trial", "clock", "age", "episode")


@dataclass(frozen=True)
class GazeParameters:
    """Geometry in degrees and pixels, timing in time steps (of which one action lasts `action_repeat`)."""

    view: int = 84
    """Height and width of what is seen, in pixels (P); all pixel sizes below hold for 84 and scale with it."""
    screen: float = 65.0
    """Width of the screen and of the view, in degrees (P: the screen; that the view just holds it is inferred from
    pictures of 34 pixels, .4 of the screen)."""
    picture: int = 34
    """Height and width of a picture, in pixels of an 84-pixel view (P)."""
    picture_at: float = 16.25
    """Its centre's distance from the screen's, in degrees (inferred: a quarter of the screen)."""
    turn: float = 4.4
    """How far one action turns the gaze, in degrees, what follows by momentum included (P)."""
    momentum: float = 0.2
    """Share of its velocity that the gaze keeps from one time step to the next (our choice; P: small)."""
    action_repeat: int = 4
    """Time steps that one action lasts (P)."""
    fixate_within: float = 3.5
    """Largest distance from the cross that counts as fixation, in degrees (P)."""
    fixate_for: int = 4
    """Time steps that it must be held (P)."""
    select_within: float = 7.0
    """Distance from a picture's centre at which it is selected, in degrees (P)."""
    interval: int = 10
    """Time steps between a choice and the next cross (P)."""
    trials: int = 6
    """Most trials of an episode (P)."""
    longest: int = 3_600
    """Most time steps of an episode (P)."""
    fixation_reward: float = 0.2
    """Reward for fixating the cross (P); choices earn +1 and -1."""
    replaced: bool = False
    """The paper's control: the unrewarded picture is another one on every trial."""

    def __post_init__(self) -> None:
        rules = {
            "view": self.view >= 28,
            "screen": 0 < self.screen <= 180,
            "picture": 1 <= self.picture <= 84,
            "picture_at": 0 < self.picture_at < self.screen / 2,
            "turn": self.turn > 0,
            "momentum": 0 <= self.momentum < 1,
            "select_within": 0 < self.select_within < self.picture_at,
        }
        rules |= {name: getattr(self, name) >= 1 for name in ("action_repeat", "fixate_for", "trials", "longest")}
        for name, holds in rules.items():
            if not holds:
                raise ConfigError(f"{name} makes no sense: {getattr(self, name)}")

    @property
    def pixels_per_degree(self) -> float:
        """Of the view."""
        return self.view / self.screen

    @property
    def picture_pixels(self) -> int:
        """Height and width of a picture in this view."""
        return round(self.picture * self.view / 84)


class Step(NamedTuple):
    """What follows an action; all (episode,) but the view."""

    view: Tensor
    """(episode, 3, view, view), uint8. After `done` the first view of the next episode."""
    reward: Tensor
    """Sum over the action's time steps."""
    done: Tensor
    """Whether the episode ended, and the next one began."""
    trial: Tensor
    """Index of the trial that the action belonged to, from 0."""
    choice: Tensor
    """Picture that was selected: 0 left, 1 right, -1 none."""
    correct: Tensor
    """Whether it was the rewarded one."""


class HarlowGaze:
    """Episodes of the gaze task side by side, each followed by the next without a pause.

    Our choices, where the paper is silent: the gaze starts at the screen's centre and is not moved between trials;
    the screen is light grey in dark surroundings, the cross 6 pixels wide; time is counted in time steps, not
    actions (so that an episode has at most 900 actions); the episode ends with the last choice; two pictures of an
    episode are never the same one; turns are low-pass filtered, v' = m v + (1 - m) turn / action_repeat, so that
    each action turns the gaze by `turn` in all.

    Args:
        parameters: geometry and timing.
        pictures: (picture, 3, picture_pixels, picture_pixels), uint8.
        keys: one per slot; what is met in a slot's n-th episode is a function of its key and n alone.
    """

    actions = 3

    def __init__(self, parameters: GazeParameters, pictures: Tensor, keys: Sequence[Sequence[int]]) -> None:
        p, size = parameters, parameters.picture_pixels
        if len(pictures) < 2 + (p.trials - 1) * p.replaced or tuple(pictures.shape[1:]) != (3, size, size):
            raise ConfigError(f"pictures must be several of 3 x {size} x {size}, not {list(pictures.shape)}")
        self.parameters, self.keys = parameters, list(keys)
        self.columns = pictures.transpose(1, 3).contiguous()  # (picture, width, height, channel)
        n = len(self.keys)
        # Screens are kept column by column, since a turn of the gaze shifts columns: a view is a row of columns,
        # copied whole. Layout (screen, width, height x channel); the surroundings are one more column at the end.
        self.surroundings = (FIRST_PICTURES + n * p.trials) * p.view
        self.table = torch.full((self.surroundings + 1, p.view * 3), 160, dtype=torch.uint8)
        self.table[self.surroundings] = 48
        self.screens = self.table[: self.surroundings].view(-1, p.view, p.view, 3)  # (screen, width, height, channel)
        self._draw_cross(self.screens[CROSS])
        # numpy for the state: some numbers per episode, on which it is several times faster than torch
        self.slots, self.window = np.arange(n), np.arange(p.view)
        self.rewarded_side = np.zeros((n, p.trials), dtype=np.int64)
        self.pair = np.zeros((n, 1 + (p.trials if p.replaced else 1)), dtype=np.int64)
        self.gaze, self.velocity = np.zeros(n), np.zeros(n)  # degrees, right of the screen's centre; per time step
        self.phase, self.trial, self.clock, self.age, self.episode = (np.zeros(n, dtype=np.int64) for _ in range(5))

    def _draw_cross(self, screen: Tensor) -> None:
        middle, arm = self.parameters.view / 2, max(1, round(3 * self.parameters.view / 84))
        thin, long = [slice(round(middle - a), round(middle + a)) for a in (max(1, arm // 3), arm)]
        for columns, rows in ((thin, long), (long, thin)):
            screen[columns, rows] = torch.tensor([255, 0, 0], dtype=torch.uint8)

    def begin(self) -> Tensor:
        """Start an episode in every slot; the first views (episode, 3, view, view), uint8."""
        for slot in range(len(self.keys)):
            self._new_episode(slot)
        return self.views()

    def _new_episode(self, slot: int) -> None:
        """Draw pictures and sides, and set all back."""
        p, rng = self.parameters, np.random.default_rng([*self.keys[slot], int(self.episode[slot])])
        self.pair[slot] = rng.choice(len(self.columns), self.pair.shape[1], replace=False)  # the first is rewarded
        self.rewarded_side[slot] = rng.integers(0, 2, p.trials)
        self._paint(slot)
        for state in (self.gaze, self.velocity, self.phase, self.trial, self.clock, self.age):
            state[slot] = 0
        self.episode[slot] += 1

    def _paint(self, slot: int) -> None:
        """The screens of a slot's trials."""
        p = self.parameters
        size, first = p.picture_pixels, FIRST_PICTURES + slot * p.trials
        top = (p.view - size) // 2
        for trial, side in enumerate(self.rewarded_side[slot].tolist()):
            unrewarded = self.pair[slot, 1 + trial * p.replaced]
            for shown, at in ((self.pair[slot, 0], side), (unrewarded, 1 - side)):
                left = round((p.view - size) / 2 + (2 * at - 1) * p.picture_at * p.pixels_per_degree)
                self.screens[first + trial, left : left + size, top : top + size] = self.columns[shown]

    def views(self) -> Tensor:
        """What is seen now: (episode, 3, view, view), uint8."""
        p = self.parameters
        pictures = FIRST_PICTURES + self.slots * p.trials + self.trial
        screen = np.choose(self.phase, [CROSS, pictures, BLANK])  # by phase: FIXATION, CHOICE, INTERVAL
        shift = np.rint(self.gaze * p.pixels_per_degree).astype(np.int64)
        column = self.window + shift[:, None]  # (episode, width), of the screen
        on_screen = (column >= 0) & (column < p.view)
        index = np.where(on_screen, column + screen[:, None] * p.view, self.surroundings)
        seen = self.table.index_select(0, torch.from_numpy(index.ravel())).view(-1, p.view, p.view, 3)
        return seen.permute(0, 3, 2, 1)  # from (episode, width, height, channel)

    def step(self, action: Tensor) -> Step:
        """Take actions (episode,), each for several time steps."""
        p = self.parameters
        trial, done = self.trial.copy(), np.zeros(len(action), dtype=bool)
        reward, correct = np.zeros(len(action), dtype=np.float32), done.copy()
        choice = np.full(len(action), -1)
        taken = action.numpy()
        push = (1 - p.momentum) * p.turn / p.action_repeat * ((taken == RIGHT) - 1.0 * (taken == LEFT))
        for _ in range(p.action_repeat):
            self._turn(push)
            # one rule per phase; each sees the phase as it was before this time step
            fixated, selected, over = self._fixated() & ~done, self._selected(), self._interval_over() & ~done
            chosen = (selected >= 0) & ~done
            rewarded = chosen & (selected == self.rewarded_side[self.slots, self.trial])
            reward += p.fixation_reward * fixated + 2.0 * rewarded - chosen
            choice[chosen], trial[chosen] = selected[chosen], self.trial[chosen]
            correct |= rewarded
            self.phase[fixated], self.phase[chosen], self.phase[over] = CHOICE, INTERVAL, FIXATION
            self.clock[fixated | chosen | over] = 0
            self.trial += over
            self.age += 1
            done |= (chosen & (self.trial == p.trials - 1)) | (self.age >= p.longest)
        for slot in done.nonzero()[0].tolist():
            self._new_episode(slot)
        return Step(self.views(), *map(torch.from_numpy, (reward, done, trial, choice, correct)))

    def _turn(self, push: np.ndarray) -> None:
        """Move the gaze by one time step; it comes round after 360 degrees."""
        self.velocity = self.parameters.momentum * self.velocity + push
        self.gaze = (self.gaze + self.velocity + 180) % 360 - 180

    def _fixated(self) -> np.ndarray:
        """(episode,): has the cross been held for long enough? Counts the time steps."""
        due = self.phase == FIXATION
        near = due & (np.abs(self.gaze) <= self.parameters.fixate_within)
        self.clock[due] = (self.clock[due] + 1) * near[due]
        return near & (self.clock >= self.parameters.fixate_for)

    def _selected(self) -> np.ndarray:
        """(episode,): picture in the centre of gaze, 0 left, 1 right, -1 none."""
        near = np.abs(np.abs(self.gaze) - self.parameters.picture_at) <= self.parameters.select_within
        return np.where(near & (self.phase == CHOICE), self.gaze > 0, -1)

    def _interval_over(self) -> np.ndarray:
        """(episode,): has the blank screen lasted long enough? Counts the time steps."""
        waiting = self.phase == INTERVAL
        self.clock += waiting
        return waiting & (self.clock >= self.parameters.interval)

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next steps depend on, besides parameters, pictures and keys."""
        return {name: torch.from_numpy(getattr(self, name).copy()) for name in STATE}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        for name in STATE:
            getattr(self, name)[:] = state[name].numpy()
        for slot in range(len(self.keys)):
            self._paint(slot)
