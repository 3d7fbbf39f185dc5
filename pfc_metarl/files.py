"""Files: written whole or not at all, and known by their content."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A temporary path to write to; moved to `path` when all went well, removed otherwise."""
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Of a file's content, to tell whether it is still the same."""
    at = path.stat()
    return _digest(path, at.st_size, at.st_mtime_ns)


@cache
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
