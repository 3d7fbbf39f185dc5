"""Run folders, the stages of a run, and runs read back."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import pfc_metarl
import pfc_metarl.workers as workers
from pfc_metarl.comparison import Part, Quantity, compare
from pfc_metarl.config import STAGES
from pfc_metarl.errors import RunError
from pfc_metarl.files import written_aside
from pfc_metarl.finished_run import Run
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Options, Tables, run
from simulations.two_step import SIMULATION

ROOT = Path(__file__).parent.parent
CONFIG = replace(
    SIMULATION.config("fast", quick=True), episodes=32, units=8, trials=10, test_episodes=4, analysed_episodes=2
)


class Calls:
    """A simulation whose stages count how often they are done, and do little; its training is real."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails = ""
        self.simulation = replace(
            SIMULATION,
            test=self.counted("test", SIMULATION.test),
            analyse=self.counted("analyse", self.analyse),
            compare=self.counted("compare", self.compared),
        )

    def counted(self, stage: str, function: Callable) -> Callable:
        def of_stage(*arguments: Any) -> Any:
            self.done.append(stage)
            if self.fails == stage:
                raise ZeroDivisionError
            return function(*arguments)

        return of_stage

    @staticmethod
    def analyse(config: Any, tested: Any) -> Tables:
        """Rewards by network."""
        return {"rewards": tested.trials.groupby("subject", as_index=False)["reward"].mean()}

    @staticmethod
    def compared(tables: Tables) -> pd.DataFrame:
        """With some number."""
        rewards = tables["rewards"]["reward"].to_numpy()
        return compare([Quantity("reward", rewards, 0.5, 0.0, Part(1.0), "> 0", rewards)])

    def run(self, folder: Path, **options: Any) -> RunFolder:
        """As the command does; `done` holds what this time was done."""
        self.done.clear()
        return run(self.simulation, CONFIG, Options(results=folder, processes=1, **options))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls, train_unit = Calls(), workers.train_unit

    def train(*arguments: Any, **more: Any) -> None:
        calls.done.append("train")
        train_unit(*arguments, **more)

    monkeypatch.setattr(workers, "train_unit", train)
    return calls


def files(folder: RunFolder) -> dict[str, bytes]:
    """All but the provenance, which tells the time."""
    return {p.name: p.read_bytes() for p in folder.path.iterdir() if p.name != "provenance.json"}


def read_provenance(folder: RunFolder) -> dict:
    return json.loads((folder.path / "provenance.json").read_text())


# -- a whole run


def test_a_run_leaves_its_files_and_is_repeated_to_the_byte(quick_results: Path, tmp_path: Path) -> None:
    first = RunFolder(quick_results / "quick" / "two_step", "")
    config = SIMULATION.config("fast", quick=True)
    again = run(SIMULATION, config, Options(quick=True, results=tmp_path, processes=1))
    assert files(first) == files(again)
    names = {"config.json", "checkpoint.pt", "learning_curve.csv", "trials.parquet", "arrays.npz", "comparison.csv"}
    assert names | {"stay_probabilities.csv", "lag_weights.csv", "prediction_errors.csv"} <= set(files(first))
    assert first.finished and set(read_provenance(first)["files"]) == set(files(first)) - {"config.json"}


def test_provenance_tells_how_each_stage_was_made(quick_results: Path) -> None:
    stages = read_provenance(RunFolder(quick_results / "quick" / "two_step", ""))["stages"]
    assert list(stages) == list(STAGES)
    for told in stages.values():
        assert told["versions"]["torch"] == torch.__version__ and told["versions"]["python"]
        assert told["seconds"] >= 0 and told["machine"] and told["command"] and told["resumed"] is False
        assert told["commit"] is None or len(told["commit"]) == 40


