"""The command line: flags, bad values, and one line for each error."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import figures.__main__
import simulations.__main__
from pfc_metarl.command_line import command_line
from pfc_metarl.errors import ConfigError, one_line_errors
from pfc_metarl.simulation import Options, run
from simulations import inferred_value, optogenetics
from simulations.two_step import SIMULATION

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--networks", "0"], "networks must be a finite number, at least 1"),
        (["--episodes", "-5"], "episodes must be a finite number, at least 1"),
        (["--learning-rate", "nan"], "learning_rate must be a finite number, greater than 0"),
        (["--common-probability", "1"], "common_probability must be a finite number, greater than 0 and less than 1"),
        (["--episodes", "10", "--episodes-per-update", "4"], "multiple of episodes_per_update"),
        (["--preset", "slow"], "unknown preset slow; choose one of: fast, paper"),
        (["--networks", "many"], "networks"),
        (["--no-such-flag", "1"], "no-such-flag"),
        (["--processes", "0"], "processes must be at least 1"),
        (["--reward-high", "0.1", "--reward-low", "0.9"], r"reward_low must be at most reward_high \(0.1\), not 0.9"),
        (["--device", "meta"], "device must be cpu, cuda or cuda:1"),
        (["--device", "cuda:99"], "--device cuda:99 cannot be used here"),
        (["--from", "train"], "from"),
        (["--rmsprop-decay", "1"], "rmsprop_decay must be a finite number, at least 0 and less than 1"),
        (["--learning-rate", "inf"], "learning_rate must be a finite number"),
        (["--first-seed", "100000000000000000000000"], "first_seed must be a finite number"),
        (["--trained", "results/two_step", "--overwrite"], "--trained trains nothing"),
    ],
)
def test_bad_values(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        command_line(SIMULATION, arguments)
    assert "\n" not in str(caught.value)


def test_all_reads_every_command_line_before_the_first_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of foraging, 10 test episodes would do; not of volatility."""
    monkeypatch.setattr("pfc_metarl.simulation.run", lambda *_: pytest.fail("begun"))
    with pytest.raises(ConfigError, match="^volatility: test_episodes must be a finite number, at least 20, not 10"):
        simulations.__main__.main(["all", "--test-episodes", "10", "--results", str(tmp_path)])


def test_flags_reach_config_and_options() -> None:
    config, options = command_line(
        SIMULATION, ["--preset", "paper", "--reward-high", "0.7", "--results", "x", "--from", "analyse"]
    )
    assert config == replace(SIMULATION.presets["paper"], reward_high=0.7)
    assert (options.results, options.again_from, options.quick) == (Path("x"), "analyse", False)
    config, options = command_line(SIMULATION, ["--quick", "--networks", "3"])
    assert config == replace(SIMULATION.config("fast", quick=True), networks=3)
    assert options.quick and options.processes == 1
    assert command_line(SIMULATION, [])[0] == SIMULATION.presets["fast"]


def test_tuples_on_the_command_line() -> None:
    config, _ = command_line(optogenetics.SIMULATION, ["--risky-probabilities", "0.3", "0.6"])
    assert config.risky_probabilities == (0.3, 0.6)


def test_help_names_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line(inferred_value.SIMULATION, ["--help"])
    said = capsys.readouterr().out
    assert not ended.value.code and "--block-trials" in said and "--processes" in said and "--from" in said


def test_stimulation_needs_an_agent_that_sees_prediction_errors(tmp_path: Path) -> None:
    simulation = optogenetics.SIMULATION
    config = replace(simulation.config("fast", quick=True), agent="prefrontal")
    with pytest.raises(ConfigError, match="optogenetics stimulates prediction errors; choose an agent"):
        run(simulation, config, Options(results=tmp_path))
    with pytest.raises(ConfigError, match="unknown agent cortex; choose one of: prefrontal"):
        run(SIMULATION, replace(SIMULATION.presets["fast"], agent="cortex"), Options(results=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["simulations", "no_such"], "unknown simulation no_such"),
        (["simulations", "two_step", "--networks", "0"], "networks must be a finite number, at least 1"),
        (["figures", "99"], "unknown figure 99"),
        (["figures", "5", "--results", "/no/such/folder"], "python -m simulations two_step"),
    ],
)
def test_commands_fail_with_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package, *rest = arguments
    monkeypatch.setattr(sys, "argv", [package, *rest])
    with pytest.raises(SystemExit) as ended, one_line_errors():
        simulations.__main__.main(rest) if package == "simulations" else figures.__main__.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in said and said.startswith("error: ") and said.count("\n") == 1


