"""Every simulation from its config to its figures, by its quick preset; found in the package: none is left out."""

import importlib
import json
import shutil
import struct
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from registered import SIMULATIONS, every_simulation

import figures.__main__
import pfc_metarl
from figures import figure6, figure7
from pfc_metarl.a2c import Learner
from pfc_metarl.claims import claims
from pfc_metarl.command_line import command_line
from pfc_metarl.comparison import VERDICTS
from pfc_metarl.config import STAGES, Config
from pfc_metarl.disagreements import DECISIONS
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.networks import AGENTS
from pfc_metarl.networks.seeing import SeeingNetwork
from pfc_metarl.plotting import paper_figure, save
from pfc_metarl.random_streams import RUNNING, TEST, generator, generators
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Options, Simulation, run
from pfc_metarl.trial_columns import COMMON_COLUMNS, KEY_COLUMNS
from pfc_metarl.trials import COLUMNS, check_trials
from simulations import prediction_error_input

SMALLER = {
    "bandits": {"trials": 10, "read_out_episodes": 20},
    "volatility": {"trials": 60, "switch_every": 10},
    "harlow": {"episodes": 960},
}
"""Instead of the quick presets' sizes, where these take longest."""
OWN_COLUMNS: dict[str, list[str]] = {"cartpole": ["reversed"]}
"""Of the trial table, that tell tests apart besides the documented ones (said in the simulation's `test`)."""
MAY_BE_EMPTY = {
    ("comparison.csv", "animal"),
    ("comparison.csv", "short"),
    ("comparison.csv", "changed"),
    # change points of learning curves that are too short
    ("networks.csv", "above_chance"),
    ("networks.csv", "at_ceiling"),
    ("stretches.csv", ""),
    # networks that have not come so far
    ("learning.csv", "episodes"),
    ("learning.csv", "steps"),
}
"""Columns of tables without a single value, and tables without rows (column "")."""
NUMBERS = {("comparison.csv", name) for name in ("published", "basis", "margin")}
IN_WORDS = dict.fromkeys(
    ("cartpole", "informative_bandit", "metaworld", "modules", "restless_bandits", "task_inference"), NUMBERS
)
"""Simulations of which no numbers are published, and what is empty there."""


@every_simulation
def test_a_quick_run(name: str, tmp_path: Path) -> None:
    """One run of each, for what hangs together: whether it is tested whole, or by parts in several processes."""
    simulation = SIMULATIONS[name]
    config = replace(simulation.config(next(iter(simulation.presets)), quick=True), **SMALLER.get(name, {}))
    folder = run(simulation, config, Options(quick=True, results=tmp_path, processes=1))
    assert folder.path == tmp_path / "quick" / name and folder.finished
    files_are_those_of_the_provenance(folder)
    tables_hold_something(folder)
    training_is_told(simulation, config, folder)
    trials_are_as_documented(simulation, config, folder)
    run_is_read_back(simulation, config, folder)
    figures_are_drawn(name, tmp_path)
    analyses_done_again_are_the_same(simulation, config, folder, tmp_path)


def files_are_those_of_the_provenance(folder: RunFolder) -> None:
    told = json.loads((folder.path / "provenance.json").read_text())
    assert list(told["stages"]) == list(STAGES) and set(told["files"].values()) == set(STAGES)
    there = {path.name for path in folder.path.iterdir()}
    assert set(told["files"]) == there - {"config.json", "provenance.json"}
    for file, stage in (("checkpoint.pt", "train"), ("learning_curve.csv", "train"), ("comparison.csv", "compare")):
        assert told["files"][file] == stage
    assert set(folder.files("test")) == {"trials.parquet", "arrays.npz"} and len(folder.files("analyse")) >= 2


CHANGED: dict[str, dict[str, object]] = {
    "bandits": {"distributions": ("correlated", "independent")},
    "foraging": {"held_out": ((0.05, 0.1), (0.2, 0.3)), "learned_start": False},
    "optogenetics": {"risky_probabilities": (0.25,)},
    "harlow_gaze": {"filters": ((16, 8, 4),)},
}


