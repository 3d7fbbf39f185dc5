"""The tables of the report: cells that say by sign, word and colour what agrees with the paper and what does not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from pfc_metarl.claims import CURVE, LEARNED, NOT_COMPARED, PRIMARY, beside_reference, told_in_tables
from pfc_metarl.comparison import EQUIVALENT, INCONCLUSIVE, OPPOSITE, OTHER_SIZE, UNPUBLISHED, UNTOLD
from pfc_metarl.config import STAGES
from pfc_metarl.disagreements import tried
from pfc_metarl.markdown import with_interval
from pfc_metarl.results import RunFolder

SIGNS = {
    EQUIVALENT: ("✓ ", "good"),
    OTHER_SIZE: ("≈ ", "other"),
    OPPOSITE: ("✗ ", "bad"),
    INCONCLUSIVE: ("? ", ""),
    UNTOLD: ("? ", ""),
    UNPUBLISHED: ("", ""),
    "yes": ("✓ ", "good"),
    "no": ("✗ ", "bad"),
}
"""Before a word, and its class: never by colour alone."""
CURVE_UNIT = " s.d. off the published curve"


class Cell(NamedTuple):
    """Of a table."""

    text: str
    mark: str = ""
    """Its class."""
    sort: float | None = None
    """What it is sorted by; None: its text."""


class Table(NamedTuple):
    """For readers."""

    title: str
    head: Sequence[str]
    rows: list[list[Cell]]


class Failing(NamedTuple):
    """A claim that does not hold, or not in its size."""

    simulation: str
    panel: str
    verdict: str
    mark: str
    told: str
    tried: list[str]
    """Causes that were thought of, and what their runs told."""


def word(text: str) -> Cell:
    """A verdict with its sign, or any other word."""
    sign, mark = SIGNS.get(text, ("", ""))
    return Cell(sign + text, mark)


def number(value: object, text: str = "") -> Cell:
    """A number, sorted by its value whatever is written."""
    return Cell("") if pd.isna(value) else Cell(text or f"{value:.3g}", "number", float(value))  # type: ignore[arg-type]


def verdict_tables(judged: pd.DataFrame) -> list[Table]:
    """Primary claims, sizes and curves, networks that have learned; see `pfc_metarl.claims.judge`."""
    titles = ("Contrasts that the paper's sentences state", "Sizes and curves", "Networks that have learned their task")
    tables = zip(titles, told_in_tables(judged))
    return [Table(title, head, [list(map(cell, row)) for row in rows]) for title, (head, rows) in tables if rows]


def cell(text: str) -> Cell:
    """A cell of which only the text is known; sorted as a number if it begins with one."""
    try:
        return number(float(text.removeprefix("< ").split(" ")[0].split("/")[0]), text)
    except ValueError:
        return word(text)


def comparison_table(name: str, compared: pd.DataFrame, preset: str) -> Table:
    """A run beside the paper, and beside the runs that come with the repository."""
    known = beside_reference(compared.assign(simulation=name), {name: preset})
    rows = [
        [
            word(row["quantity"]),
            *(number(row[column]) for column in ("published", "animal")),
            number(
                row["ours"],
                with_interval(row["ours"], row["ci_low"], row["ci_high"]) + CURVE_UNIT * (row["basis"] == CURVE),
            ),
            number(row["networks_in_direction"], f"{row['networks_in_direction']}/{row['n']}"),
            word(row["verdict"]),
            reference(row["reference"], row["differs"]),
        ]
        for _, row in known.iterrows()
    ]
    head = ("quantity", "published", "animals", "ours [95 %]", "networks as claimed", "verdict", "reference runs")
    return Table("Beside the paper", head, rows)


def reference(value: float, differs: object) -> Cell:
    """The mean of the runs that come with the repository; marked if ours differs from it at 1 %."""
    told = number(value)
    return told._replace(text=f"≠ {told.text}", mark="number other") if differs is True else told


def plain_table(title: str, table: pd.DataFrame) -> Table:
    """Any other table."""
    words = [[word(str(x)) if isinstance(x, str) else number(x) for x in row] for row in table.itertuples(index=False)]
    return Table(title, [str(column).replace("_", " ") for column in table], words)


def failing(judged: pd.DataFrame) -> list[Failing]:
    """What of the claims does not hold, or not in its size, by how much, and what was tried to find out why."""
    found = []
    for _, claim in judged.iterrows():
        fails, size = claim["holds"] is False, claim["verdict"] in (OTHER_SIZE, OPPOSITE)
        if not fails and not size:
            continue
        ours = f"{claim['quantity']}: {with_interval(claim['ours'], claim['ci_low'], claim['ci_high'])}"
        ours += CURVE_UNIT if claim["role"] == CURVE else ""
        ours += "" if pd.isna(claim["published"]) else f", published {claim['published']:.3g}"
        if fails:
            networks = f"{claim['networks_in_direction']} of {claim['n']} networks, p (Holm) {claim['p_holm']:.2g}"
            ours = f"{claim['sentence']} {ours}; {networks}"
        cell = Cell("✗ does not hold", "bad") if fails else word(claim["verdict"])
        why = tried(claim["simulation"], claim["quantity"])
        found.append(Failing(claim["simulation"], claim["panel"], cell.text, cell.mark, ours, why))
    return sorted(found, key=lambda one: one.mark != "bad")


class Tile(NamedTuple):
    """A number at the top."""

    number: str
    told: str


def tiles(judged: pd.DataFrame) -> list[Tile]:
    """What of the claims holds, in numbers."""
    told = judged[judged["verdict"] != NOT_COMPARED]
    primary, learned = told[told["role"] == PRIMARY], told[told["role"] == LEARNED]
    sizes = told[~told["verdict"].isin([UNPUBLISHED, UNTOLD])]
    counts = sizes["verdict"].value_counts()
    of = f"of {len(sizes)} sizes and curves"
    there, other = judged["reference"].notna().sum(), judged["differs"].eq(True).fillna(False).sum()
    return [
        Tile(f"{primary['holds'].sum()} of {len(primary)}", "contrasts hold"),
        Tile(str(counts.get(EQUIVALENT, 0)), f"{of} equivalent"),
        Tile(str(counts.get(OTHER_SIZE, 0)), f"{of} in the same direction, of another size"),
        Tile(str(counts.get(INCONCLUSIVE, 0)), f"{of} inconclusive"),
        Tile(str(counts.get(OPPOSITE, 0)), f"{of} opposite"),
        Tile(
            f"{learned['networks_in_direction'].sum()} of {learned['n'].sum()}",
            "criteria of having learned the task met, over networks",
        ),
        Tile(f"{other} of {there}", "claims differ, at 1 %, from the runs that come with the repository"),
    ]


def times(runs: Mapping[str, RunFolder]) -> Table:
    """Seconds of each stage of each run."""
    rows = []
    for name, run in runs.items():
        seconds = [run.stages[stage]["seconds"] for stage in STAGES]
        rows.append([Cell(name), *map(number, seconds), number(sum(seconds), f"{sum(seconds):.0f}")])
    return Table("Seconds, by stage", ("run", *STAGES, "all"), rows)