def test_the_command_itself() -> None:
    done = subprocess.run([sys.executable, "-m", "simulations"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "two_step" in done.stdout and "harlow_gaze" in done.stdout
    done = subprocess.run([sys.executable, "-m", "simulations", "none"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: unknown simulation none")


GO_ON = "what was finished is safe, and the same command goes on from there"
MEND = "mend that, and the same command goes on"
NO_MEMORY = f"error: not enough memory; {GO_ON}, or use fewer --processes or smaller sizes"


def import_that_fails_when_interrupted() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("numpy.core failed to import") from None


@pytest.mark.parametrize(
    "happens, status, words",
    [
        (lambda: os.kill(os.getpid(), signal.SIGINT), 130, f"interrupted; {GO_ON}"),
        (import_that_fails_when_interrupted, 130, f"interrupted; {GO_ON}"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, f"told to end; {GO_ON}"),
        (lambda: os.kill(os.getpid(), signal.SIGHUP), 129, f"the terminal was closed; {GO_ON}"),
        (lambda: Path("/no/such\nfile").write_text(""), 2, f"error: No such file or directory (/no/such file); {MEND}"),
        (lambda: Path("/dev/full").write_text("x" * 10**6), 1, f"error: No space left on device; {GO_ON}"),
        (lambda: Path("/no/such").write_text(""), 2, f"error: No such file or directory (/no/such); {MEND}"),
        (lambda: np.empty(2**55), 1, f"error: not enough memory; {GO_ON}, or use fewer --processes or smaller sizes"),
        (
            lambda: torch.empty(2**50),
            1,
            f"error: not enough memory; {GO_ON}, or use fewer --processes or smaller sizes",
        ),
    ],
)
def test_what_ends_a_command_is_told_in_one_line(
    happens: Callable[[], object], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, one_line_errors():
        happens()
        pytest.fail("goes on")
    assert ended.value.code == status and capsys.readouterr().err == words + "\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_nohup_is_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with one_line_errors():
        os.kill(os.getpid(), signal.SIGHUP)
    signal.signal(signal.SIGHUP, before)


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors():
        1 / 0  # noqa: B018


@pytest.mark.parametrize("number, status, words", [("INT", 130, "interrupted"), ("TERM", 143, "told to end")])
@pytest.mark.parametrize("wait", [0.2, 1.0, 3.0])
def test_stopped_from_the_first_second(tmp_path: Path, wait: float, number: str, status: int, words: str) -> None:
    """It and its processes: while they import, and a little later."""
    code = (
        "import os, signal, threading\n"
        "import simulations.__main__ as command\n"
        f"threading.Timer({wait}, os.killpg, (os.getpgrp(), signal.SIG{number})).start()\n"
        "with command.one_line_errors():\n"
        f"    command.main(['two_step', '--processes', '2', '--results', {str(tmp_path)!r}])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("two_step: train", "training 2 blocks"))]
    assert (done.returncode, lines) == (status, [f"{words}; {GO_ON}"])


def test_stopped_by_an_import_while_errors_are_redirected(tmp_path: Path) -> None:
    """As while the command line is read: the line is not lost with what was redirected."""
    (tmp_path / "slow.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    code = (
        "import contextlib, io\n"
        "from pfc_metarl.errors import one_line_errors\n"
        "with one_line_errors(), contextlib.redirect_stderr(io.StringIO()):\n"
        "    import slow"
    )
    paths = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=paths)
    assert (done.returncode, done.stderr) == (130, f"interrupted; {GO_ON}\n")


def test_figure5(quick_results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["figures", "5", "--quick", "--results", str(quick_results)])
    figures.__main__.main()
    drawn = quick_results / "quick" / "figures"
    assert (drawn / "figure5.pdf").read_bytes().startswith(b"%PDF")
    assert (drawn / "figure5.png").stat().st_size > 10_000


def test_without_a_name_it_says_what_there_is_and_what_has_been_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    simulations.__main__.main([])
    told = capsys.readouterr().out
    for name in simulations.__main__.NAMES + ["harlow_gaze", "animals", "import", "controls"]:
        assert f"  {name} " in told
    assert "Simulation 4: model-based behaviour and prediction errors" in told and "->" not in told
    small = replace(SIMULATION.config("fast", quick=True), episodes=16, test_episodes=10)
    folder = run(SIMULATION, small, Options(processes=1))
    simulations.__main__.main([])
    assert "-> finished, fast, seeds from 1" in capsys.readouterr().out
    (folder.path / "performance.csv").unlink()
    simulations.__main__.main([])
    assert "-> performance.csv is gone or damaged" in capsys.readouterr().out
    (folder.path / "provenance.json").write_text("{")
    simulations.__main__.main([])
    assert "-> cannot be read" in capsys.readouterr().out
    simulations.__main__.main(["--results", str(folder.path.parent), "--quick"])
    assert "->" not in capsys.readouterr().out


def test_figures_without_a_name(tmp_path: Path) -> None:
    """Through the installed command, whose words are the same."""
    drawn = tmp_path / "results" / "figures"
    drawn.mkdir(parents=True)
    (drawn / "figure5.png").touch()
    command = [str(Path(sys.executable).parent / "pfc-metarl"), "figures"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Figure 5: " in done.stdout and "-> results/figures/figure5.png" in done.stdout
    assert done.stdout.count("->") == 1 and re.search("  hidden_state +The state of trained networks", done.stdout)
    done = subprocess.run([*command[:1], "nothing"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: pfc-metarl simulations NAME [options], or: ")


def test_a_missing_package_is_one_line(tmp_path: Path) -> None:
    """As in a Python that is not that of the environment."""
    for package in ("simulations", "figures"):
        command = [sys.executable, "-S", "-m", package]  # without what is installed
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.startswith("error: the package "), done.stderr
        assert "source .venv/bin/activate" in done.stderr and done.stderr.count("\n") == 1


def test_words_of_the_installed_command_are_completed(tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "pfc-metarl")
    script = subprocess.run([program, "--tyro-print-completion", "bash"], capture_output=True, text=True, check=True)
    (tmp_path / "completion.sh").write_text(script.stdout)
    ask = 'source completion.sh; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tyro_pfc_metarl; echo "${COMPREPLY[@]}"'
    for words, told in (
        (["simulations", "tw"], "two_step"),
        (["simulations", "two_step", "--comm"], "--common-probability"),
        (["simulations", "controls", "--pre"], "--preset"),
        (["figures", "hid"], "hidden_state"),
    ):
        done = subprocess.run(
            ["bash", "-c", ask, "bash", "pfc-metarl", *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.stdout.split() == [told], (words, done.stderr)


def test_completion_does_without_packages_that_few_have(monkeypatch: pytest.MonkeyPatch) -> None:
    of_gymnasium = ("simulations.cartpole", "simulations.environments", "simulations.metaworld")
    for module in (*of_gymnasium, "pfc_metarl.tasks.gymnasium", "pfc_metarl.tasks.environments"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    told: dict[str, object] = {}
    monkeypatch.setattr("pfc_metarl.completion.print_completion", lambda _, settings, figures: told.update(settings))
    simulations.__main__.complete(["pfc-metarl"])
    assert told["cartpole"] is None and told["two_step"] is not None


def loses_exceptions(filename: str) -> Callable[[], object]:
    """A function as of a file, that is told to end and hears nothing of it."""
    code = "try:\n    os.kill(os.getpid(), signal.SIGTERM)\nexcept BaseException:\n    pass\n"
    return lambda: exec(compile(code, filename, "exec"), {"os": os, "signal": signal})


def test_a_signal_that_is_lost_on_the_way_ends_the_command_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        loses_exceptions("callback.py")()
    assert ended.value.code == 143 and capsys.readouterr().err == f"told to end; {GO_ON}\n"


def test_a_signal_while_the_compiler_calls_back_ends_the_command_at_once() -> None:
    code = (
        "from test_command_line import loses_exceptions, one_line_errors\n"
        "with one_line_errors():\n"
        "    loses_exceptions('/python/llvmlite/binding/executionengine.py')()\n"
        "    print('goes on')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", f"told to end; {GO_ON}\n")
