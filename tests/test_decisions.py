"""Deciding runs: changes are fields, predictions are of compared quantities, the table says what was found."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.config import STAGES
from pfc_metarl.disagreements import DECISIONS
from pfc_metarl.errors import ConfigError
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, Simulation
from simulations import decisions


def test_decisions_are_well_formed() -> None:
    assert len({decision.name for decision in DECISIONS}) == len(DECISIONS)
    for decision in DECISIONS:
        simulation = import_module(f"simulations.{decision.simulation}").SIMULATION
        usual = simulation.config("fast")
        assert replace(usual, **decision.changes) != usual or not decision.changes
        replace(usual, **decision.always)
        assert decision.predicted and all(low < high for low, high in decision.predicted.values())
        assert not set(decision.predicted) & set(decision.watched)


def test_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both runs have the same seeds; the table lays the means beside the prediction."""
    ran: list[Any] = []

    def fake(simulation: Simulation[Any], config: Any, options: Options) -> RunFolder:
        ran.append(config)
        path = options.results / simulation.name
        path.mkdir(parents=True, exist_ok=True)
        ours = 28.0 if not config.forced_outcomes else 12.0
        row = {"published": 1.0, "ours": ours, "ci_low": ours - 1, "ci_high": ours + 1, "n": 8}
        rows = [{"quantity": f"% risky, control, p = {p:g}", **row} for p in (0.5, 0.125)]
        pd.DataFrame(rows).to_csv(path / "comparison.csv", index=False)
        (path / "config.json").write_text("{}")
        told = {"stages": dict.fromkeys(STAGES, {}), "files": {"comparison.csv": "compare"}}
        (path / "provenance.json").write_text(json.dumps(told))
        return RunFolder(path, "")

    monkeypatch.setattr(decisions, "run_simulation", fake)
    folder = decisions.prepare(["forced-pulls-tell-nothing", "--results", str(tmp_path)])()
    table = folder.read_table("comparison.csv").set_index("quantity")
    told = [(config.first_seed, config.forced_outcomes) for config in ran]
    assert told == [(201, True), (201, False)]
    np.testing.assert_array_equal(table[["usual", "found"]].dropna(), [[12, 28]] * 2)
    assert table["as_predicted"].dropna().to_dict() == {
        "% risky, control, p = 0.5": False,
        "% risky, control, p = 0.125": True,
    }


def test_another_analysis_of_the_usual_networks(tmp_path: Path) -> None:
    """Nothing is trained twice; what is found lies beside the usual quantity. Of learning the share is told."""
    decisions.prepare(["three-events", "--quick", "--results", str(tmp_path)])()
    folder = tmp_path / "quick" / "decisions"
    assert [path.name for path in folder.joinpath("fast_201").iterdir()] == ["usual"]
    made, table = (RunFolder(path, "") for path in (folder / "fast_201" / "usual" / "two_step", folder))
    ours = made.read_table("comparison.csv").set_index("quantity")["ours"]
    row = table.read_table("comparison.csv").iloc[0]
    assert row["usual"] == ours["prediction errors: r2 with model-based"]
    assert row["found"] == ours["prediction errors, with those at the cue: r2 with model-based"] != row["usual"]
    learned = pd.Series({"ours": 0.4, "networks_in_direction": 3, "n": 8})
    assert decisions.measured(learned, "learned: a task")[0] == 3 / 8


def test_an_unknown_decision() -> None:
    with pytest.raises(ConfigError, match="no decision nothing; there are: gittins-discount, "):
        decisions.prepare(["nothing"])
