"""The report: one page by itself, whose links lead somewhere and whose tables are those of the runs."""

import base64
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import figures.__main__
from figures import report
from pfc_metarl.claims import beside_reference, claims, judge, reference
from pfc_metarl.comparison import OPPOSITE, OTHER_SIZE, VERDICTS
from pfc_metarl.disagreements import tried
from pfc_metarl.errors import RunError
from pfc_metarl.markdown import with_interval
from pfc_metarl.report_tables import SIGNS, comparison_table, failing, tiles, verdict_tables


class Page(HTMLParser):
    """What of a page a reader could miss: links, places, sources, and the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: list[str] = []
        self.sources: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.links += [told["href"] or ""] if "href" in told else []
        self.places += [told["id"] or ""] if "id" in told else []
        self.sources += [told["src"] or ""] if "src" in told else []
        assert tag != "img" or told.get("alt")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def page(quick_results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    results = tmp_path_factory.mktemp("report")
    (results / "quick").mkdir()
    (results / "quick" / "two_step").symlink_to(quick_results / "quick" / "two_step")
    report.draw(results, quick=True)
    return (results / "quick" / "figures" / "report.html").read_text()


def test_the_page_hangs_together(page: str) -> None:
    read = Page(page)
    assert not read.open
    assert len(read.places) == len(set(read.places)) and {"verdicts", "two_step", "times"} <= set(read.places)
    assert read.links and all(link.startswith("#") and link[1:] in read.places for link in read.links)
    assert "http" not in page.replace("http://www.w3.org", "") and "@import" not in page  # nothing from elsewhere
    assert len(read.sources) >= 3  # figures 5 and S6, learning curves
    for source in read.sources:
        kind, data = source.split(",")
        assert kind == "data:image/svg+xml;base64"
        assert ET.fromstring(base64.b64decode(data)).tag.endswith("svg")
    assert len(read.tables) >= 4
    for head, *rows in read.tables:
        assert rows and all(len(row) == len(head) for row in rows)
    assert "nothing here is a result" in page


def test_its_comparison_is_the_runs(page: str, quick_results: Path) -> None:
    own = pd.read_csv(quick_results / "quick" / "two_step" / "comparison.csv")
    (table,) = [rows for head, *rows in Page(page).tables if head[0] == "quantity"]
    assert [row[0] for row in table] == own["quantity"].tolist()
    for row, (_, told) in zip(table, own.iterrows()):
        assert row[3].startswith(with_interval(told["ours"], told["ci_low"], told["ci_high"]))
        assert row[5].endswith(told["verdict"])


def test_the_verdicts_of_the_reference_runs() -> None:
    """All that fails is said, with its sign, and once; nothing differs from itself; a changed number does."""
    compared = reference("fast")
    judged = beside_reference(judge(compared), dict.fromkeys(compared, "fast"))
    told = failing(judged)
    wrong = judged["holds"].eq(False).fillna(False) | judged["verdict"].isin([OTHER_SIZE, OPPOSITE])
    assert len(told) == wrong.sum() > 0 and all(one.mark in ("bad", "other") for one in told)
    (units,) = [one for one in told if "does not hold" in one.verdict]
    assert "share of units coding volatility" in units.told and units.tried
    primary = judged[judged["role"] == "primary"]
    assert (
        tiles(judged)[0].number == f"{primary['holds'].sum()} of {len(primary)}" and tiles(judged)[-1].number[0] == "0"
    )
    cells = [row[-1] for table in verdict_tables(judged)[:2] for row in table.rows]
    assert all(cell.text[0] in "✓≈✗?" for cell in cells if "published" not in cell.text)
    moved = compared["two_step"].copy()
    first = moved.index[0]
    moved.loc[first, ["ours", "ci_low", "ci_high"]] += 1.0
    last = [row[-1] for row in comparison_table("two_step", moved, "fast").rows]
    assert [cell.text.startswith("≠") for cell in last] == [at == first for at in moved.index]


def test_each_verdict_has_a_sign_beside_its_colour() -> None:
    assert set(VERDICTS) <= set(SIGNS)
    assert all(sign for sign, mark in SIGNS.values() if mark)


def test_what_was_tried_is_of_the_deciding_runs() -> None:
    causes = tried("foraging", "choice weight, lag 1")
    assert len(causes) >= 4 and all("predicted" in cause for cause in causes)
    assert not tried("two_step", "choice weight, lag 1")


def test_every_figure_has_its_place() -> None:
    assert set(figures.__main__.FIGURES.values()) <= {module for own in report.PICTURES.values() for module in own}
    assert set(claims()["simulation"]) <= set(report.PICTURES)


def test_without_runs(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no finished run; first: python -m simulations all"):
        report.draw(tmp_path, quick=False)
    assert not list(tmp_path.iterdir())
