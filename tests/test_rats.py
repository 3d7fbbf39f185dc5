"""The public rats: a small file of the same form goes in, a trial table comes out."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import simulations.__main__
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.rat_two_step import read_rats
from pfc_metarl.trials import read_trials


def write(path: Path, congruent: bool = True, times: int = 1, **changes: object) -> Path:
    """A rat with six trials in two sessions: the fourth forced, the fifth a violation at the second port.

    Args:
        times: that all of it is done again, still in two sessions.
    """
    first, second = "llrrlr", "lrrllv" if congruent else "rllr" + "lv"
    same = np.array([a == b for a, b in zip(first, second)])
    told: dict[str, object] = {
        "sides1": [ord(c) for c in first], "sides2": [ord(c) for c in second],
        "trans_common": np.where(same == congruent, 1.0, 0.0), "rewards": [1.0, 0, 1, 0, 1, 0],
        "viols": [0.0, 0, 0, 0, 1, 0], "new_sess": [1.0, 0, 0, 1, 0, 0],
        "better_choices": [1.0, 1, 0, np.nan, 1, 0], "leftprobs": [0.8, 0.8, 0.8, 0.2, 0.2, 0.2],
        "p_congruent": [0.8 if congruent else 0.2], "ratname": [ord(c) for c in "M01"],
    }  # fmt: skip
    told = {name: list(values) * times if len(values) == 6 else values for name, values in told.items()}  # type: ignore
    told["new_sess"] = ([1.0] + [0.0] * (3 * times - 1)) * 2
    with h5py.File(path, "w") as file:
        group = file.create_group("#refs#/a")
        for name, values in (told | changes).items():
            group[name] = np.array(values).reshape(-1, 1)
        file["ratdatas"] = np.array([[group.ref]], dtype=h5py.ref_dtype)
    return path


@pytest.mark.parametrize("congruent", [True, False])
def test_the_table_of_a_rat(tmp_path: Path, congruent: bool) -> None:
    table = read_rats(write(tmp_path / "rats.mat", congruent))
    assert table["subject"].eq("M01").all() and table["session"].tolist() == [1, 1, 1, 2, 2, 2]
    assert table["trial"].tolist() == [1, 2, 3] * 2
    assert table["choice"].tolist() == [0, 0, 1, 1, 0, 1] and table["reward"].tolist() == [1, 0, 1, 0, 1, 0]
    assert table["free"].tolist() == [True] * 3 + [False] + [True] * 2
    assert table["valid"].tolist() == [True] * 4 + [False] * 2  # marked; and no second port
    assert table["common"].tolist()[:4] == [True, False, True, False]
    assert table["state"].tolist()[:4] == [0, 1, 1, 0]  # choice 0 commonly leads to state 0, on whichever side
    assert table["good_state"].tolist() == ([0, 0, 0, 1, 1, 1] if congruent else [1, 1, 1, 0, 0, 0])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, path = write(tmp_path / "rats.mat"), tmp_path / "trials.csv"
    simulations.__main__.main(["import", "rat_two_step", str(file), str(path)])
    assert capsys.readouterr().out == f"{path}: 6 trials in 2 sessions of 1 subjects; 2 are not valid, 1 forced\n"
    assert len(read_trials(path, "two_step")) == 6
    for arguments, words in (
        (["rat_two_step", str(file), str(path)], "is there already"),
        (["rat_two_step", str(file), "trials.txt"], "a .csv or a .parquet file"),
        (["mice", str(file), str(path)], "NAME is one of: rat_two_step"),
        (["rat_two_step", str(file)], "write: import NAME FILE TABLE"),
    ):
        with pytest.raises(ConfigError, match=words):
            simulations.__main__.main(["import", *arguments])
    assert {p.name for p in tmp_path.iterdir()} == {"rats.mat", "trials.csv"}


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.mat").write_text("no HDF5")
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file["x"] = [1]
    contradiction = write(tmp_path / "rats.mat", trans_common=[0.0] * 6)
    for path, words in (
        (tmp_path / "none.mat", "there is no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "text.mat", "is no file of rats"),
        (tmp_path / "other.mat", "is no file of rats"),
        (contradiction, "rat M01: its transitions contradict the ports"),
    ):
        with pytest.raises(TableError, match=words) as caught:
            read_rats(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"sides1": [ord(c) for c in "LLRRLR"]}, "sides1 is L on trial 1"),
        ({"sides2": [ord(c) for c in "lrxllv"]}, "sides2 is x on trial 3"),
        ({"new_sess": [1.0, 0, 0, 2, 2, 2]}, "new_sess is 2.0 on trial 4"),
        ({"new_sess": [1.0, 0, np.nan, 0, 0, 0]}, "new_sess is nan on trial 3"),
        ({"rewards": [1.0, 0]}, "vectors are not equally long"),
    ],
)
def test_files_of_another_form(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=said):
        read_rats(write(tmp_path / "rats.mat", **changes))


def test_a_file_without_rats(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "rats.mat", "w") as file:
        file["ratdatas"] = np.zeros((0, 1), dtype=h5py.ref_dtype)
    with pytest.raises(TableError, match="it holds no rats"):
        read_rats(tmp_path / "rats.mat")
