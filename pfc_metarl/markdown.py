"""Tables in Markdown, for the documents."""

from collections.abc import Sequence


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells as a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def with_interval(mean: float, low: float, high: float) -> str:
    """A mean and its interval as they stand in a table."""
    return f"{mean:.3g} [{low:.3g}, {high:.3g}]"
