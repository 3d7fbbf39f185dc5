"""Published numbers: the paper's and the animals' (data/figure1.csv and so on), and of relatives (related.csv)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pfc_metarl.errors import ConfigError

_INSTALLED = Path(__file__).parent / "data"
DATA = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parent.parent / "data"
"""The published numbers: inside the installed package, or at the root of a checkout."""


Figure = int | str
"""Number of one of the paper's figures, or the publication of a related system ("Duan 2016")."""


def published(figure: Figure, **where: str | float) -> pd.DataFrame:
    """Published numbers of a figure: panel, series, condition, x, replicate, value, reading_error, source.

    Args:
        figure: number of the paper's figure, or name of a related system's publication.
        where: column=value to select rows by.

    Raises:
        ConfigError: no such figure, publication or column.
    """
    known = ["panel", "series", "condition", "x", "replicate", "value", "reading_error", "source"]
    path = DATA / (f"figure{figure}.csv" if isinstance(figure, int) else "related.csv")
    table = _read(path) if path.is_file() else None
    if table is not None and isinstance(figure, str):
        table = table[table["publication"] == figure].drop(columns="publication")
    if table is None or table.empty or not set(where) <= set(known):
        raise ConfigError(f"nothing is published of figure {figure} by {', '.join(where)}; columns: {', '.join(known)}")
    for column, value in where.items():
        table = table[table[column] == value]
    return table.copy()


@cache
def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"condition": str, "series": str, "panel": str})


class Number(NamedTuple):
    """A published number."""

    value: float
    error: float
    """With which it was read."""


def published_number(figure: Figure, **where: str | float) -> Number:
    """The one published number that fits, with its reading error; ValueError if none or several do."""
    table = published(figure, **where)
    table = table[table["replicate"].isna()]
    if len(table) != 1:
        raise ValueError(f"{len(table)} published numbers fit figure {figure}, {where}")
    return Number(float(table["value"].iloc[0]), float(table["reading_error"].iloc[0]))


def sum_of(weights: Mapping[Any, float], numbers: Mapping[Any, Number]) -> Number:
    """A contrast of published numbers; the errors of their reading add up."""
    values = [(weight * numbers[at].value, abs(weight) * numbers[at].error) for at, weight in weights.items()]
    return Number(sum(value for value, _ in values), sum(error for _, error in values))


def published_value(figure: Figure, **where: str | float) -> float:
    """The one published number that fits; ValueError if none or several do."""
    return published_number(figure, **where).value


def published_dots(figure: Figure, **where: str | float) -> np.ndarray:
    """The published dots that fit, one per network (or unit), in their order."""
    table = published(figure, **where)
    return table[table["replicate"].notna()]["value"].to_numpy()
