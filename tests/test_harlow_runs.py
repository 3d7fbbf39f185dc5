"""Simulation 5 from the command line: the symbolic twin, the training from pixels, the figure."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from pfc_metarl.gaze_learner import UnrollLearner

from pfc_metarl.errors import RunError
from pfc_metarl.simulation import Options, run
from pfc_metarl.tasks.harlow_gaze import GazeParameters
from simulations import harlow, harlow_gaze

ROOT = Path(__file__).parent.parent
TINY = replace(
    harlow_gaze.PRESETS["fast"],
    updates=4, unroll=5, slots=2, units=4, features=4, filters=((2, 8, 4),), test_actions=20,
    task=GazeParameters(view=28),
)  # fmt: skip


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_quick_run_and_figure(tmp_path: Path) -> None:
    config = harlow.SIMULATION.quick_config("fast")
    folder = run(harlow.SIMULATION, config, Options(quick=True, results=tmp_path, processes=1))
    accuracy = folder.read_table("accuracy.csv")
    assert accuracy.groupby("condition").size().to_dict() == {"intact": 12, "replaced": 12, "state reset": 12}
    # the tracked curve is the mean of the trial table's column, all networks, trials and 50 points of 1,600 episodes
    curve = folder.read_table("learning_curve_by_trial.csv")
    assert curve.groupby(["seed", "trial"]).size().to_dict() == {(s, t): 50 for s in (1, 2) for t in range(1, 7)}
    assert curve["episode"].max() == config.episodes and curve["correct"].between(0, 1).all()
    done = command("figures", "6", "--quick", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "quick" / "figures" / "figure6.png").stat().st_size > 10_000


class Killed(BaseException):
    pass


def test_pixels_resumed_equals_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harlow_gaze, "PIECE", 2)
    whole, broken = (harlow_gaze.Options(results=tmp_path / name) for name in ("whole", "broken"))
    harlow_gaze.run(TINY, whole)
    original, calls = UnrollLearner.learn, [0]

    def learn(self: UnrollLearner):
        calls[0] += 1
        if calls[0] > 3:
            raise Killed
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(UnrollLearner, "learn", learn)
        with pytest.raises(Killed):
            harlow_gaze.run(TINY, broken)
    harlow_gaze.run(TINY, broken)
    paths = [o.results / "harlow_gaze" / "seed_1" for o in (whole, broken)]
    assert paths[0].joinpath("checkpoint.pt").read_bytes() == paths[1].joinpath("checkpoint.pt").read_bytes()
    for name in ("learning_curve.csv", "accuracy.csv"):
        pd.testing.assert_frame_equal(*(pd.read_csv(path / name) for path in paths))


def test_a_foreign_checkpoint_is_refused_and_kept(tmp_path: Path) -> None:
    options = harlow_gaze.Options(results=tmp_path)
    harlow_gaze.run(TINY, options)
    path = tmp_path / "harlow_gaze" / "seed_1"
    (path / "provenance.json").unlink()
    for content in ({"network": {}}, {"weights": torch.zeros(2)}):
        torch.save(content, path / "checkpoint.pt")
        with pytest.raises(RunError, match="not of this run"):
            harlow_gaze.run(TINY, options)
        assert (path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--preset", "slow"], "unknown preset slow"),
        (["--task.momentum", "2"], "momentum"),
        (["--learning-rate", "many"], "learning-rate"),
        (["--slots", "0"], "slots must be at least 1"),
        (["--images", "/no/such/folder"], "no folder of pictures"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        harlow_gaze.main([*arguments, "--results", str(tmp_path)])
    said = capsys.readouterr().err
    assert end.value.code == 2 and words in said and said.count("\n") == 1
