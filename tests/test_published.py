"""Published numbers and the rule of the comparison."""

import math

import pandas as pd
import pytest

from pfc_metarl.published import DATA, Quantity, compare, published_value


def quantity(ours: list[float], published: float, holds: bool = True) -> Quantity:
    return Quantity("q", ours, published, 0.1, "> 0", [1.0 if holds else -1.0] * len(ours))


@pytest.mark.parametrize(
    "ours, holds, verdict",
    [([0.95, 1.05], True, "agrees"), ([1.2, 1.4], True, "direction only"), ([1.0, 1.0], False, "disagrees")],
)
def test_rule(ours: list[float], holds: bool, verdict: str) -> None:
    assert compare([quantity(ours, 1.0, holds)])["verdict"].item() == verdict


def test_interval_is_students() -> None:
    row = compare([quantity([1.0, 2.0, 3.0], 2.0)]).iloc[0]
    assert row["ours"] == 2 and row["n"] == 3
    assert row["ci_high"] - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_published_value_is_unique() -> None:
    assert published_value(5, panel="c", series="meta-RL", condition="rewarded common") == 0.989
    with pytest.raises(ValueError, match="fit figure 5"):
        published_value(5, panel="c", series="meta-RL")


def test_every_number_has_source_and_reading_error() -> None:
    for path in DATA.glob("figure*.csv"):
        table = pd.read_csv(path)
        assert table[["panel", "series", "value", "reading_error", "source"]].notna().all().all(), path
