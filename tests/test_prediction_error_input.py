"""Prediction errors as input: no simulation, but all of them again."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from registered import SIMULATIONS
from test_every_simulation import figures_are_drawn

from pfc_metarl.config import STAGES, Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, Simulation
from simulations import prediction_error_input


def fake_run(simulation: Simulation, config: Config, options: Options) -> RunFolder:
    """A finished run that holds nothing but a comparison, which tells the agent: what it is, and to whom it is."""
    path = options.results / ("quick" if options.quick else ".") / simulation.name
    path.mkdir(parents=True)
    number = list(SIMULATIONS).index(simulation.name) + 100 * (config.agent != "prefrontal")
    row = {"published": 0.5, "ours": number, "ci_low": number - 0.25, "ci_high": number + 0.25, "verdict": config.agent}
    table = pd.DataFrame([{"quantity": "key", "short": "k", **row}, {"quantity": "other", "short": "", **row}])
    table.to_csv(path / "comparison.csv", index=False)
    (path / "config.json").write_text("{}")
    told = {"stages": dict.fromkeys(STAGES, {}), "files": {"comparison.csv": "compare"}}
    (path / "provenance.json").write_text(json.dumps(told))
    return RunFolder(path, "")


def test_both_inputs_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_error_input, "run", fake_run)
    folder = prediction_error_input.prepare(
        ["--quick", "--results", str(tmp_path), "--agent", "actor-critic-rpe-gru"]
    )()
    assert folder.finished and folder.path == tmp_path / "quick" / "prediction_error_input"
    names = [simulation.name for simulation, _ in prediction_error_input.SIMULATIONS]
    table = folder.read_table("inputs.csv")
    assert table["simulation"].tolist() == names and set(table["quantity"]) == {"key"}  # of the key results
    numbers = np.array([list(SIMULATIONS).index(name) for name in names])
    for side, agent, shift in (("reward", "prefrontal", 0), ("prediction_error", "actor-critic-rpe-gru", 100)):
        assert set(table[f"{side}_verdict"]) == {agent}
        np.testing.assert_array_equal(table[f"{side}_ours"], numbers + shift)
        np.testing.assert_array_equal(table[f"{side}_ci_low"], numbers + shift - 0.25)
        np.testing.assert_array_equal(table[f"{side}_ci_high"], numbers + shift + 0.25)
    comparison = folder.read_table("comparison.csv")
    assert len(comparison) == 2 * len(names) and set(comparison["verdict"]) == {"actor-critic-rpe-gru"}
    figures_are_drawn(prediction_error_input.NAME, tmp_path)
    looked: list[str] = []  # finished, it looks at the runs that it is made of all the same
    monkeypatch.setattr(prediction_error_input, "run", lambda simulation, *_: looked.append(simulation.name))
    prediction_error_input.prepare(["--quick", "--results", str(tmp_path), "--agent", "actor-critic-rpe-gru"])()
    assert looked == [name for name in names for _ in range(2)]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--preset", "slow"], "slow"),
        (["--agent", "gru"], "agent must be one that sees prediction errors"),
        (["--agent", "guru"], "unknown agent guru"),
        (["--from", "test"], "has no test of its own; use --from analyse"),
    ],
)
def test_bad_settings_of_both_inputs(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_error_input, "run", fake_run)
    with pytest.raises(ConfigError, match=words) as caught:
        prediction_error_input.prepare([*arguments, "--results", str(tmp_path)])()
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
