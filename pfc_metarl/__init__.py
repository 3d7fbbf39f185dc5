"""Prefrontal cortex as a meta-reinforcement learning system (Wang et al. 2018), in PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfc_metarl.finished_run import Run

__version__ = "0.2.0"


def load(path: str | Path) -> "Run":
    """Read a finished run back: its config, networks, trials, arrays and tables; see `pfc_metarl.finished_run.load`."""
    from pfc_metarl.finished_run import load as load_run  # late: it takes a second or two

    return load_run(path)
