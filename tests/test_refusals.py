"""What is refused leaves everything as it is, and what it advises can be done."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import pfc_metarl
from figures import learning
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.plotting import paper_figure, save
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, run
from simulations.two_step import SIMULATION

CONFIG = replace(SIMULATION.config("fast", quick=True), units=4, trials=10, episodes=16)


def contents(folder: RunFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    """Networks of its own, a scheduler that does not answer, no run: not even the record, nor is there a lock."""
    own, donor = (run(SIMULATION, CONFIG, Options(results=tmp_path / name, processes=1)) for name in ("own", "donor"))
    before = contents(own)
    for options, words in (
        (Options(results=tmp_path / "own", trained=donor.path), "holds trained networks of its own"),
        (Options(results=tmp_path / "own", overwrite=True, cluster="tcp://127.0.0.1:9"), "no dask scheduler answers"),
    ):
        with pytest.raises(RunError, match=words):
            run(SIMULATION, CONFIG, options)
        assert contents(own) == before
    with pytest.raises(ConfigError, match="--cluster takes the address of a scheduler, like tcp://node7:8786"):
        run(SIMULATION, CONFIG, Options(results=tmp_path / "own", overwrite=True, cluster="nonsense"))
    with pytest.raises(RunError, match="holds no run; first give the same command without --from"):
        run(SIMULATION, CONFIG, Options(results=tmp_path / "none", again_from="analyse"))
    assert contents(own) == before and {path.name for path in tmp_path.iterdir()} == {"own", "donor"}


def test_advice_for_what_is_gone_can_be_followed(tmp_path: Path) -> None:
    folder = run(SIMULATION, CONFIG, Options(results=tmp_path, processes=1))
    curve, record = folder.path / "learning_curve.csv", folder.path / "provenance.json"
    content = curve.read_bytes()
    curve.unlink()
    words = "learning_curve.csv is gone or damaged; put it back, or train anew .*--overwrite"
    with pytest.raises(RunError, match=words):
        pfc_metarl.load(folder.path)
    with pytest.raises(RunError, match="holds no trained networks, for learning_curve.csv is gone or damaged"):
        run(SIMULATION, CONFIG, Options(results=tmp_path / "other", trained=folder.path))
    curve.write_bytes(content)
    pfc_metarl.load(folder.path)
    record.unlink()
    with pytest.raises(RunError, match="holds a run without provenance.json; put it back, or move the folder away"):
        pfc_metarl.load(folder.path)


def test_a_figure_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    for _ in range(2):  # our own is drawn again
        with paper_figure(40) as figure:
            save(figure, tmp_path, "mine", quick=False)
    for ending in ("pdf", "png"):
        path = tmp_path / "figures" / f"mine.{ending}"
        path.write_text("notes of a user")
        words = f"mine.{ending} is in the way, and not of this suite"
        with pytest.raises(RunError, match=words), paper_figure(40) as figure:
            save(figure, tmp_path, "mine", quick=False)
        assert path.read_text() == "notes of a user"
        path.unlink()


def test_learning_curves_are_drawn_of_whatever_is_there(tmp_path: Path) -> None:
    """Of a training that goes on, too; what cannot be read is said."""
    with pytest.raises(RunError, match=f"holds no learning curves; first: .* two_step --results {tmp_path}"):
        learning.draw(tmp_path, quick=False)
    for name, conditions in (("two_step", [""]), ("bandits", ["easy", "hard", "medium"])):
        (tmp_path / name).mkdir()
        rows = [(c, s, e, e / 10) for c in conditions for s in (1, 2) for e in (16, 32)]
        curve = pd.DataFrame(rows, columns=["condition", "subject", "episode", "reward_per_trial"])
        curve.to_csv(tmp_path / name / "learning_curve.csv", index=False)
    learning.draw(tmp_path, quick=False)
    assert (tmp_path / "figures" / "learning.png").exists()
    (tmp_path / "bandits" / "learning_curve.csv").write_text("")
    with pytest.raises(RunError, match="learning_curve.csv cannot be read"):
        learning.draw(tmp_path, quick=False)
