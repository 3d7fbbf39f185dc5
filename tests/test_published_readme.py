"""data/README.md sums up what the files hold."""

from pathlib import Path

import pandas as pd

from pfc_metarl.published import DATA, published


def test_every_series_is_summed_up() -> None:
    text = (Path(DATA) / "README.md").read_text()
    publications = pd.read_csv(Path(DATA) / "related.csv")["publication"].unique()
    for figure in (*range(1, 8), *publications):
        for (panel, series), own in published(figure).groupby(["panel", "series"]):
            (line,) = [line for line in text.splitlines() if line.startswith(f"| {figure} | {panel} | {series} | ")]
            assert f" | {len(own)} | " in line
            assert all(source in line for source in own["source"].unique())
            assert own["reading_error"].notna().all() and (own["reading_error"] >= 0).all()
