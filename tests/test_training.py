"""Checkpoints: a run that was killed goes on as if it had not been; bad files are refused."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

import pfc_metarl.training as training
from pfc_metarl.a2c import Learner
from pfc_metarl.errors import RunError, TrainingDiverged
from pfc_metarl.results import RunFolder
from simulations.two_step import SIMULATION, make_task

CONFIG = replace(SIMULATION.quick_config("fast"), trials=10, units=8, networks=3, episodes=96)


def folder_at(path: Path, config=CONFIG) -> RunFolder:
    folder = RunFolder(path)
    folder.open(config, 1, overwrite=False)
    return folder


class Killed(BaseException):
    pass


def stop_after(monkeypatch: pytest.MonkeyPatch, updates: int) -> None:
    """Training ends as by kill -9 at its n-th update."""
    original, calls = Learner.learn, [0]

    def learn(self: Learner):
        calls[0] += 1
        if calls[0] > updates:
            raise Killed
        return original(self)

    monkeypatch.setattr(Learner, "learn", learn)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path / "checkpoint.pt", weights_only=True)["network"]


@pytest.mark.parametrize("updates", [1, 4])
def test_resumed_equals_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updates: int) -> None:
    whole, broken = folder_at(tmp_path / "whole"), folder_at(tmp_path / "broken")
    training.train(CONFIG, make_task(CONFIG), whole, processes=1)
    with monkeypatch.context() as patch:
        stop_after(patch, updates)
        with pytest.raises(Killed):
            training.train(CONFIG, make_task(CONFIG), broken, processes=1)
    assert (broken.path / "training_1.pt").exists()
    training.train(CONFIG, make_task(CONFIG), broken, processes=1)
    assert (whole.path / "checkpoint.pt").read_bytes() == (broken.path / "checkpoint.pt").read_bytes()
    curves = [pd.read_csv(f.path / "learning_curve.csv") for f in (whole, broken)]
    pd.testing.assert_frame_equal(*curves)
    assert sorted(p.name for p in broken.path.iterdir()) == ["checkpoint.pt", "config.json", "learning_curve.csv"]


def test_processes_give_the_same_networks(tmp_path: Path) -> None:
    one, two = folder_at(tmp_path / "one"), folder_at(tmp_path / "two")
    training.train(CONFIG, make_task(CONFIG), one, processes=1)
    training.train(CONFIG, make_task(CONFIG), two, processes=2)
    expected, got = weights(one.path), weights(two.path)
    for name in expected:
        torch.testing.assert_close(expected[name], got[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("processes", [1, 2])
def test_divergence_is_reported_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    folder = folder_at(tmp_path)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Killed):
            training._train_group(
                0,
                [
                    training.Group(
                        CONFIG, make_task(CONFIG), [1, 2, 3][: 4 - processes], folder.path / "training_1.pt", 0
                    )
                ],
                None,
            )
    saved = (folder.path / "training_1.pt").read_bytes()
    state = torch.load(folder.path / "training_1.pt", weights_only=True)
    state["network"]["heads.bias"][0] = float("nan")
    torch.save(state, folder.path / "training_1.pt")
    bad = (folder.path / "training_1.pt").read_bytes()
    with pytest.raises(TrainingDiverged, match="^training diverged at update 4: .*seed 1"):
        training.train(CONFIG, make_task(CONFIG), folder, processes)
    assert (folder.path / "training_1.pt").read_bytes() == bad != saved
    assert not (folder.path / "checkpoint.pt").exists()


class RunsCode:
    """A pickle of this leaves a file behind when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["training_1.pt", "checkpoint.pt"])
@pytest.mark.parametrize("kind", ["truncated", "foreign", "other sizes", "unsafe"])
def test_bad_checkpoints_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    folder = folder_at(tmp_path)
    learner = Learner(CONFIG, make_task(CONFIG), CONFIG.seeds)
    path = folder.path / name
    torch.save({**learner.state_dict(), "curve": []}, path)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "foreign":
        torch.save({"weights": torch.zeros(3)}, path)
    elif kind == "other sizes":
        other = Learner(replace(CONFIG, units=5), make_task(CONFIG), CONFIG.seeds)
        torch.save({**other.state_dict(), "curve": []}, path)
    else:
        torch.save({"network": RunsCode(tmp_path / "ran")}, path)
    before = path.read_bytes()
    with pytest.raises(RunError, match=name):
        training.train(CONFIG, make_task(CONFIG), folder, processes=1)
    assert path.read_bytes() == before
    assert not (tmp_path / "ran").exists()


def test_an_interrupted_condition_is_not_lost_with_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, task = folder_at(tmp_path), make_task(CONFIG)
    training.train(CONFIG, task, folder, processes=1)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Killed):
            training.train(CONFIG, task, folder, processes=1, condition="other")
    partial = (tmp_path / "training_other_1.pt").read_bytes()
    training.train(CONFIG, task, folder, processes=1)  # the finished one, as a resumed run does first
    assert (tmp_path / "training_other_1.pt").read_bytes() == partial