@every_simulation
@pytest.mark.parametrize("quick", [False, True])
def test_flags_give_the_config(name: str, quick: bool) -> None:
    simulation = SIMULATIONS[name]
    preset = list(simulation.presets)[-1]
    config = replace(simulation.config(preset, quick), first_seed=7, learning_rate_end=None, **CHANGED.get(name, {}))
    words = simulation.flags(config, quick)
    assert command_line(simulation, [*words, *["--quick"] * quick])[0] == config
    assert simulation.flags(next(iter(simulation.presets.values()))) == []


def tables_hold_something(folder: RunFolder) -> None:
    for path in folder.path.glob("*.csv"):
        table = pd.read_csv(path)
        assert len(table) or (path.name, "") in MAY_BE_EMPTY, path.name
        empty = {(path.name, str(column)) for column in table if len(table) and table[column].isna().all()}
        assert empty <= MAY_BE_EMPTY | IN_WORDS.get(folder.path.name, set())
        if path.name in folder.files("analyse"):
            assert not np.isinf(table.select_dtypes("number")).any(axis=None), path.name
    comparison = folder.read_table("comparison.csv")
    assert set(comparison["verdict"]) <= set(VERDICTS) and comparison["quantity"].is_unique
    margins_are_those_of_the_claims(folder.path.name, comparison)
    for decision in DECISIONS:
        if decision.simulation == folder.path.name:
            told = {*decision.predicted, *decision.watched}
            named = told | {decision.instead(quantity) for quantity in told}
            last = f"trial {folder.read_config().get('trials')}"  # the bandits', at which regret is told
            named = {quantity.replace("trial 100", last) for quantity in named}
            assert named <= set(comparison["quantity"]), f"{decision.name} names what is not measured"


def margins_are_those_of_the_claims(name: str, comparison: pd.DataFrame) -> None:
    """As far as the published data give them (a prediction interval comes from our networks)."""
    claimed = claims().query("simulation == @name and role != 'learned'").set_index("quantity")["margin"]
    own = comparison.set_index("quantity")
    assert len(claimed.index.intersection(own.index)) or claimed.empty
    for quantity in claimed.index.intersection(own.index):
        margin, basis = own["margin"][quantity], own["basis"][quantity]
        number = "" if pd.isna(basis) else basis if basis == "prediction interval" else f"{margin:.4g}"
        assert claimed[quantity] == number, quantity


def training_is_told(simulation: Simulation, config: Config, folder: RunFolder) -> None:
    curve = folder.read_table("learning_curve.csv")
    assert set(curve["condition"]) == set(simulation.tasks(config)) and set(curve["subject"]) == set(config.seeds)
    for condition, own in curve.groupby("condition"):
        assert own["episode"].max() == config.for_condition(str(condition)).episodes
        assert own.groupby("subject").size().nunique() == 1
    if simulation.tracked:
        by_trial = folder.read_table("learning_by_trial.csv")
        trials = range(1, next(iter(simulation.tasks(config).values())).trials + 1)
        points = curve[["condition", "subject", "episode"]].merge(pd.DataFrame({"trial": trials}), how="cross")
        pd.testing.assert_frame_equal(by_trial[list(points)], points)
        for column in simulation.tracked:
            own = by_trial[column].dropna()
            assert len(own) and (column != "correct" or own.between(0, 1).all())


def trials_are_as_documented(simulation: Simulation, config: Config, folder: RunFolder) -> None:
    trials, task = folder.read_table("trials.parquet"), next(iter(simulation.tasks(config).values())).name
    own = OWN_COLUMNS.get(simulation.name, [])
    documented = [column.name for column in (*KEY_COLUMNS, *COLUMNS[task], *COMMON_COLUMNS)]
    assert set(trials) <= {*documented, *own} and {"group", "subject", "session", "trial"} <= set(trials)
    assert {column.name for column in COLUMNS[task] if not column.optional} <= set(trials)
    assert set(trials["subject"]) == set(config.seeds)
    for _, rows in trials.groupby(own, observed=True) if own else [((), trials)]:
        rows = rows.reset_index(drop=True)
        # nothing to mend, nothing out of order
        pd.testing.assert_frame_equal(check_trials(rows, task)[list(rows)], rows, check_dtype=False)


