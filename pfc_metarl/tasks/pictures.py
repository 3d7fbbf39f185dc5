"""Pictures for Harlow's task: a training and a held-out set that share nothing.

By default crops of photographs that come with scikit-image and scikit-learn, training and held-out ones from
different photographs; or the pictures of any folder.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from pfc_metarl.errors import UserError
from pfc_metarl.random_streams import PICTURES, generator

ENDINGS = (".jpg", ".jpeg", ".png")
# the two views of the motorcycle, a stereo pair, are on the same side; textures and colours are shared out
TRAINING_PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "coffee", "gravel", "moon", "motorcycle_left", "motorcycle_right", "retina",
    "china",
)  # fmt: skip
HELD_OUT_PHOTOGRAPHS = (
    "chelsea", "clock", "coins", "grass", "hubble_deep_field", "immunohistochemistry", "rocket", "flower",
)  # fmt: skip
SMALLEST_CROP = 48
"""Pixels of the photograph; the largest crop is its shorter side."""
LEAST_CONTRAST = 20
"""Smallest s.d. of a crop's pixel values (of 255): others are hardly more than one grey."""
DIMMEST_LIGHT = 0.3
"""Smallest brightness of a colour channel, of 1."""


class Pictures(NamedTuple):
    """Both sets, (picture, size, size, 3), uint8."""

    training: np.ndarray
    held_out: np.ndarray


def bundled_pictures(size: int, training: int = 1_000, held_out: int = 1_000, seed: int = 0) -> Pictures:
    """Crops at several scales of photographs that come with the installed packages.

    Our choice, for the paper's ImageNet pictures: any photograph of a side as likely as any other, crops of
    log-uniform size, anywhere in it. Since so few photographs would give many pairs that look alike, each crop is
    mirrored or not, has its colour channels shuffled, and is seen under light of a random colour.

    Args:
        size: height and width in pixels.
        training, held_out: number of pictures.
        seed: of the crops.
    """
    sides = []
    for side, (names, n) in enumerate(((TRAINING_PHOTOGRAPHS, training), (HELD_OUT_PHOTOGRAPHS, held_out))):
        rng = generator(PICTURES, seed, side)
        photographs = [_photograph(name) for name in names]
        sides.append(_distinct(_crops(photographs, size, rng), n))
    return Pictures(*sides)


def load_images(folder: Path, size: int, training: int = 1_000, held_out: int = 1_000, seed: int = 0) -> Pictures:
    """Pictures of a folder (jpg, png; also in folders below), cut square in the middle and resized.

    Which are trained on depends on file names and seed alone. The same picture under two names is used once.
    Files that cannot be read are named on stderr and skipped.

    Raises:
        UserError: there is no such folder, or too few different pictures are in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder of pictures")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    order = generator(PICTURES, seed, 2).permutation(len(files))
    needed = training + held_out
    both = _distinct(_read((files[i] for i in order), size), needed)
    if len(both) < needed:
        raise UserError(f"{folder} holds {len(both)} different readable pictures (jpg, png); {needed} are needed")
    return Pictures(both[:training], both[training:])


def _photograph(name: str) -> Image.Image:
    """A photograph of scikit-image or scikit-learn in colour."""
    from skimage import data  # imported where it is needed: it takes a second
    from sklearn.datasets import load_sample_image

    if name in ("china", "flower"):
        return Image.fromarray(load_sample_image(f"{name}.jpg"))
    if name.startswith("motorcycle"):
        from skimage.io import imread

        return Image.fromarray(imread(Path(data.__file__).parent / f"{name}.png")).convert("RGB")
    load: Callable[[], np.ndarray] = getattr(data, name)
    return Image.fromarray(load()).convert("RGB")


def _crops(photographs: list[Image.Image], size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Endless random crops (size, size, 3), differently coloured, none of them hardly more than one grey."""
    while True:
        photograph = photographs[rng.integers(len(photographs))]
        width, height = photograph.size
        side = round(np.exp(rng.uniform(np.log(SMALLEST_CROP), np.log(min(width, height)))))
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        crop = _resized(photograph.crop((left, top, left + side, top + side)), size)
        if crop.std() >= LEAST_CONTRAST:
            light = rng.uniform(DIMMEST_LIGHT, 1, 3)
            yield (crop[:, :: rng.choice([-1, 1]), rng.permutation(3)] * light).astype(np.uint8)


def _read(files: Iterable[Path], size: int) -> Iterator[np.ndarray]:
    """Pictures (size, size, 3) of files, one after the other."""
    for file in files:
        try:
            with Image.open(file) as opened:
                picture = opened.convert("RGB")
        except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
            print(f"skipped, cannot be read: {file}", file=sys.stderr)
            continue
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        yield _resized(picture.crop((left, top, left + side, top + side)), size)


def _resized(picture: Image.Image, size: int) -> np.ndarray:
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX))


def _distinct(pictures: Iterator[np.ndarray], most: int) -> np.ndarray:
    """The first so many pictures that differ from each other, as (picture, size, size, 3)."""
    kept: dict[bytes, np.ndarray] = {}
    while len(kept) < most and (picture := next(pictures, None)) is not None:
        kept.setdefault(sha256(picture.tobytes()).digest(), picture)
    return np.array(list(kept.values()), np.uint8)
