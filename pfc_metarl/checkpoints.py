"""Checkpoint files: written whole or not at all, and never a way to run somebody else's code."""

import io
from pathlib import Path

import torch

from pfc_metarl.errors import RunError
from pfc_metarl.files import written_aside


def load_checkpoint(path: Path) -> dict:
    """A checkpoint's content (numbers and tensors alone); RunError if it cannot be read."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception:  # whatever unpickling a damaged file raises
        raise RunError(
            f"checkpoint {path} cannot be read (truncated?); delete it to train these networks anew"
        ) from None
    if not isinstance(state, dict):
        raise foreign(path)
    return state


def foreign(path: Path) -> RunError:
    """The error for a checkpoint of another run."""
    return RunError(f"checkpoint {path} is not of this run; delete it to train these networks anew")


def save_checkpoint(state: dict, path: Path) -> None:
    """Write a checkpoint."""
    content = io.BytesIO()  # by way of memory: torch.save would write the temporary file's name into the archive
    torch.save(state, content)
    with written_aside(path) as aside:
        aside.write_bytes(content.getvalue())