def run_is_read_back(simulation: Simulation, config: Config, folder: RunFolder) -> None:
    loaded = pfc_metarl.load(folder.path)
    assert loaded.config == config and repr(loaded.config) == repr(config)  # nested parts, tuples and all
    played = play(
        loaded.networks,
        loaded.task,
        generators(TEST, config.seeds, 0),
        2,
        renew=lambda network, slot, number: generator(RUNNING, config.seeds[network], 0, slot, number),
    )
    assert played.actions.shape[:3] == (loaded.task.steps, config.networks, 2)
    weights = torch.load(folder.path / "checkpoint.pt", weights_only=True)
    assert list(weights) == list(loaded.by_condition) == list(simulation.tasks(config))
    for condition, agent in loaded.by_condition.items():
        saved = weights[condition]["network"]
        assert all(torch.equal(saved[key], value) for key, value in agent.state_dict().items())
    pd.testing.assert_frame_equal(loaded.trials, pd.read_parquet(folder.path / "trials.parquet"))
    pd.testing.assert_frame_equal(loaded.comparison, pd.read_csv(folder.path / "comparison.csv"))
    pd.testing.assert_frame_equal(loaded.learning_curve, pd.read_csv(folder.path / "learning_curve.csv"))
    csv = {path.stem for path in folder.path.glob("*.csv")}
    assert set(loaded.tables) == csv - {"comparison", "learning_curve", "learning_by_trial"}
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(table, pd.read_csv(folder.path / f"{name}.csv"))
    with np.load(folder.path / "arrays.npz") as arrays:
        assert set(loaded.arrays) == set(arrays)
        for name, array in loaded.arrays.items():
            np.testing.assert_array_equal(array, arrays[name])


def figures_are_drawn(name: str, results: Path) -> None:
    """Without a single warning; those that read the run's folder."""
    drawn = results / "quick" / "figures"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name == "harlow_gaze":  # its two panels, for the rest is of harlow
            seeing = RunFolder(results / "quick" / name, "")
            with paper_figure(60) as figure:
                axes = figure.subplots(1, 2)
                figure6.frames(axes[0], seeing.read_arrays("arrays.npz"))
                figure6.seeing_lines(axes[1], seeing)
                save(figure, results, "panels", quick=True)
        else:
            for module in figures.__main__.names().values():
                source = Path(figures.__file__).with_name(f"{module}.py").read_text()
                if f'run_folder(results, "{name}", quick)' in source:
                    importlib.import_module(f"figures.{module}").draw(results, True)
    endings = {path.suffix: path for path in drawn.iterdir()}
    assert {".pdf", ".png"} <= set(endings)
    assert endings[".pdf"].read_bytes()[:4] == b"%PDF" and all(p.stat().st_size > 5_000 for p in drawn.iterdir())


def analyses_done_again_are_the_same(simulation: Simulation, config: Config, folder: RunFolder, results: Path) -> None:
    note = folder.path / "provenance.json"
    told = json.loads(note.read_text())
    for stage in told["stages"].values():
        stage["command"] = "once upon a time"
    note.write_text(json.dumps(told))
    before = {path.name: path.read_bytes() for path in folder.path.iterdir() if path != note}
    times = {path.name: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    for name in (*folder.files("analyse"), *folder.files("compare")):
        (folder.path / name).write_text("a\n1\n")
    run(simulation, config, Options(quick=True, results=results, processes=1, again_from="analyse"))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir() if path != note} == before
    for name in (*folder.files("train"), *folder.files("test")):
        assert (folder.path / name).stat().st_mtime_ns == times[name], f"{name} was written again"
    again = json.loads(note.read_text())
    assert [again["stages"][stage] == told["stages"][stage] for stage in STAGES] == [True, True, False, False]
    assert again["files"] == told["files"] and all("once" not in again["stages"][s]["command"] for s in STAGES[2:])


@pytest.mark.parametrize("changed", ["", "common_probability 0.7 (0.8)"])
def test_settings_that_were_changed_are_said_below_a_figure(changed: str, quick_results: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "two_step", "")
    shutil.copytree(quick_results / "quick" / "two_step", folder.path)
    comparison = folder.read_table("comparison.csv").assign(changed=changed)
    with folder.doing("compare"):
        folder.write_table("comparison.csv", comparison)
    with paper_figure(60) as figure:
        figure.subplots().plot([0, 1])
        save(figure, tmp_path, "said", quick=False, run=RunFolder(folder.path, ""))
        assert [text.get_text() for text in figure.texts] == [f"Not as in the preset: {changed}" if changed else ""]
    _, height = struct.unpack(">II", (tmp_path / "figures" / "said.png").read_bytes()[16:24])
    assert (height > 60 / 25.4 * 300 + 1) == bool(changed)


