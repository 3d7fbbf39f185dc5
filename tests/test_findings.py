"""docs/findings.md says what the tables that come with the repository say; each verdict can be computed anew."""

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from pfc_metarl.claims import NOT_COMPARED, claims, judge, reference
from pfc_metarl.published import DATA
from simulations import decisions
from simulations.verdicts import in_markdown

FINDINGS = (Path(__file__).parent.parent / "docs" / "findings.md").read_text()


@pytest.mark.parametrize("preset", ["fast", "paper"])
def test_the_verdicts_of_the_reference_runs(preset: str) -> None:
    """(If not: python -m simulations verdicts --markdown, and data/reference_runs.)"""
    judged = judge(reference(preset))
    assert in_markdown(judged) in FINDINGS
    assert (judged["verdict"] != NOT_COMPARED).all()
    assert set(judged["simulation"]) | {"harlow_gaze", "harlow"} == set(claims()["simulation"])


def test_those_that_see() -> None:
    for folder in ("harlow_gaze_control", "harlow_gaze"):
        solved = pd.read_csv(DATA / folder / "networks.csv")["solved"]
        assert f"{solved.sum()} of {len(solved)}" in " ".join(FINDINGS.split())
        own = binomtest(int(solved.sum()), len(solved)).proportion_ci()
        assert f"{own.low:.2f} to {own.high:.2f}" in " ".join(FINDINGS.split())


def test_the_deciding_runs() -> None:
    table = pd.read_csv(DATA / "reference_runs" / "decisions.csv")
    assert decisions.in_markdown(table) in FINDINGS
    assert set(table["decision"]) == set(decisions.BY_NAME)
    for decision in decisions.BY_NAME.values():
        own = table[table["decision"] == decision.name].set_index("quantity")
        for quantity, (low, high) in decision.predicted.items():
            assert own.loc[quantity, ["predicted_low", "predicted_high"]].tolist() == [low, high]
            assert own["as_predicted"].astype(str)[quantity] == str(low <= own["found"][quantity] <= high)
