"""python -m simulations import NAME FILE TABLE: public data sets as trial tables."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from pfc_metarl.errors import ConfigError
from pfc_metarl.files import written_aside
from pfc_metarl.rat_two_step import read_rats

DATA_SETS: dict[str, Callable[[Path], pd.DataFrame]] = {"rat_two_step": read_rats}
"""What can be imported, by name."""


def prepare(arguments: Sequence[str]) -> Callable[[], None]:
    """Command line; what is returned does what it asks for."""
    if set(arguments) & {"-h", "--help"}:
        return lambda: print(
            f"{__doc__}\nNAME: {', '.join(DATA_SETS)}. FILE: as it was published. TABLE: .csv, .parquet"
        )
    if len(arguments) != 3 or arguments[0] not in DATA_SETS:
        raise ConfigError(
            f"write: import NAME FILE TABLE; NAME is one of: {', '.join(DATA_SETS)}; TABLE ends in .csv or .parquet"
        )
    name, file, table = arguments[0], Path(arguments[1]), Path(arguments[2])
    if table.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"{table}: a trial table is a .csv or a .parquet file")
    if table.exists():
        raise ConfigError(f"{table} is there already; choose another name, or remove it")
    return partial(_import, DATA_SETS[name], file, table)


def _import(read: Callable[[Path], pd.DataFrame], file: Path, path: Path) -> None:
    table = read(file)
    with written_aside(path) as aside:
        table.to_csv(aside, index=False) if path.suffix.lower() == ".csv" else table.to_parquet(aside, index=False)
    invalid, forced = ~table["valid"], ~table["free"] & table["valid"]
    print(
        f"{path}: {len(table)} trials in {table.groupby(['subject', 'session']).ngroups} sessions of"
        f" {table['subject'].nunique()} subjects; {invalid.sum()} are not valid, {forced.sum()} forced"
    )
