"""docs/tutorials: how the notebooks are stored. (The documentation's build executes them.)"""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.ipynb"))
ABSOLUTE = re.compile(r"""(?:^|[\s"'(=`])(?:/\w+/|~/|[A-Za-z]:\\)""", re.M)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_as_stored(path: Path) -> None:
    book = nbformat.read(path, nbformat.NO_CONVERT)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert book.metadata.kernelspec.name == "python3"
    assert book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    headings = [line for cell in book.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    assert sum(line.startswith("# ") for line in headings) == 1
    for cell in book.cells:
        assert not ABSOLUTE.search(cell.source), cell.id
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, cell.id
            assert "execution" not in cell.metadata, cell.id
