"""What the gaze network sees, for people: an episode as a GIF or as a strip of frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pfc_metarl.results import written_aside
from pfc_metarl.tasks.harlow_gaze import CHOICE, LEFT, RIGHT, STAY, HarlowGaze

BORDER = 2  # pixels between the frames of a strip


def play_episode(task: HarlowGaze, policy: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """One episode in the task's first slot.

    Args:
        task: with any number of slots; all are stepped.
        policy: from views (episode, 3, view, view) and last rewards (episode,) to actions (episode,).

    Returns:
        Views (time, 3, view, view), uint8, and the reward that followed each (time,).
    """
    view, reward = task.begin(), torch.zeros(len(task.keys))
    views, rewards, done = [], [], False
    while not done:
        views.append(view[0].clone())
        step = task.step(policy(view, reward))
        view, reward, done = step.view, step.reward, bool(step.done[0])
        rewards.append(float(reward[0]))
    return torch.stack(views), torch.tensor(rewards)


def look_at(task: HarlowGaze, target: np.ndarray) -> Tensor:
    """Actions that turn the gaze towards targets (episode,), in degrees; stay when an action would not bring it closer.

    Reckons with the glide that is still to come. Reads the task's state, so is no agent, but a guide for films and
    tests.
    """
    p = task.parameters
    ahead = task.gaze + task.velocity * p.momentum / (1 - p.momentum)
    off = target - ahead
    return torch.from_numpy(np.where(off > p.turn / 2, RIGHT, np.where(off < -p.turn / 2, LEFT, STAY)))


class IdealViewer:
    """Plays perfectly, by looking up the task's state: left on the first trial, the rewarded picture from then on."""

    def __init__(self, task: HarlowGaze) -> None:
        self.task = task

    def __call__(self, view: Tensor, reward: Tensor) -> Tensor:
        """See `play_episode`."""
        task = self.task
        side = np.where(task.trial == 0, 0, task.rewarded_side[task.slots, task.trial])
        picture = task.parameters.picture_at * (2 * side - 1)
        return look_at(task, np.where(task.phase == CHOICE, picture, 0.0))


def save_gif(views: Tensor, path: Path, scale: int = 3, per_second: float = 15.0) -> None:
    """Views (time, 3, height, width) as an endless GIF, each pixel enlarged."""
    frames = [_picture(view, scale) for view in views]
    with written_aside(path) as aside:
        frames[0].save(
            aside, format="GIF", save_all=True, append_images=frames[1:], duration=round(1000 / per_second), loop=0
        )


def save_strip(views: Tensor, path: Path, scale: int = 1, per_row: int = 12) -> None:
    """Views (time, 3, height, width) as one PNG, row after row."""
    width, height = _picture(views[0], scale).size
    rows = -(-len(views) // per_row)
    strip = Image.new("RGB", (per_row * (width + BORDER), rows * (height + BORDER)), "white")
    for i, view in enumerate(views):
        strip.paste(_picture(view, scale), (i % per_row * (width + BORDER), i // per_row * (height + BORDER)))
    with written_aside(path) as aside:
        strip.save(aside, format="PNG")


def _picture(view: Tensor, scale: int) -> Image.Image:
    picture = Image.fromarray(view.permute(1, 2, 0).contiguous().numpy())
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
