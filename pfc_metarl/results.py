"""Run folders: the results of one run of a simulation on disk, whole or not at all, and where they come from."""

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from pfc_metarl.config import Settings, differences
from pfc_metarl.errors import RunError

STAGES = ("train", "test", "analyse", "compare")
"""Of a run, in their order; each reads what the ones before have written, and can be done again without them."""
PACKAGES = ("torch", "numba", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "matplotlib", "seaborn")


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

    provenance.json says for each finished stage which commit, command and packages made it, and lists the files that
    the run has written: only these are ever replaced or removed.

    Args:
        path: the folder, e.g. results/two_step.
        command: what makes it, for messages.
    """

    def __init__(self, path: Path, command: str) -> None:
        self.path, self.command = path, command
        self.stage: str = ""
        self._written: set[str] = set()

    # -- its state

    def _provenance(self) -> dict[str, Any]:
        path = self.path / "provenance.json"
        return self.read_json("provenance.json") if path.exists() else {"stages": {}, "files": {}}

    def done(self, stage: str) -> bool:
        """Whether a stage went through to its end, and its files are all there."""
        told = self._provenance()
        own = [name for name, its in told["files"].items() if its == stage]
        return stage in told["stages"] and all((self.path / name).exists() for name in own)

    @property
    def finished(self) -> bool:
        """Whether the run went through to its end."""
        return all(self.done(stage) for stage in STAGES)

    def files(self, stage: str) -> list[str]:
        """Names of the files that a stage has written."""
        return [name for name, its in self._provenance()["files"].items() if its == stage]

    # -- writing

    def open(self, simulation: str, config: Settings, overwrite: bool = False) -> None:
        """Make or reopen the folder for a config.

        Raises:
            RunError: the folder cannot be written, or holds something else.
        """
        saved = self.path / "config.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not saved.exists() and any(self.path.iterdir()):
                raise RunError(f"{self.path} is not empty and holds no config.json; choose another --results folder")
            if saved.exists() and not overwrite:
                return self._reopen(simulation, config)
            if saved.exists():
                self._clear()
            self._write_json("config.json", {"simulation": simulation, "config": asdict(config)})  # type: ignore[call-overload]
        except OSError as error:
            raise RunError(f"cannot write to {self.path} ({error.strerror}); choose another --results folder") from None

    def _reopen(self, simulation: str, config: Settings) -> None:
        saved = self.read_json("config.json")
        if saved.get("simulation") != simulation:
            raise RunError(f"{self.path} holds no run of {simulation}; choose another --results folder")
        differ = differences(config, saved.get("config", {}))
        if differ:
            raise RunError(
                f"{self.path} holds a run of another config ({'; '.join(differ)}); "
                "use --overwrite to replace it, or another --results folder"
            )

    def _clear(self) -> None:
        """Remove what the run has written, and nothing else."""
        own = list(self._provenance()["files"])
        self._write_json("provenance.json", {"stages": {}, "files": dict.fromkeys(own, "")})
        for name in own:
            (self.path / name).unlink(missing_ok=True)
        self._write_json("provenance.json", {"stages": {}, "files": {}})

    def redo(self, stage: str) -> None:
        """Count a stage, and those after it, as not done; RunError if those before it are not done either."""
        first = STAGES.index(stage)
        for before in STAGES[:first]:
            if not self.done(before):
                raise RunError(f"{self.path} has not gone through the stage {before}; go on with: {self.command}")
        told = self._provenance()
        self._write_json("provenance.json", told | {"stages": {s: told["stages"][s] for s in STAGES[:first]}})

    @contextmanager
    def doing(self, stage: str, resumed: bool = False) -> Iterator[None]:
        """Around a stage: what is written belongs to it, and at its end its provenance is noted.

        Files that it wrote when it was done before, and does not write any more, are removed.
        """
        self.stage, self._written, started = stage, set(), time.time()
        yield
        self.disown([name for name in self.files(stage) if name not in self._written])
        told = self._provenance()
        told["stages"][stage] = provenance(started) | {"resumed": resumed}
        self._write_json("provenance.json", told)

    def claim(self, names: Iterable[str]) -> None:
        """Note that files are the run's own, before they are written."""
        told, names = self._provenance(), list(names)
        told["files"] |= dict.fromkeys(names, self.stage)
        self._written.update(names)
        self._write_json("provenance.json", told)

    def disown(self, names: Iterable[str]) -> None:
        """Remove files of the run that are no longer needed."""
        told = self._provenance()
        for name in names:
            (self.path / name).unlink(missing_ok=True)
            told["files"].pop(name, None)
        self._write_json("provenance.json", told)

    def _write_json(self, name: str, content: dict) -> None:
        with written_aside(self.path / name) as aside:
            aside.write_text(json.dumps(content, indent=2) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table, by its name's ending as .csv or .parquet."""
        self.claim([name])
        with written_aside(self.path / name) as aside:
            if name.endswith(".csv"):
                table.to_csv(aside, index=False)
            else:
                table.to_parquet(aside, index=False)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write named arrays as an .npz file (not compressed, so that it is read in a moment)."""
        self.claim([name])
        with written_aside(self.path / name) as aside, aside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    # -- reading

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run; RunError if it is damaged."""
        try:
            content = json.loads((self.path / name).read_text())
        except (json.JSONDecodeError, UnicodeDecodeError, OSError):
            content = None
        if not isinstance(content, dict) or (name == "provenance.json" and not {"stages", "files"} <= set(content)):
            raise RunError(f"{self.path / name} cannot be read; delete it and use --overwrite to start anew")
        return content

    def read_config(self) -> dict[str, Any]:
        """The config of a finished run, as saved."""
        self._existing("config.json")
        return self.read_json("config.json")["config"]

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table of a finished run; RunError if it is not there or damaged."""
        path = self._existing(name)
        try:
            return pd.read_csv(path) if name.endswith(".csv") else pd.read_parquet(path)
        except (ValueError, OSError):  # of pandas and pyarrow
            raise RunError(f"{path} cannot be read (truncated?); make it again with: {self.again(name)}") from None

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Read the arrays of a finished run; RunError if they are not there or damaged."""
        path = self._existing(name)
        try:
            with np.load(path) as arrays:
                return dict(arrays)
        except (ValueError, OSError, EOFError, BadZipFile):
            raise RunError(f"{path} cannot be read (truncated?); make it again with: {self.again(name)}") from None

    def again(self, name: str) -> str:
        """The command that makes a file of the run again."""
        stage = self._provenance()["files"].get(name, "train")
        return f"{self.command} {'--overwrite' if stage == 'train' else f'--from {stage}'}"

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not (self.path / "config.json").exists() or not (self.stage or self.finished):
            raise RunError(f"{self.path} holds no finished run; make it with: {self.command}")
        if not path.exists():
            raise RunError(f"{self.path} holds no {name}; the run's config does not make it")
        return path


def run_folder(results: Path, simulation: str, quick: bool = False) -> RunFolder:
    """The run of a simulation below a results folder; quick runs have a folder of their own."""
    command = ["python", "-m", "simulations", simulation]
    command += ["--quick"] * quick + (["--results", str(results)] if results != Path("results") else [])
    return RunFolder(results / "quick" / simulation if quick else results / simulation, shlex.join(command))


def provenance(started: float) -> dict[str, object]:
    """Where something that was just made comes from: commit, command, packages, machine, duration."""
    return {
        **_git(),
        "command": shlex.join(sys.orig_argv),
        "versions": {"python": platform.python_version(), "pfc-metarl": _version("pfc-metarl")}
        | {package: _version(package) for package in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(time.time() - started, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _git() -> dict[str, object]:
    root = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) == root.resolve():  # not somebody else's around an installation
            return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        pass
    return {"commit": None, "dirty": None}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