def test_a_finished_run_is_left_alone(tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    folder = calls.run(tmp_path)
    assert calls.done == list(STAGES)
    before = {p: p.stat().st_mtime_ns for p in folder.path.iterdir()}
    capsys.readouterr()
    calls.run(tmp_path)
    assert calls.done == [] and {p: p.stat().st_mtime_ns for p in folder.path.iterdir()} == before
    said = capsys.readouterr().out
    assert "is finished" in said and "reward" in said  # the comparison is shown again


# -- stages


@pytest.mark.parametrize("stage", ["test", "analyse", "compare"])
def test_a_stage_and_those_after_it_are_done_again(tmp_path: Path, calls: Calls, stage: str) -> None:
    before = files(calls.run(tmp_path))
    folder = calls.run(tmp_path, again_from=stage)
    assert calls.done == list(STAGES[STAGES.index(stage) :])
    assert files(folder) == before and folder.finished


@pytest.mark.parametrize("stage", ["test", "analyse", "compare"])
def test_a_run_goes_on_from_the_stage_that_failed(tmp_path: Path, calls: Calls, stage: str) -> None:
    calls.fails = stage
    with pytest.raises(ZeroDivisionError):
        calls.run(tmp_path)
    folder = RunFolder(tmp_path / "two_step", "the command")
    assert not folder.finished
    with pytest.raises(RunError, match="holds no finished run; make it with: the command"):
        folder.read_table("trials.parquet")
    calls.fails = ""
    calls.run(tmp_path)
    assert calls.done == list(STAGES[STAGES.index(stage) :])


def test_stages_that_cannot_be_done_yet(tmp_path: Path, calls: Calls) -> None:
    with pytest.raises(RunError, match="holds no run; first give the same command without --from"):
        calls.run(tmp_path, again_from="analyse")
    assert calls.done == []
    calls.fails = "test"
    with pytest.raises(ZeroDivisionError):
        calls.run(tmp_path)
    with pytest.raises(RunError, match="has not gone through the stage test"):
        calls.run(tmp_path, again_from="compare")


def test_a_file_that_is_gone_is_made_again(tmp_path: Path, calls: Calls) -> None:
    folder = calls.run(tmp_path)
    before = files(folder)
    for name, stage in (("checkpoint.pt", "train"), ("arrays.npz", "test"), ("rewards.csv", "analyse")):
        (folder.path / name).unlink()
        calls.run(tmp_path)
        assert calls.done == [stage] and files(folder) == before
        (folder.path / name).write_bytes(before[name][:-5])
        calls.run(tmp_path)
        assert calls.done == [stage] and files(folder) == before


def test_an_interrupted_training_is_gone_on_with(tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partial checkpoint is used, and gone in the end."""
    whole = files(calls.run(tmp_path / "whole"))
    saved, original = [0], pfc_metarl.training.save_checkpoint  # type: ignore[attr-defined]

    def interrupted(*arguments: Any) -> None:
        original(*arguments)
        saved[0] += 1
        if saved[0] == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("pfc_metarl.training.save_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        calls.run(tmp_path / "broken")
    (partial,) = (tmp_path / "broken" / "two_step").glob("training_*.pt")
    folder = calls.run(tmp_path / "broken")
    assert files(folder) == whole and not partial.exists()
    assert read_provenance(folder)["stages"]["train"]["resumed"] is True


def test_the_learning_curve_grows_while_training_goes_on(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfc_metarl.simulation.CURVE_EVERY", 0.0)
    written, original = [], RunFolder.write_table

    def write_table(self: RunFolder, name: str, table: pd.DataFrame) -> None:
        original(self, name, table)
        written.extend([len(self.read_table(name))] * (name == "learning_curve.csv"))

    monkeypatch.setattr(RunFolder, "write_table", write_table)
    calls.run(tmp_path)
    updates = CONFIG.updates
    assert written == [CONFIG.networks * n for n in [*range(1, updates + 1), updates]] and updates > 1


# -- folders


def begun(path: Path) -> RunFolder:
    """A folder in which training has begun."""
    path.mkdir(exist_ok=True)
    folder = RunFolder(path, "")
    folder.open("two_step", CONFIG)
    folder.write_table("learning_curve.csv", pd.DataFrame({"reward": [0.5]}))
    return folder


def test_a_folder_of_another_config_names_the_field(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.open("two_step", CONFIG)
    with pytest.raises(RunError, match=r"\(discount: saved 0\.9, now 0\.8\); --overwrite replaces it, or choose"):
        folder.open("two_step", replace(CONFIG, discount=0.8))
    many = replace(CONFIG, discount=0.8, units=9, networks=3, learning_rate=0.1, entropy_cost=0.1, trials=11)
    with pytest.raises(RunError, match=r"; discount: .* and 2 more\); --overwrite") as caught:
        folder.open("two_step", many)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(RunError, match="holds no run of foraging"):
        folder.open("foraging", CONFIG, overwrite=True)
    assert (tmp_path / "learning_curve.csv").exists()


def test_a_config_that_has_led_to_nothing_is_not_in_the_way(tmp_path: Path) -> None:
    """The corrected command works after one that failed at once."""
    folder = RunFolder(tmp_path, "")
    folder.open("two_step", CONFIG)
    folder.open("two_step", replace(CONFIG, discount=0.8))
    assert folder.read_json("config.json")["config"]["discount"] == 0.8


def test_overwriting_removes_what_the_run_has_written_and_nothing_else(tmp_path: Path, calls: Calls) -> None:
    folder = calls.run(tmp_path)
    (folder.path / "thesis.tex").write_text("years of work")
    (folder.path / "my_analysis").mkdir()
    folder.open("two_step", replace(CONFIG, discount=0.5), overwrite=True)
    assert {p.name for p in folder.path.iterdir()} == {"config.json", "provenance.json", "thesis.tex", "my_analysis"}
    assert folder.read_json("config.json")["config"]["discount"] == 0.5 and not folder.finished
    calls.run(tmp_path, overwrite=True)
    assert calls.done == list(STAGES) and (folder.path / "thesis.tex").exists()


def test_a_run_begins_beside_foreign_files_and_never_writes_over_one(tmp_path: Path, calls: Calls) -> None:
    mine = tmp_path / "two_step" / "rewards.csv"
    mine.parent.mkdir()
    mine.write_text("my own rewards")
    for overwrite in (False, True):
        with pytest.raises(RunError, match=r"rewards\.csv is in the way, and not of this run; move it, then go on"):
            calls.run(tmp_path, overwrite=overwrite)
        assert mine.read_text() == "my own rewards"
    mine.rename(mine.with_name("mine.csv"))
    calls.run(tmp_path)
    assert calls.done == ["analyse", "compare"] and mine.with_name("mine.csv").read_text() == "my own rewards"


@pytest.mark.parametrize("content", ["{}", '{"simulation": "two_step"}', '{"my": "settings"}'])
def test_a_config_of_somebody_else_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(RunError, match="holds no run of two_step"):
        RunFolder(tmp_path, "").open("two_step", CONFIG, overwrite=True)
    assert (tmp_path / "config.json").read_text() == content


def test_provenance_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    folder, elsewhere = begun(tmp_path / "run"), tmp_path / "thesis.tex"
    elsewhere.write_text("years of work")
    told = read_provenance(folder)
    told["files"]["../thesis.tex"] = "train"
    (folder.path / "provenance.json").write_text(json.dumps(told))
    with pytest.raises(RunError, match=r"provenance\.json cannot be read; move .* away to start anew"):
        folder.open("two_step", CONFIG, overwrite=True)
    assert elsewhere.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match="cannot write to .*; choose another --results folder"),
        RunFolder(tmp_path / "file" / "two_step", "").locked(),
    ):
        pytest.fail("goes on")


def test_two_commands_in_one_folder(tmp_path: Path, calls: Calls) -> None:
    """The second says so and stops, and changes nothing; afterwards it may run."""
    with RunFolder(tmp_path / "two_step", "").locked():
        with pytest.raises(RunError, match="another command is at work in .*two_step; wait for it"):
            calls.run(tmp_path)
        assert not calls.done and not list((tmp_path / "two_step").iterdir())
    assert calls.run(tmp_path).finished


# -- settings that bear on the test alone


def test_settings_that_bear_on_later_stages_leave_the_networks_alone(tmp_path: Path, calls: Calls) -> None:
    folder = calls.run(tmp_path)
    trained = files(folder)["checkpoint.pt"]
    longer = replace(CONFIG, test_episodes=6)

    def again(**options: Any) -> None:
        calls.done.clear()
        run(calls.simulation, longer, Options(results=tmp_path, processes=1, **options))

    for options in ({}, {"again_from": "analyse"}):
        with pytest.raises(RunError, match=r"\(test_episodes: saved 4, now 6\); --from test goes on with its networks"):
            again(**options)
    again(again_from="test")
    assert calls.done == ["test", "analyse", "compare"] and files(folder)["checkpoint.pt"] == trained
    assert folder.read_json("config.json")["config"]["test_episodes"] == 6
    assert len(folder.read_table("trials.parquet")) == 6 * CONFIG.networks * CONFIG.trials
    again()
    assert calls.done == []


def test_trained_networks_of_another_run_are_used(tmp_path: Path, calls: Calls) -> None:
    first = calls.run(tmp_path / "first")
    longer = replace(CONFIG, test_episodes=6)
    options = Options(results=tmp_path / "second", trained=first.path, processes=1)
    calls.done.clear()
    second = run(calls.simulation, longer, options)
    assert calls.done == ["test", "analyse", "compare"] and second.finished
    for name in ("checkpoint.pt", "learning_curve.csv"):
        assert files(second)[name] == files(first)[name]
    assert read_provenance(second)["stages"]["train"]["taken_from"] == str(first.path)
    with pytest.raises(RunError, match=r"were trained with other settings \(discount: 0\.9, now 0\.8\)"):
        run(calls.simulation, replace(longer, discount=0.8), replace(options, results=tmp_path / "third"))
    with pytest.raises(RunError, match="holds no trained networks"):
        run(calls.simulation, longer, replace(options, trained=tmp_path, results=tmp_path / "fourth"))


def test_a_comparison_of_a_changed_task_says_so(
    tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = calls.run(tmp_path)
    (told,) = folder.read_table("comparison.csv")["changed"].unique()
    assert "units 8 (48)" in told and "trials 10 (100)" in told and "discount" not in told
    assert f"not the preset's settings, so that published values need not hold: {told}" in capsys.readouterr().out
    assert SIMULATION.changed(SIMULATION.presets["paper"]) == ""


def test_nothing_is_half_written(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("good")
    with pytest.raises(ZeroDivisionError), written_aside(target) as aside:
        aside.write_text("half")
        1 / 0  # noqa: B018
    assert target.read_text() == "good" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["config.json", "provenance.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"{}"])
def test_damaged_notes(tmp_path: Path, name: str, content: bytes) -> None:
    folder = RunFolder(tmp_path, "")
    folder.open("two_step", CONFIG)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunError) as caught:
        folder.open("two_step", CONFIG)
        folder.claim(["table.csv"])
    assert name in str(caught.value) or "holds no run of two_step" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_results_name_what_makes_them_again(tmp_path: Path, calls: Calls) -> None:
    """And that command does."""
    folder = calls.run(tmp_path)
    good = files(folder)
    readers = {"trials.parquet": folder.read_table, "arrays.npz": folder.read_arrays, "rewards.csv": folder.read_table}
    for (name, read), stage in zip(readers.items(), ("test", "test", "analyse")):
        for damaged in (good[name][: len(good[name]) // 3] if stage == "test" else b"", b"", b"\xff\x00"):
            (folder.path / name).write_bytes(damaged)
            with pytest.raises(RunError, match=rf"{name} cannot be read .*: python .*two_step.* --from {stage}$"):
                read(name)
        calls.run(tmp_path, again_from=stage)
        assert files(folder) == good
    with pytest.raises(RunError, match="holds no nothing.csv"):
        folder.read_table("nothing.csv")


# -- read back


def test_a_run_is_read_back(quick_results: Path) -> None:
    config = SIMULATION.config("fast", quick=True)
    loaded = pfc_metarl.load(quick_results / "quick" / "two_step")
    assert isinstance(loaded, Run) and loaded.config == config and loaded.simulation is SIMULATION
    assert loaded.networks.seeds == config.seeds and loaded.task.trials == config.trials
    again = play(loaded.networks, loaded.task, generators(TEST, config.seeds, 0), config.test_episodes)
    pd.testing.assert_frame_equal(again.table(), loaded.trials)  # the very networks that were tested
    assert loaded.arrays["values"].shape == (config.networks, config.test_episodes, loaded.task.steps)
    assert {"stay_probabilities", "lag_weights"} <= set(loaded.tables)
    assert len(loaded.comparison) > 10 and list(loaded.by_condition) == list(loaded.tasks)


def test_what_cannot_be_read_back(tmp_path: Path) -> None:
    def saved(content: dict) -> Path:
        path = tmp_path / "run"
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text(json.dumps(content))
        return path

    with pytest.raises(RunError, match="holds no run"):
        pfc_metarl.load(tmp_path / "nothing")
    with pytest.raises(RunError, match="names no simulation"):
        pfc_metarl.load(saved({"config": {}, "simulation": "../evil"}))
    with pytest.raises(RunError, match=r"there is no simulations/mine\.py"):
        pfc_metarl.load(saved({"config": {}, "simulation": "mine"}))
    with pytest.raises(RunError, match="holds tables of prediction_error_input, but no networks; read it with pandas"):
        pfc_metarl.load(saved({"config": {}, "simulation": "prediction_error_input"}))
    with pytest.raises(RunError, match="holds no finished run; make it with: python -m simulations"):
        pfc_metarl.load(saved({"config": {}, "simulation": "two_step"}))


def test_links_to_one_folder_are_one_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "two_step").symlink_to(tmp_path / "real")
    one, other = (RunFolder(tmp_path / name / "two_step", "") for name in ("a", "b"))
    with one.locked(), pytest.raises(RunError, match="another command is at work"), other.locked():
        pass


def test_whole_networks_are_not_trained_anew_for_a_damaged_curve(tmp_path: Path) -> None:
    options = Options(results=tmp_path, processes=1)
    folder = run(SIMULATION, CONFIG, options)
    before = (folder.path / "checkpoint.pt").read_bytes()
    (folder.path / "learning_curve.csv").write_text("edited")
    with pytest.raises(RunError, match="learning_curve.csv is gone or damaged, and its networks are whole"):
        run(SIMULATION, CONFIG, options)
    assert (folder.path / "checkpoint.pt").read_bytes() == before
