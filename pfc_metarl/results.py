"""Run folders: results/<simulation>/ with config, checkpoint, tables, arrays and provenance.

Every file is written aside and moved into place, so that none is ever half-written. provenance.json is
written last: it marks a finished run.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from pfc_metarl.config import Config, differences
from pfc_metarl.errors import RunError

PACKAGES = ("torch", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "matplotlib", "seaborn")


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A temporary path to write to; moved to `path` when all went well, removed otherwise."""
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


class RunFolder:
    """One run of one simulation on disk.

    Args:
        path: the folder, e.g. results/two_step.
        command: what makes it, for messages; "": python -m simulations and the folder's name.
    """

    def __init__(self, path: Path, command: str = "") -> None:
        self.path = path
        quick = path.parent.name == "quick"
        root = path.parent.parent if quick else path.parent
        elsewhere = "" if root == Path("results") else f" --results {root}"
        self.command = command or f"python -m simulations {path.name}{' --quick' if quick else ''}{elsewhere}"

    @property
    def finished(self) -> bool:
        """Whether the run went through to its end."""
        return (self.path / "provenance.json").exists()

    def open(self, config: Config, processes: int, overwrite: bool) -> int:
        """Make or reopen the folder for a config.

        Returns:
            The number of processes of the run: that of its start, when it is reopened.

        Raises:
            RunError: the folder cannot be written, or holds results of another config.
        """
        saved = self.path / "config.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if overwrite:
                self._clear()
            if saved.exists():
                return self._reopen(config, json.loads(saved.read_text()))
            if any(self.path.iterdir()):
                raise RunError(f"{self.path} is not empty and holds no config.json; choose another --results folder")
            self.write_json("config.json", {"config": asdict(config), "processes": processes})
        except json.JSONDecodeError:
            raise RunError(f"{saved} cannot be read; use --overwrite to start anew") from None
        except OSError as error:
            raise RunError(f"cannot write to {self.path} ({error.strerror}); choose another --results folder") from None
        return processes

    def _reopen(self, config: Config, saved: dict) -> int:
        differ = differences(config, saved.get("config", {}))
        if differ:
            raise RunError(
                f"{self.path} holds a run of another config ({'; '.join(differ)}); "
                "use --overwrite to replace it, or another --results folder"
            )
        return saved["processes"]

    def _clear(self) -> None:
        """Remove a run's own files, provenance first; anything but a run folder is left alone."""
        files = [p for p in self.path.iterdir() if p.is_file()]
        if files and not (self.path / "config.json").exists():
            raise RunError(f"{self.path} holds no config.json, so is no run folder; choose another --results folder")
        for file in sorted(files, key=lambda p: p.name != "provenance.json"):
            file.unlink()

    def write_json(self, name: str, content: dict) -> None:
        """Write a JSON file."""
        with written_aside(self.path / name) as aside:
            aside.write_text(json.dumps(content, indent=2) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table, by its name's ending as .csv or .parquet."""
        with written_aside(self.path / name) as aside:
            if name.endswith(".csv"):
                table.to_csv(aside, index=False)
            else:
                table.to_parquet(aside, index=False)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write named arrays as a compressed .npz file."""
        with written_aside(self.path / name) as aside:
            np.savez_compressed(aside, **arrays)  # type: ignore[arg-type]

    def read_config(self) -> dict:
        """The config of a finished run, as saved."""
        return json.loads(self._existing("config.json").read_text())["config"]

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table of a finished run; RunError if it is not there."""
        path = self._existing(name)
        return pd.read_csv(path) if name.endswith(".csv") else pd.read_parquet(path)

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Read the arrays of a finished run; RunError if they are not there."""
        with np.load(self._existing(name)) as arrays:
            return dict(arrays)

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not self.finished or not path.exists():
            raise RunError(f"{self.path} holds no finished run with {name}; make it with: {self.command}")
        return path

    def finish(self, config: Config, started: float, resumed: bool) -> None:
        """Write provenance.json: where these results come from."""
        self.write_json(
            "provenance.json",
            {
                "command": " ".join(sys.orig_argv),
                "git": _git(),
                "versions": {"python": platform.python_version()} | _versions(),
                "seeds": config.seeds,
                "seconds": round(time.time() - started, 1),
                "resumed": resumed,
                "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            },
        )


def _git() -> dict[str, object]:
    root = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}  # not a git checkout


def _versions() -> dict[str, str]:
    out = {}
    for package in PACKAGES:
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = "not installed"
    return out
