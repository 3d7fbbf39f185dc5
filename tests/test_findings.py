"""docs/findings.md says what the tables that come with the repository say; each verdict can be computed anew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from pfc_metarl.claims import NOT_COMPARED, PRIMARY, claims, in_markdown, judge, reference
from pfc_metarl.controls_summary import in_markdown as controls_in_markdown
from pfc_metarl.published import DATA
from pfc_metarl.trials import NETWORKS, UNTRAINED
from simulations import decisions

DOCS = Path(__file__).parent.parent / "docs"
FINDINGS, VERDICTS, DECIDED, CONTROLS = (
    (DOCS / f"{name}.md").read_text() for name in ("findings", "verdicts", "decisions", "controls")
)


@pytest.mark.parametrize("preset", ["fast", "paper"])
def test_the_verdicts_of_the_reference_runs(preset: str) -> None:
    """(If not: python -m simulations verdicts --markdown, and data/reference_runs.)"""
    judged = judge(reference(preset))
    assert in_markdown(judged) in VERDICTS
    primary = judged[judged["role"] == PRIMARY]
    assert f"{primary['holds'].sum()} of {len(primary)}" in FINDINGS
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
    assert decisions.in_markdown(table) in DECIDED
    assert set(table["decision"]) == set(decisions.BY_NAME)
    for decision in decisions.BY_NAME.values():
        own = table[table["decision"] == decision.name].set_index("quantity")
        for quantity, (low, high) in decision.predicted.items():
            assert own.loc[quantity, ["predicted_low", "predicted_high"]].tolist() == [low, high]
            assert own["as_predicted"].astype(str)[quantity] == str(low <= own["found"][quantity] <= high)


def test_the_public_rats() -> None:
    """Of several sessions, so that some could be held out."""
    folder = DATA / "reference_runs" / "rats_two_step"
    fits, led = (pd.read_csv(folder / f"{name}.csv").query("group == 'animals'") for name in ("fits", "led"))
    held_out = fits.dropna(subset="held_out").groupby("model")["held_out"].mean()
    several = led[led["subject"].isin(fits.dropna(subset="held_out")["subject"])]
    text = " ".join((DOCS / "animals.md").read_text().split())
    for words, number in (
        ("hidden states ", held_out["latent-state planner"]),
        ("hybrid ", held_out["hybrid"]),
        ("model-based ", held_out["model-based"]),
        ("model-free ", held_out["model-free"]),
        ("led along the rats ", several["per_choice"].mean()),
        ("than rats, and ", several["held_out"].mean()),
    ):
        assert words + f"{number:.3f}".replace("0.", ".") in text, words


def test_the_controls() -> None:
    """All tables of the document; and all networks of the usual kind are those of the reference runs."""
    folder = DATA / "reference_runs" / "controls"
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("variants", "summary", "at_rest")}
    assert controls_in_markdown(tables) in CONTROLS
    for name, own in tables["variants"].query("variant == 'as usual'").groupby("simulation"):
        there = reference("fast")[str(name)].set_index("quantity")["ours"]
        np.testing.assert_allclose(own["ours"], there[own["quantity"]], rtol=1e-3, atol=1e-5)


def test_what_the_state_is() -> None:
    """The numbers of that section, from its tables."""
    folder = DATA / "reference_runs" / "hidden_state"
    section = FINDINGS[FINDINGS.index("## What the state is") : FINDINGS.index("## Where we looked for causes")]
    updates = pd.read_csv(folder / "updates.csv").query("likely")
    pushes, points = pd.read_csv(folder / "pushes.csv"), pd.read_csv(folder / "slow_points.csv")
    means = updates.groupby(["task", "group"])[["slope", "r2", "read_out"]].mean()
    told = [means.loc[(task, NETWORKS), column] for task in ("two-step", "bandits") for column in means]
    told += [means.loc[(task, UNTRAINED), column] for task in ("two-step", "bandits") for column in ("r2", "read_out")]
    for number in told:
        assert f"{number:.2f}".removeprefix("0") in section
    wide = updates.pivot(index=["task", "subject"], columns="group", values="r2")
    better = (wide[NETWORKS] > wide[UNTRAINED]).groupby("task").sum()
    assert f"{better['two-step']} of 8" in section and f"{better['bandits']} of 8" in section
    means_of_pushes = pushes[pushes["push"] == 0.2].groupby(["task", "direction"])[["log_odds", "size"]].mean()
    odds, size = means_of_pushes["log_odds"], means_of_pushes["size"]
    for task in ("two-step", "bandits"):
        assert f"{odds[task, 'belief']:.1f}" in section
        assert f"{odds[task, 'observed']:.1f}" in section
        assert f"{size[task, 'other']:.1f}" in section
    rest = points.groupby(["task", "event"])[["belief", "bayes", "speed"]].mean()
    first, rare = (rest.loc[("two-step", f"left, common, {event}")] for event in ("rewarded", "unrewarded"))
    for number in (first["belief"], first["bayes"], -rare["belief"]):
        assert f"{number:.2f}".removeprefix("0") in section
    assert points.query("task == 'two-step'")["speed"].max() < 0.01
