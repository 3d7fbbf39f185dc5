"""Run folders: the results of one run of a simulation on disk, whole or not at all, and where they come from."""

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from pfc_metarl.config import STAGES, Settings, bears_on, differences, listed
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.files import digest, written_aside
from pfc_metarl.provenance import provenance
from pfc_metarl.run_record import RunRecord

MADE_BY_ALL = ("checkpoint.pt", "learning_curve.csv", "trials.parquet", "arrays.npz", "comparison.csv")
"""Files that every run of networks makes."""


class RunFolder(RunRecord):
    """One run of one simulation on disk. Only files that stand in its record are ever replaced or removed.

    Args:
        path, usual: see `RunRecord`.
    """

    def require_finished(self) -> None:
        """RunError unless the run went through to its end (or is just being made), and its files are whole."""
        there = [name for name in ("config.json", "provenance.json") if (self.path / name).exists()]
        if len(there) == 1 and self.path.joinpath("comparison.csv").exists():
            gone = "config.json" if "provenance.json" in there else "provenance.json"
            raise RunError(
                f"{self.path} holds a run without {gone}; put it back, or move the folder away to start anew"
            )
        if "config.json" not in there or not (self.stage or all(map(self.ended, STAGES))):
            raise RunError(f"{self.path} holds no finished run; make it with: {self.command}")
        if not self.stage:
            self._require_untouched(self.read_json("config.json"))
        damaged = [] if self.stage else [own for stage in STAGES for own in self.damaged(stage)]
        if damaged:
            again = f"make it again with: {self.command}"
            if damaged[0] != "checkpoint.pt" and damaged[0] in self.files(
                "train"
            ):  # then networks are not trained anew
                again = f"put it back, or train anew with: {self.command} --overwrite"
            raise RunError(f"{self.path / damaged[0]} is gone or damaged; {again}")

    # -- opening

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Around a command that writes here; RunError where another one is at work, or nothing can be written."""
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                real = self.path.resolve()  # whatever links lead to it
                held.enter_context(FileLock(real.with_name(f".{real.name}.lock"), timeout=0))
            except Timeout:
                raise RunError(
                    f"another command is at work in {self.path}; wait for it, or choose another --results folder"
                ) from None
            except OSError as error:
                raise RunError(
                    f"cannot write to {self.path} ({error.strerror}); choose another --results folder"
                ) from None
            yield

    def open(
        self,
        simulation: str,
        config: Settings,
        overwrite: bool = False,
        again_from: str = "",
        flags: Sequence[str] = (),
    ) -> None:
        """Begin a run of a config, or go on with it; foreign files are left alone.

        Args:
            simulation: its name.
            config: its settings.
            overwrite: begin anew, removing what the run has written.
            again_from: stage to be done again, and those after it; "": none.
            flags: what on the command line gives the config.

        Raises:
            RunError: the folder holds something else, or a stage before the one asked for has not been done.
        """
        saved, known = self._saved(simulation), (self.path / "provenance.json").exists()
        if saved and not known:
            raise RunError(f"{self.path} holds a run without provenance.json; move it away to start anew")
        if not saved and not overwrite and self._provenance()["files"]:
            raise RunError(f"{self.path} holds results but no config.json; --overwrite trains anew")
        own = self._provenance()["files"]
        for name in (*MADE_BY_ALL, *own, *(() if known else ("provenance.json",))):
            self._require_free(name, own)
        if not known:
            self._write_json("provenance.json", {"stages": {}, "files": {}})
        if saved and not overwrite:
            self._reconcile(config, saved["config"], again_from)
        elif known:
            self._clear()
        if again_from:
            self._redo(again_from)
        if not saved or overwrite or differences(config, saved["config"]):
            self._write_config({"simulation": simulation, "config": asdict(config)})  # type: ignore[call-overload]
        if (told := self._provenance()).get("flags", []) != list(flags):
            self._write_json("provenance.json", told | {"flags": list(flags)})

    def _write_config(self, content: dict[str, Any]) -> None:
        """Write config.json, and note its content in the provenance (before and after: this may be interrupted)."""
        told = self._provenance()
        new = json.loads(json.dumps(content))
        self._write_json("provenance.json", told | {"configs": [*told.get("configs", [])[-1:], new]})
        self._write_json("config.json", content)
        self._write_json("provenance.json", told | {"configs": [new]})

    def _saved(self, simulation: str) -> dict[str, Any] | None:
        """config.json, if there is one; RunError if it is not of this simulation."""
        if not (self.path / "config.json").exists():
            return None
        saved = self.read_json("config.json")
        if saved.get("simulation") != simulation or not isinstance(saved.get("config"), dict):
            raise RunError(f"{self.path} holds no run of {simulation}; choose another --results folder")
        self._require_untouched(saved)
        return saved

    def _require_untouched(self, saved: dict[str, Any]) -> None:
        if saved not in self._provenance().get("configs", [saved]):
            raise RunError(
                f"{self.path / 'config.json'} is not what the run was made with (edited?); put it back, or move"
                f" {self.path} away"
            )

    def _reconcile(self, config: Settings, saved: dict[str, Any], again_from: str) -> None:
        """RunError where another config was saved and what was done with it would be lost."""
        differ = differences(config, saved)
        if not differ:
            return
        first = bears_on(type(config), differ)
        begun = first == "train" and any((self.path / name).exists() for name in self._provenance()["files"])
        in_time = again_from and STAGES.index(again_from) <= STAGES.index(first)
        if in_time or not (begun or any(self.done(stage) for stage in STAGES[STAGES.index(first) :])):
            return
        words = listed([f"{name}: saved {old}, now {new}" for name, (old, new) in differ.items()])
        remedy = "--overwrite replaces it" if first == "train" else f"--from {first} goes on with its networks"
        raise RunError(f"{self.path} holds a run of another config ({words}); {remedy}, or choose another --results")

    def _clear(self) -> None:
        """Remove what the run has written, and nothing else."""
        own = list(self._provenance()["files"])
        self._write_json("provenance.json", {"stages": {}, "files": dict.fromkeys(own, "")})
        for name in own:
            (self.path / name).unlink(missing_ok=True)
        self._write_json("provenance.json", {"stages": {}, "files": {}})

    def _redo(self, stage: str) -> None:
        """Count a stage, and those after it, as not done; RunError if those before it are not done either."""
        first = STAGES.index(stage)
        for before in STAGES[:first]:
            if not self.done(before):
                damaged = [f" ({name} is gone or damaged)" for name in self.damaged(before)[:1]]
                raise RunError(
                    f"{self.path} has not gone through the stage {before}{''.join(damaged)}; first give the same"
                    " command without --from"
                )
        told = self._provenance()
        self._write_json("provenance.json", told | {"stages": {s: told["stages"][s] for s in STAGES[:first]}})

    def require_trained(self, simulation: str, config: Settings) -> None:
        """RunError unless the folder holds networks that were trained as a config says."""
        if not self.done("train"):
            inside = self.path / simulation
            hint = f"; name the run's folder: {inside}" if (inside / "config.json").exists() else ""
            if self.ended("train"):
                hint = f", for {self.damaged('train')[0]} is gone or damaged"
            raise RunError(f"{self.path} holds no trained networks{hint}")
        saved = self._saved(simulation) or {}
        differ = differences(config, saved["config"])
        trained_otherwise = [name for name in differ if bears_on(type(config), [name]) == "train"]
        if trained_otherwise:
            words = listed([f"{name}: {differ[name][0]}, now {differ[name][1]}" for name in trained_otherwise])
            raise RunError(f"the networks in {self.path} were trained with other settings ({words})")

    @property
    def taken_from(self) -> str:
        """Folder of the run whose trained networks these are; "": they are its own, or not there yet."""
        return self._provenance()["stages"].get("train", {}).get("taken_from", "")

    def adopt(self, other: "RunFolder") -> None:
        """Take over the trained networks of another run; part of the stage train."""
        for name in other.files("train"):
            self.claim([name])
            with written_aside(self.path / name) as aside:
                shutil.copyfile(other.path / name, aside)
        self._notes["taken_from"] = str(other.path)

    # -- writing

    @contextmanager
    def doing(self, stage: str, resumed: bool = False) -> Iterator[None]:
        """Around a stage: what is written belongs to it, and at its end its provenance is noted.

        Files that it wrote when it was done before, and does not write any more, are removed.
        """
        self.stage, self._written, self._notes, started = stage, set(), {"resumed": resumed}, time.time()
        yield
        self.disown([name for name in self.files(stage) if name not in self._written])
        told = self._provenance()
        told["stages"][stage] = provenance(started) | self._notes
        told["digests"] = told.get("digests", {}) | {name: digest(self.path / name) for name in self.files(stage)}
        self._write_json("provenance.json", told)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table, by its name's ending as .csv or .parquet."""
        self.claim([name])
        with written_aside(self.path / name) as aside:
            _write(table, aside, name)

    def write_whole(self, simulation: str, config: Settings, stages: Mapping[str, Mapping[str, pd.DataFrame]]) -> None:
        """A run whose tables, by stage and name, are all made already, in place of the one that was here.

        They are written beside it first: until all of them are there, nothing is replaced.

        Raises:
            RunError: a file of one of their names is there that is not the run's own.
        """
        own = self._provenance()["files"]
        for name in (name for tables in stages.values() for name in tables):
            self._require_free(name, own)
        with TemporaryDirectory(dir=self.path, prefix=".") as aside:
            for tables in stages.values():
                for name, table in tables.items():
                    _write(table, Path(aside) / name, name)
            self.open(simulation, config, overwrite=True)
            for stage in STAGES:
                with self.doing(stage):
                    for name in stages.get(stage, {}):
                        self.claim([name])
                        os.replace(Path(aside) / name, self.path / name)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write named arrays as an .npz file (not compressed, so that it is read in a moment)."""
        self.claim([name])
        with written_aside(self.path / name) as aside, aside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    # -- reading

    def read_config(self) -> dict[str, Any]:
        """The config of a finished run, as saved."""
        self._existing("config.json")
        return self.read_json("config.json")["config"]

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table of a finished run; RunError if it is not there or damaged."""
        path = self._existing(name)
        try:
            if name.endswith(".csv"):  # a gap is nothing at all; somebody may be called NA
                return pd.read_csv(path, keep_default_na=False, na_values=[""])
            return pd.read_parquet(path)
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
        self.require_finished()
        if not path.exists():
            raise RunError(f"{self.path} holds no {name}; the run's config does not make it")
        return path


def _write(table: pd.DataFrame, path: Path, name: str) -> None:
    """A table, by its name's ending as .csv or .parquet."""
    table.to_csv(path, index=False) if name.endswith(".csv") else table.to_parquet(path, index=False)


def readable_path(path: Path) -> Path:
    """A path from the command line, "~" for the home folder; ConfigError if not all programs could read it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{str(path)!r} is no path of UTF-8 letters; choose another folder") from None
    return path.expanduser()


def run_folder(results: Path, simulation: str, quick: bool = False) -> RunFolder:
    """The run of a simulation below a results folder; quick runs have a folder of their own."""
    command = ["python", "-m", "simulations", simulation]
    command += ["--quick"] * quick + (["--results", str(results)] if results != Path("results") else [])
    return RunFolder(results / "quick" / simulation if quick else results / simulation, shlex.join(command))
