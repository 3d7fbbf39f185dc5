"""Published numbers; the rule by which ours are laid beside them; and the claims that it judges."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import simulations.__main__
from pfc_metarl import claims
from pfc_metarl.claims import LEARNED, NOT_COMPARED, PRIMARY, judge
from pfc_metarl.comparison import (
    EQUIVALENT,
    INCONCLUSIVE,
    OPPOSITE,
    OTHER_SIZE,
    UNPUBLISHED,
    UNTOLD,
    Basis,
    Curve,
    Part,
    Quantity,
    Several,
    Single,
    compare,
)
from pfc_metarl.errors import RunError
from pfc_metarl.published import DATA, Number, published_number, published_value, sum_of
from pfc_metarl.results import RunFolder


def row(ours: Sequence[float], published: float, basis: Basis, error: float = 0.0) -> pd.Series:
    return compare([Quantity("q", ours, published, error, basis, "> 0", ours)]).iloc[0]


def around(mean: float, sd: float, n: int = 8) -> np.ndarray:
    """Numbers of exactly this mean and s.d."""
    x = np.arange(n) - (n - 1) / 2
    return mean + sd * x / x.std(ddof=1)


@pytest.mark.parametrize(
    "ours, basis, verdict",
    [
        (around(1.1, 0.1), Part(1.0), EQUIVALENT),
        (around(1.2, 0.1), Part(1.0), INCONCLUSIVE),  # 1.133 to 1.267: over the margin of .25
        (around(1.4, 0.1), Part(1.0), OTHER_SIZE),
        (around(1.1, 0.1), Part(0.2), INCONCLUSIVE),
        (around(0.01, 0.1), Part(1.0), INCONCLUSIVE),  # another size, but is it above 0?
        (around(-0.2, 0.1), Part(10.0), OPPOSITE),  # within the margin, and yet
        (around(1.0, 0.1), Several(0.3, 8), EQUIVALENT),
        (around(1.0, 0.1), Several(0.01, 8), INCONCLUSIVE),
        (around(2.0, 0.1), Several(0.3, 8), OTHER_SIZE),
        (around(1.2, 0.1), Single(), EQUIVALENT),  # a network of ours may lie .251 from the mean
        (around(1.3, 0.1), Single(), OTHER_SIZE),
    ],
)
def test_the_verdict_on_a_size(ours: np.ndarray, basis: Basis, verdict: str) -> None:
    assert row(ours, 1.0, basis)["verdict"] == verdict


def test_two_one_sided_tests() -> None:
    """The margin at which a mean is just equivalent is where the larger of two t tests gives 5 %."""
    ours = around(1.1, 0.2)
    p = lambda margin: stats.ttest_1samp(ours - 1.0, margin, alternative="less").pvalue  # noqa: E731
    for margin in np.linspace(0.15, 0.35, 21):
        assert (row(ours, 1.0, Part(4 * margin))["verdict"] == EQUIVALENT) == (p(margin) < 0.05)


def test_the_difference_of_two_groups_of_networks_is_welchs() -> None:
    theirs, ours = around(1.0, 0.3, 6), around(1.05, 0.1)
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.9)
    for error, verdict in ((interval.high - 0.3 + 1e-6, EQUIVALENT), (interval.high - 0.3 - 1e-6, INCONCLUSIVE)):
        assert row(ours, 1.0, Several.of(theirs), error)["verdict"] == verdict  # margins are .3 and the reading error


def test_margins() -> None:
    assert row(around(1, 0.1), 2.0, Part(-2.0), 0.01)["margin"] == pytest.approx(0.51)
    assert row(around(1, 0.1), 2.0, Several(0.3, 8), 0.01)["margin"] == pytest.approx(0.31)
    assert row(around(1, 0.1), 2.0, Single())["margin"] == pytest.approx(
        2.364624 * 0.1 * math.sqrt(1 + 1 / 8), rel=1e-6
    )
    fourteen = around(90, 5, 14)
    low, high = stats.t.interval(0.95, 13, 90, stats.sem(fourteen))
    assert Several.of_interval(low, high, 14) == pytest.approx(Several.of(fourteen))
    dots = {"a": around(1, 0.3), "b": around(2, 0.4)}
    assert Several.of_contrast({"a": 1, "b": -1}, dots) == pytest.approx((0.5, 8))
    assert sum_of({"a": 0.5, "b": -1}, {"a": Number(3, 0.1), "b": Number(1, 0.2)}) == pytest.approx((0.5, 0.25))


def test_what_cannot_be_judged() -> None:
    """Counts among the networks as failing the direction, and is never equivalent."""
    values = ([np.nan, np.nan], [np.nan, 1.0], [0.9, 1.1, np.nan])
    got = [row(x, 1.0, Part(4.0)) for x in values]
    assert [g["verdict"] for g in got] == [UNTOLD, UNTOLD, EQUIVALENT]
    assert [(g["n"], g["networks_in_direction"]) for g in got] == [(2, 0), (2, 1), (3, 2)]
    assert row(around(1, 0.1), np.nan, Single())["verdict"] == UNPUBLISHED


def test_interval_is_students() -> None:
    got = row([1.0, 2.0, 3.0], 2.0, Part(1.0))
    assert got["ours"] == 2 and got["n"] == 3
    assert got["ci_high"] - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert got["p"] == pytest.approx(stats.ttest_1samp([1.0, 2.0, 3.0], 0, alternative="greater").pvalue)


@pytest.mark.parametrize(
    "scale, shift, verdict",
    [(1.0, 0.05, EQUIVALENT), (0.5, 0.0, OTHER_SIZE), (-1.0, 0.0, OPPOSITE), (0.75, 0.0, INCONCLUSIVE)],
)
def test_curves(scale: float, shift: float, verdict: str) -> None:
    paper = np.sin(np.arange(20))
    noise = np.random.default_rng(1).normal(0, 0.01, (8, 20))
    got = compare([Curve("c", scale * paper + shift + noise, paper)]).iloc[0]
    assert got["verdict"] == verdict
    assert got["ours"] == pytest.approx(np.sqrt(np.mean(((scale - 1) * paper + shift) ** 2)) / paper.std(), abs=0.01)
    assert got["networks_in_direction"] == (8 if scale > 0 else 0)


def test_published_value_is_unique() -> None:
    assert published_value(5, panel="c", series="meta-RL", condition="rewarded common") == 0.989
    assert published_number(5, panel="c", series="meta-RL", condition="rewarded common") == (0.989, 0.002)
    with pytest.raises(ValueError, match="fit figure 5"):
        published_value(5, panel="c", series="meta-RL")


def test_every_number_has_source_and_reading_error() -> None:
    for path in DATA.glob("figure*.csv"):
        table = pd.read_csv(path)
        assert table[["panel", "series", "value", "reading_error", "source"]].notna().all().all(), path


# -- claims


def told(monkeypatch: pytest.MonkeyPatch, rows: Sequence[tuple[str, str, np.ndarray]]) -> pd.DataFrame:
    """Claims (quantity, role, gap of each network) of one simulation, judged."""
    table = pd.DataFrame([("s", "1a", role, name, "", name) for name, role, _ in rows])
    table.columns = pd.Index(["simulation", "panel", "role", "quantity", "margin", "sentence"])
    monkeypatch.setattr(claims, "claims", lambda: table)
    quantities = [Quantity(name, gap, np.nan, 0.0, Single(), "> 0", gap) for name, _, gap in rows if len(gap)]
    return judge({"s": compare(quantities)}).set_index("quantity")


def test_primary_claims_are_corrected_for_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    weak, strong = np.array([0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 0.9]), around(1, 0.1)  # alone its p is .04
    assert told(monkeypatch, [("weak", PRIMARY, weak)])["holds"].tolist() == [True]
    many = [
        ("weak", PRIMARY, weak),
        ("strong", PRIMARY, strong),
        *((f"none {i}", PRIMARY, around(0, 1)) for i in range(3)),
    ]
    judged = told(monkeypatch, many)
    assert judged["holds"].tolist() == [False, True, False, False, False]
    p = np.sort(judged["p"])
    by_hand = np.maximum.accumulate(p * np.arange(5, 0, -1)).clip(max=1)  # Holm 1979
    np.testing.assert_allclose(np.sort(judged["p_holm"]), by_hand)


def test_seven_of_eight_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    seven, six = (
        np.array([1.0] * 7 + [-0.1]) + np.arange(8) / 100,
        np.array([1.0] * 6 + [-0.1] * 2) + np.arange(8) / 100,
    )
    judged = told(monkeypatch, [("seven", PRIMARY, seven), ("six", PRIMARY, six)])
    assert (judged["p_holm"] < 0.05).all() and judged["holds"].tolist() == [True, False]


def test_share_that_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = told(
        monkeypatch, [("learned: x", LEARNED, np.array([1.0] * 14 + [-1.0] * 36)), ("gone", PRIMARY, np.array([]))]
    )
    row = judged.loc["learned: x"]
    assert row["share"] == 0.28 and row["share_low"] == pytest.approx(0.1623, abs=1e-4) and pd.isna(row["holds"])
    assert row["share_high"] == pytest.approx(0.4249, abs=1e-4)  # Clopper & Pearson
    assert judged.loc["gone", "verdict"] == NOT_COMPARED and pd.isna(judged.loc["gone", "holds"])


def test_the_claims_are_well_formed() -> None:
    table = claims.claims()
    assert set(table["role"]) == set(claims.ROLES)
    assert not table.duplicated(["simulation", "quantity"]).any()
    primary = table[table["role"] == PRIMARY]
    assert (primary["sentence"] != "").all() and (table["panel"] != "").eq(table["role"] != LEARNED).all()
    assert set(table.loc[table["role"] == LEARNED, "simulation"]) == set(table["simulation"])


def test_the_command(quick_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "two_step").symlink_to(quick_results / "quick" / "two_step")
    simulations.__main__.main(["verdicts", "--quick", "--results", str(tmp_path)])
    said = capsys.readouterr().out
    assert f"not judged: bandits: {tmp_path}/quick/bandits holds no finished run; make it with: python" in said
    assert "two_step: not the preset's settings, so that what is published need not hold: episodes 64 (4800)" in said
    judged = RunFolder(tmp_path / "quick" / "verdicts", "").read_table("comparison.csv")
    own = RunFolder(tmp_path / "quick" / "two_step", "").read_table("comparison.csv").set_index("quantity")
    assert set(judged["simulation"]) == {"two_step"} and judged["holds"].notna().sum() == 3
    for _, claim in judged.iterrows():
        assert claim["quantity"] in said and claim["ours"] == pytest.approx(own["ours"][claim["quantity"]], nan_ok=True)
        assert claim["verdict"] == own["verdict"][claim["quantity"]]
    simulations.__main__.main(["verdicts", "--quick", "--markdown", "--results", str(tmp_path)])
    assert "| 5c | Its choices are model-based. (stay: interaction" in capsys.readouterr().out
    with pytest.raises(RunError, match="holds no finished run"):
        simulations.__main__.main(["verdicts", "--results", str(tmp_path)])


def test_beside_the_runs_that_come_with_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, theirs = around(1.0, 0.1), {"near": around(1.08, 0.2), "far": around(1.3, 0.2), "unknown": around(1.0, 0.1)}
    judged = told(monkeypatch, [(name, PRIMARY, ours) for name in theirs]).reset_index()
    stored = compare([Quantity(name, x, np.nan, 0.0, Single(), "> 0", x) for name, x in theirs.items()])
    (tmp_path / "reference_runs").mkdir()
    stored[:2].assign(simulation="s").to_csv(tmp_path / "reference_runs" / "fast.csv", index=False)
    monkeypatch.setattr(claims, "DATA", tmp_path)
    beside = claims.beside_reference(judged, {"s": "fast"}).set_index("quantity")
    assert beside["differs"].tolist()[:2] == [False, True] and pd.isna(beside["differs"]["unknown"])
    assert beside["reference"].tolist()[:2] == pytest.approx([1.08, 1.3])
    assert stats.ttest_ind(ours, theirs["near"]).pvalue > 0.01 > stats.ttest_ind(ours, theirs["far"]).pvalue
    assert claims.beside_reference(judged, {"s": "paper"})["differs"].isna().all()


def test_networks_that_cannot_be_told_make_no_interval_narrower(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three of eight are told, here and there: the difference is judged as that of three and three."""
    here, there = (np.r_[mean + np.array([-0.01, 0, 0.01]), [np.nan] * 5] for mean in (1.0, 0.94))
    judged = told(monkeypatch, [("q", PRIMARY, here)]).reset_index()
    (tmp_path / "reference_runs").mkdir()
    stored = compare([Quantity("q", there, np.nan, 0.0, Single(), "> 0", there)])
    stored.assign(simulation="s").to_csv(tmp_path / "reference_runs" / "fast.csv", index=False)
    monkeypatch.setattr(claims, "DATA", tmp_path)
    p = stats.ttest_ind(here[:3], there[:3]).pvalue
    assert claims.beside_reference(judged, {"s": "fast"})["differs"].tolist() == [p < 0.01] == [True]


def test_nothing_to_judge() -> None:
    assert judge({}).empty
