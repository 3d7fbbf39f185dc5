"""Run folders, the command line, and figures from finished runs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.results import RunFolder, written_aside
from pfc_metarl.simulation import Options, command_line, run
from simulations.two_step import SIMULATION

ROOT = Path(__file__).parent.parent
CONFIG = replace(SIMULATION.quick_config("fast"), episodes=32)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_run_folder_and_identical_repetition(quick_results: Path, tmp_path: Path) -> None:
    first = RunFolder(quick_results / "quick" / "two_step")
    names = {p.name for p in first.path.iterdir()}
    assert {"config.json", "checkpoint.pt", "learning_curve.csv", "trials.parquet", "arrays.npz"} <= names
    assert {"comparison.csv", "provenance.json", "stay_probabilities.csv"} <= names
    config = SIMULATION.quick_config("fast")
    again = run(SIMULATION, config, Options(quick=True, results=tmp_path, processes=1))
    for name in names:
        if name.endswith((".csv", ".parquet")):
            pd.testing.assert_frame_equal(first.read_table(name), again.read_table(name))
    provenance = json.loads((first.path / "provenance.json").read_text())
    assert provenance["seeds"] == config.seeds and provenance["versions"]["torch"]


def test_finished_run_is_left_alone(quick_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = quick_results / "quick" / "two_step" / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    run(SIMULATION, SIMULATION.quick_config("fast"), Options(quick=True, results=quick_results))
    assert checkpoint.stat().st_mtime_ns == before
    assert "is finished" in capsys.readouterr().out


def test_other_config_names_the_field(quick_results: Path) -> None:
    other = replace(SIMULATION.quick_config("fast"), discount=0.8)
    with pytest.raises(RunError, match=r"discount: saved 0\.9, now 0\.8"):
        run(SIMULATION, other, Options(quick=True, results=quick_results))


def test_overwrite_spares_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(RunError, match="config.json"):
            RunFolder(tmp_path).open(CONFIG, 1, overwrite)
    assert (tmp_path / "thesis.tex").exists()


def test_overwrite_begins_anew(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.open(CONFIG, 1, False)
    folder.write_json("provenance.json", {})
    other = replace(CONFIG, discount=0.5)
    folder.open(other, 1, True)
    assert not folder.finished and json.loads((tmp_path / "config.json").read_text())["config"]["discount"] == 0.5


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        RunFolder(tmp_path / "file" / "two_step").open(CONFIG, 1, False)


def test_nothing_is_half_written(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("good")
    with pytest.raises(ZeroDivisionError), written_aside(target) as aside:
        aside.write_text("half")
        1 / 0  # noqa: B018
    assert target.read_text() == "good" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--networks", "0"], "networks must be at least 1"),
        (["--episodes", "-5"], "episodes must be at least 1"),
        (["--learning-rate", "0"], "learning_rate must be greater than 0"),
        (["--learning-rate", "nan"], "learning_rate must be greater than 0"),
        (["--common-probability", "1"], "common_probability must be between 0 and 1"),
        (["--switch-probability", "-0.1"], "switch_probability must be between 0 and 1"),
        (["--discount", "2"], "discount must be between 0 and 1"),
        (["--episodes", "10", "--episodes-per-update", "4"], "multiple of episodes_per_update"),
        (["--preset", "slow"], "unknown preset slow"),
        (["--networks", "many"], "networks"),
        (["--no-such-flag", "1"], "no-such-flag"),
        (["--processes", "0"], "processes must be at least 1"),
    ],
)
def test_bad_values(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        command_line(SIMULATION, arguments)
    assert "\n" not in str(caught.value)


def test_flags_reach_the_config() -> None:
    config, options = command_line(SIMULATION, ["--preset", "paper", "--reward-high", "0.7", "--results", "x"])
    assert (config.reward_high, config.learning_rate, config.preset) == (0.7, 7e-4, "paper")
    assert options.results == Path("x")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["simulations", "no_such"], "unknown simulation no_such"),
        (["simulations", "two_step", "--networks", "0"], "networks must be at least 1"),
        (["figures", "99"], "unknown figure 99"),
        (["figures", "5", "--results", "/no/such/folder"], "python -m simulations two_step"),
    ],
)
def test_commands_fail_with_one_line(arguments: list[str], words: str) -> None:
    done = command(*arguments)
    assert done.returncode != 0
    assert words in done.stderr and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_figure5(quick_results: Path) -> None:
    done = command("figures", "5", "--quick", "--results", str(quick_results))
    assert done.returncode == 0, done.stderr
    for ending in ("pdf", "png"):
        assert (quick_results / "quick" / "figures" / f"figure5.{ending}").stat().st_size > 10_000


def test_figures_import_no_torch() -> None:
    code = (
        "import sys, importlib, figures.__main__ as m\n"
        "for module in m.FIGURES.values(): importlib.import_module('figures.' + module)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
