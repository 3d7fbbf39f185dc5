"""What a network sees, for people: an episode as a GIF."""

from pathlib import Path

import numpy as np
from PIL import Image

from pfc_metarl.files import written_aside


def save_gif(views: np.ndarray, path: Path, scale: int = 3, per_second: float = 15.0) -> None:
    """Views (time, height, width, 3), uint8, as an endless GIF, each pixel enlarged."""
    frames = [Image.fromarray(view.repeat(scale, 0).repeat(scale, 1)) for view in views]
    with written_aside(path) as aside:
        frames[0].save(
            aside, format="GIF", save_all=True, append_images=frames[1:], duration=round(1000 / per_second), loop=0
        )