def test_figures_of_runs_that_do_not_have_what_they_show(tmp_path: Path) -> None:
    optogenetics = RunFolder(tmp_path / "optogenetics", "")
    for name in ("optogenetics", "harlow"):
        make = SIMULATIONS[name]
        config = replace(make.config("fast", quick=True), **CHANGED.get(name, {}))
        run(make, config, Options(results=tmp_path, processes=1))
    with pytest.raises(RunError, match="was not run with p_risky 0.5 and 0.125, which Figure 7 shows"):
        figure7.draw(tmp_path, False)
    assert optogenetics.finished and not (tmp_path / "figures").exists()
    (tmp_path / "harlow_gaze").mkdir()
    RunFolder(tmp_path / "harlow_gaze", "").open("harlow_gaze", SIMULATIONS["harlow_gaze"].config("fast", quick=True))
    with pytest.raises(RunError, match="harlow_gaze holds no finished run"):  # not that of the repository in its place
        figure6.draw(tmp_path, False)


def test_every_figure_is_of_a_simulation() -> None:
    sources = {m: Path(figures.__file__).with_name(f"{m}.py").read_text() for m in figures.__main__.FIGURES.values()}
    for module, source in sources.items():
        names = [*SIMULATIONS, prediction_error_input.NAME]
        assert any(f'run_folder(results, "{name}", quick)' in source for name in names), module


# -- agents

OWN_AGENTS = {
    "maml": "feedforward: MAML adapts",
    "episodic": "prefrontal .here episodic, prefrontal are trained., not",
    "task_inference": "prefrontal .here prefrontal, belief, .* are trained., not",
}
"""Simulations that say which agents they train, and how they refuse others."""
UNFIT = {
    "modules": "modules",
    "distributional": "symmetric-predictors",
    "cartpole": "no-memory",
    "metaworld": "feedforward",
}
"""Agents that are those that others are to be laid beside."""


@every_simulation
def test_other_agents_learn(name: str) -> None:
    """One update of a network of each kind, by its name on the command line."""
    simulation = SIMULATIONS[name]
    agents = [agent for agent, kind in AGENTS.items() if kind.sees_prediction_errors]
    agents += [] if simulation.needs_prediction_errors else ["gru", "rnn"]
    if name in OWN_AGENTS:
        return  # that is refused
    for agent in agents:
        config, _ = command_line(simulation, ["--quick", "--agent", agent, "--networks", "1", "--units", "4"])
        config = replace(config, episodes=2, episodes_per_update=2)
        task = next(iter(simulation.tasks(config).values()))
        if task.continuous and not AGENTS[agent].acts_continuously:
            continue  # that is refused (tests/test_policies.py)
        learner = Learner(config, task, config.seeds)
        network = learner.network
        assert type(network.agent if isinstance(network, SeeingNetwork) else network) is AGENTS[agent]
        before = [p.detach().clone() for p in network.parameters()]
        learner.learn()
        after = list(network.parameters())
        assert all(torch.isfinite(p).all() for p in after)
        assert sum(not torch.equal(a, b) for a, b in zip(before, after)) >= 2


@every_simulation
def test_agents_that_do_not_fit_are_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    simulation = SIMULATIONS[name]
    config = simulation.config(next(iter(simulation.presets)), quick=True)
    cases = [("guru", "^unknown agent guru; choose one of: prefrontal, ")]
    if name in OWN_AGENTS:
        cases = [(agent, f"^agent must be {OWN_AGENTS[name]}") for agent in ("guru", "gru")]
    if name in UNFIT:
        cases.append((UNFIT[name], f"^agent must be one .*, not {UNFIT[name]}$"))
    if name == "optogenetics":
        cases.append(("gru", "choose an agent that sees them: actor-critic-rpe$"))
    for agent, words in cases:
        with pytest.raises(ConfigError, match=words) as caught:
            run(simulation, replace(config, agent=agent), Options(quick=True, results=tmp_path, processes=1))
        assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
