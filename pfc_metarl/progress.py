"""Progress of what takes more than a moment, besides training: a bar with the time left, on a terminal alone."""

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
DELAY = 1.5
"""Seconds after which a bar is shown."""


def progress(items: Iterable[T], told: str) -> Iterable[T]:
    """The items, one after the other, as they come.

    Args:
        items: what is gone through.
        told: what is done, in few words.

    Returns:
        The items. Where the error output is a terminal, a bar says how many are done and how long the others will take,
        once `DELAY` has passed; it goes when all is done. Nothing is written elsewhere.
    """
    return tqdm(items, told, delay=DELAY, leave=False, disable=None)
