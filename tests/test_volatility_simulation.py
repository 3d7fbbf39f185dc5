"""The simulation from command line to figure, at tiny sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from figures import figure3
from pfc_metarl.errors import ConfigError
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, command_line, run
from simulations.volatility import BLOCKS, NETWORKS, OBSERVER, PRESETS, SIMULATION, UNTIED, compare_with_paper, tasks

CONFIG = replace(SIMULATION.quick_config("fast"), trials=80, switch_every=10, episodes=32)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    run(SIMULATION, CONFIG, Options(quick=True, results=path, processes=1))
    return path / "quick"


def test_tables_of_a_run(results: Path) -> None:
    folder = RunFolder(results / "volatility")
    trials = folder.read_table("trials.parquet")
    assert len(trials) == 2 * 2 * 20 * 80  # conditions, networks, episodes, trials
    own = trials[(trials["agent"] == NETWORKS) & (trials["subject"] == 1)]
    assert own["session"].tolist() == np.repeat(np.arange(1, 21), 80).tolist()
    first_half = own["trial"] <= 40
    assert ((own["order"] == "low first") == (own["volatile"] != first_half)).all()
    # both conditions and both networks' observers meet the same schedules and outcomes
    other = trials[(trials["agent"] == UNTIED) & (trials["subject"] == 1)]
    np.testing.assert_array_equal(own["good_arm"], other["good_arm"])
    rates, blocks = folder.read_table("learning_rates.csv"), folder.read_table("block_learning_rates.csv")
    assert len(rates) == 3 * 2 * 2 * 71 and set(rates["agent"]) == {NETWORKS, UNTIED, OBSERVER}
    assert len(blocks) == 3 * 2 * 4
    assert folder.read_arrays("arrays.npz")["hidden"].shape == (2, 4, 80, 48)
    assert set(folder.read_table("volatility_decoding.csv")["state"]) == {"hidden", "untrained"}
    sample = folder.read_table("sample_episode.csv")
    assert sample.groupby("agent").size().to_dict() == {NETWORKS: 80, OBSERVER: 80}


def test_observer_of_a_run_sees_its_own_sessions(results: Path) -> None:
    """An observer that was shown other trials' outcomes would earn no more than chance."""
    points = RunFolder(results / "volatility").read_table("earnings.csv").set_index(["agent", "subject"])["points"]
    assert (points[OBSERVER] > 30).all() and points[NETWORKS].between(20, 30).all()


def test_bars_are_means_of_windows_inside_the_block(results: Path) -> None:
    folder = RunFolder(results / "volatility")
    rates, blocks = folder.read_table("learning_rates.csv"), folder.read_table("block_learning_rates.csv")
    for order, (first, second) in BLOCKS.items():
        own = rates[(rates["agent"] == OBSERVER) & (rates["subject"] == 2) & (rates["order"] == order)]
        bars = blocks[(blocks["agent"] == OBSERVER) & (blocks["subject"] == 2)].set_index("block")["alpha"]
        assert bars[first] == pytest.approx(own["alpha"].iloc[:31].mean())
        assert bars[second] == pytest.approx(own["alpha"].iloc[40:].mean())


def test_figures_are_drawn(results: Path) -> None:
    figure3.draw(results, quick=True)
    for name in ("figure3", "figure3_volatility_units"):
        for ending in ("pdf", "png"):
            assert (results / "figures" / f"{name}.{ending}").stat().st_size > 5_000


def test_comparison_states_the_direction(results: Path) -> None:
    """Published rates as ours agree everywhere; exchanged between blocks they disagree."""
    folder = RunFolder(results / "volatility")
    tables = {name: folder.read_table(f"{name}.csv") for name in ("block_learning_rates", "volatility_units")}
    rates = {"stable 1": 0.21, "volatile 1": 0.46, "volatile 2": 0.51, "stable 2": 0.28}
    blocks = tables["block_learning_rates"]
    for mapping, verdict in ((rates, "agrees"), (dict(zip(rates, [0.46, 0.21, 0.28, 0.51])), "disagrees")):
        tables["block_learning_rates"] = blocks.assign(alpha=blocks["block"].map(mapping))
        got = compare_with_paper(tables)
        assert (got.loc[got["quantity"].str.contains("networks"), "verdict"] == verdict).all()


def test_presets_and_conditions() -> None:
    paper = PRESETS["paper"]
    got = (paper.episodes, paper.learning_rate, paper.discount, paper.entropy_cost, paper.entropy_cost_end)
    assert got == (40_000, 5e-5, 0.1, 1.0, 0.0)
    assert (paper.state_value_cost, paper.episodes_per_update, paper.test_episodes) == (0.05, 1, 400)
    tied, untied = (task.course for task in tasks(paper).values())  # type: ignore[attr-defined]
    assert (tied.worse_stable, tied.worse_volatile) == (0.25, 0)
    assert untied == tied._replace(worse_stable=0.2, worse_volatile=0.2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--trials", "41"], "trials must be even"),
        (["--test-episodes", "5"], "test_episodes must be even"),
        (["--reward-scale", "0"], "reward_scale must be greater than 0"),
        (["--log-k-high", "-5"], "log_k_high must be between"),
        (["--window", "101"], "window must be 1 to half of trials"),
        (["--worse-stable", "1.5"], "worse_stable must be between 0 and 1"),
        (["--kept-episodes", "300"], "kept_episodes must be"),
    ],
)
def test_bad_values(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        command_line(SIMULATION, arguments)


def test_learning_curve_of_both_conditions(results: Path) -> None:
    for name in ("learning_curve.csv", "learning_curve_untied.csv"):
        curve = pd.read_csv(results / "volatility" / name)
        assert set(curve["seed"]) == {1, 2} and curve["reward_per_trial"].between(0.2, 0.3).all()
