"""What is compiled once and kept on disk."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pfc_metarl import loops

LIBRARY = Path(loops.__file__).parent


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_edition_is_of_all_files_whose_functions_are_kept() -> None:
    using = {p.relative_to(LIBRARY).as_posix() for p in LIBRARY.rglob("*.py") if "@kept" in p.read_text()}
    assert using | {"loops.py", "tasks/task.py"} == set(loops.FILES)  # the latter for the places of its records' fields


def test_another_edition_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file was edited: numba itself would look at the function's own."""
    path = tmp_path / "kept_on_disk.py"
    path.write_text("def double(x):\n    return x + x\n")

    def misses() -> int:
        made = loops.kept(module(path).double)
        assert made(np.float32(2)) == 4
        return sum(made.stats.cache_misses.values())

    assert [misses(), misses()] == [1, 0]
    monkeypatch.setattr(loops, "_EDITION", "another")
    assert [misses(), misses()] == [1, 0]
