"""The rats of the public two-step data set (Miller, Botvinick & Brody), from its MATLAB file, which h5py reads.

File data/ofc_physdata.mat of github.com/Brody-Lab/MixtureAgentsModels (MIT licence): six rats on the task of Miller et
al. 2017 (not the 21 of that paper). Needs the optional extra `rats`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.trials import check_trials

VECTORS = ("sides1", "sides2", "trans_common", "rewards", "viols", "new_sess", "better_choices", "leftprobs")
"""Of each rat, one value per trial; what else the file holds is not used."""


def read_rats(path: str | Path) -> pd.DataFrame:
    """The trial table of the rats.

    Choices are the sides of the first port. States are numbered so that choice 0 commonly leads to state 0, whichever
    side that is in a rat. Forced choices (the file has no better choice there) have free = False; violations, of either
    port, valid = False.

    Args:
        path: of the file.

    Returns:
        A checked trial table of the two-step task, with the column good_state.

    Raises:
        ConfigError: h5py is not installed.
        TableError: the file is no such file, or contradicts itself.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise ConfigError("MATLAB files are read with h5py: pip install 'pfc-metarl[rats]'") from None
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    try:
        with h5py.File(path) as file:
            tables = [_rat(rat, str(path)) for rat in _rats(file)]
            if not tables:
                raise KeyError("it holds no rats")
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"{path}: is no file of rats on the two-step task ({reason})") from None
    return check_trials(pd.concat(tables, ignore_index=True), "two_step", str(path))


def _rats(file: Any) -> Iterator[dict[str, np.ndarray]]:
    for reference in file["ratdatas"][()].ravel():
        group = file[reference]
        yield {name: np.asarray(group[name][()]).ravel() for name in (*VECTORS, "ratname", "p_congruent")}


def _rat(told: dict[str, np.ndarray], source: str) -> pd.DataFrame:
    name = "".join(map(chr, told["ratname"].astype(int)))
    lengths = {vector: len(told[vector]) for vector in VECTORS}
    if len(set(lengths.values())) > 1:
        raise TableError(f"{source}: rat {name}: its vectors are not equally long ({lengths})")
    first, second = (np.array([chr(int(code)) for code in told[port]]) for port in ("sides1", "sides2"))
    for what, values, known in (
        ("sides1", first, "lrv"), ("sides2", second, "lrv"), ("new_sess", told["new_sess"], (0, 1)),
        ("viols", told["viols"], (0, 1)),
    ):  # fmt: skip
        odd = ~np.isin(values, np.array(list(known)))
        if odd.any():
            raise TableError(f"{source}: rat {name}: {what} is {values[odd][0]} on trial {np.argmax(odd) + 1}")
    valid = (told["viols"] == 0) & (first != "v") & (second != "v")
    congruent, common = told["p_congruent"][0] > 0.5, told["trans_common"] == 1
    if ((first == second) != (common == congruent))[valid].any():  # trans_common is recoded already
        raise TableError(f"{source}: rat {name}: its transitions contradict the ports that it went to")
    session = told["new_sess"].astype(int).cumsum()
    pays_left = told["leftprobs"] > 0.5
    table = pd.DataFrame({
        "subject": name, "session": session, "choice": np.where(first == "v", -1, first == "r").astype(int),
        "common": common, "reward": told["rewards"].astype(int), "valid": valid,
        "free": ~np.isnan(told["better_choices"]), "good_state": np.where(pays_left == congruent, 0, 1),
    })  # fmt: skip
    table.insert(2, "trial", table.groupby("session").cumcount() + 1)
    return table
