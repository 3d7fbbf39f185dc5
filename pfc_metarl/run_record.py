"""What a run has done and written: its record, provenance.json."""

import json
import os
import shlex
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from pfc_metarl.config import STAGES
from pfc_metarl.errors import RunError
from pfc_metarl.files import digest, written_aside


class RunRecord:
    """The record of one run: its stages, and the files that are its own.

    For each finished stage it says which commit, command and packages made it; and of each file that the run has
    written, which stage did, and its digest.

    Args:
        path: the run's folder, e.g. results/two_step.
        usual: what makes it with the usual settings, for messages.
    """

    def __init__(self, path: Path, usual: str) -> None:
        self.path, self._usual = path, usual
        self.stage: str = ""
        self._written: set[str] = set()
        self._notes: dict[str, object] = {}

    def _provenance(self) -> dict[str, Any]:
        path = self.path / "provenance.json"
        return self.read_json("provenance.json") if path.exists() else {"stages": {}, "files": {}}

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """Of each stage that ended: commit, dirty, command, versions, machine, seconds, finished."""
        return self._provenance()["stages"]

    @property
    def command(self) -> str:
        """What makes it, its settings and all."""
        return " ".join([self._usual, *map(shlex.quote, self._provenance().get("flags", []))])

    def done(self, stage: str) -> bool:
        """Whether a stage went through to its end, and its files are all there and whole."""
        return self.ended(stage) and not self.damaged(stage)

    def ended(self, stage: str) -> bool:
        """Whether a stage went through to its end, whatever became of its files."""
        return stage in self.stages

    def damaged(self, stage: str) -> list[str]:
        """Files of a stage that are gone, or not what they were when it was done."""
        digests = self._provenance().get("digests", {})
        paths = {name: self.path / name for name in self.files(stage)}
        return [
            name for name, path in paths.items() if not path.is_file() or digests.get(name) not in (None, digest(path))
        ]

    @property
    def finished(self) -> bool:
        """Whether the run went through to its end."""
        return all(self.done(stage) for stage in STAGES)

    def files(self, stage: str) -> list[str]:
        """Names of the files that a stage has written."""
        return [name for name, its in self._provenance()["files"].items() if its == stage]

    def claim(self, names: Iterable[str]) -> None:
        """Note that files are the run's own, before they are written; RunError for a file that is there but is not."""
        told, names = self._provenance(), list(names)
        for name in names:
            self._require_free(name, told["files"])
        told["files"] |= dict.fromkeys(names, self.stage)
        self._written.update(names)
        self._write_json("provenance.json", told)

    def _require_free(self, name: str, own: Container[str]) -> None:
        if (self.path / name).is_dir() or (name not in own and os.path.lexists(self.path / name)):
            raise RunError(f"{self.path / name} is in the way, and not of this run; move it, then go on")

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

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run; RunError if it is damaged."""
        try:
            content = json.loads((self.path / name).read_text())
        except (json.JSONDecodeError, UnicodeDecodeError, OSError):
            content = None
        if not isinstance(content, dict) or (name == "provenance.json" and not _is_provenance(content)):
            remedy = "move it away and use --overwrite" if name == "config.json" else f"move {self.path} away"
            raise RunError(f"{self.path / name} cannot be read; {remedy} to start anew")
        return content


def _is_provenance(content: dict[str, Any]) -> bool:
    """Its parts are there, and its files lie in the folder itself (they may be removed)."""
    parts = [content.get(part, {}) for part in ("stages", "files", "digests")]
    return {"stages", "files"} <= set(content) and all(
        isinstance(part, dict) and all(Path(name).name == name for name in part) for part in parts
    )
