"""Checkpoints that are damaged, of another run, or unsafe are refused in one line, and not touched."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes import SMALL, TWO_STEP, partial

from pfc_metarl.a2c import Learner
from pfc_metarl.checkpoints import load_checkpoint, save_checkpoint
from pfc_metarl.config import Config
from pfc_metarl.errors import RunError
from pfc_metarl.tasks.inferred_value import InferredValue
from pfc_metarl.training import join, networks_from, train_unit, units

CONFIG = Config(units=4, networks=2, episodes=32, episodes_per_update=4, learning_rate=0.01)


class RunsCode:
    """A pickle of this leaves a file behind when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return Path.touch, (self.path,)


def test_bad_checkpoints_of_units_are_refused(tmp_path: Path) -> None:
    """And not touched."""
    config = CONFIG
    (unit,) = units(config, {"": TWO_STEP}, tmp_path)
    learner = Learner(config, TWO_STEP, config.seeds)
    good = partial(config, learner)
    save_checkpoint(good, unit.path)
    whole = unit.path.read_bytes()
    wrong: dict[str, object] = {
        "seeds": partial(config, Learner(config, TWO_STEP, [1, 3])),
        "sizes": partial(config, Learner(replace(config, units=5), TWO_STEP, config.seeds)),
        "agent": partial(config, Learner(replace(config, agent="gru"), TWO_STEP, config.seeds)),
        "task": partial(config, Learner(config, SMALL["foraging"], config.seeds)),
        "config": partial(replace(config, discount=0.5), learner),
        "part missing": {k: v for k, v in good.items() if k != "curve"},
        "another file": {"weights": torch.zeros(3)},
        "no dictionary": torch.zeros(3),
        "code": {**good, "update": RunsCode(tmp_path / "ran")},
    }
    files = {}
    for name, content in wrong.items():
        torch.save(content, unit.path)
        files[name] = unit.path.read_bytes()
    files |= {f"cut at {n}": whole[:n] for n in (0, 10, 1000, len(whole) // 2, len(whole) - 1)}
    files |= {"text": b"hello\n" * 100, "pickle": b"\x80\x02K\x01."}
    for name, content in files.items():
        unit.path.write_bytes(content)
        with pytest.raises(
            RunError, match=r"^checkpoint .*training__1\.pt .*; delete it to train these networks anew$"
        ):
            train_unit(unit)
            pytest.fail(name)
        assert unit.path.read_bytes() == content, name
    assert [p.name for p in tmp_path.iterdir()] == ["training__1.pt"]  # no code was run


def test_a_stream_does_not_go_on_from_a_checkpoint_of_another_task(tmp_path: Path) -> None:
    config = CONFIG
    (unit,) = units(config, {"": SMALL["inferred_value"]}, tmp_path)
    other = InferredValue(2, 4, 0.5)  # longer stretches: other episodes
    learner = Learner(config, other, config.seeds)
    learner.learn()
    save_checkpoint(partial(config, learner), unit.path)
    with pytest.raises(RunError, match="is not of this run"):
        train_unit(unit)


def test_networks_of_another_run_are_refused(tmp_path: Path) -> None:
    config, tasks, path = CONFIG, {"": TWO_STEP}, Path("results/checkpoint.pt")
    (unit,) = units(config, tasks, tmp_path)
    train_unit(unit)
    weights = join([unit]).weights
    assert networks_from(weights, config, tasks, path)[""].seeds == [1, 2]
    for other in (replace(config, first_seed=2), replace(config, units=5), replace(config, agent="rnn")):
        with pytest.raises(RunError, match="checkpoint results/checkpoint.pt is not of this run"):
            networks_from(weights, other, tasks, path)
    for bad in ({}, {"": {}}, {"": None}, {"": {"seeds": [1, 2], "network": {"x": 1}}}):
        with pytest.raises(RunError, match="checkpoint results/checkpoint.pt is not of this run"):
            networks_from(bad, config, tasks, path)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, number: float) -> None:
    (unit,) = units(CONFIG, {"": TWO_STEP}, tmp_path)
    train_unit(unit)
    state, weights = load_checkpoint(unit.path), join([unit]).weights
    for network in (state["network"], weights[""]["network"]):
        network["recurrent.bias"][1, 0, 3] = number
    save_checkpoint(state, unit.path)
    with pytest.raises(RunError, match="holds numbers that are not finite; delete it"):
        train_unit(unit)
    with pytest.raises(RunError, match="results/checkpoint.pt holds numbers that are not finite"):
        networks_from(weights, CONFIG, {"": TWO_STEP}, Path("results/checkpoint.pt"))


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "training.pt"
    save_checkpoint({"update": 1}, path)

    def full(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint({"update": 2}, path)
    assert load_checkpoint(path) == {"update": 1} and list(tmp_path.iterdir()) == [path]
