"""What the paper claims, and whether our networks bear it out: data/claims.csv, by the rule of `pfc_metarl.comparison`.

A claim names a quantity of a simulation's comparison, and its role there:

- primary: one contrast per panel, the one that the paper's sentence states. It holds if its direction's p, corrected
  by Holm's method over all primary claims that were run, is below 5 %, and at least 7 of 8 networks show it;
- size, curve: judged by their verdict alone;
- learned: the criterion by which a network has learned its task: the share that has, with its binomial interval.

Quantities that no claim names (reference agents, chance levels, readings that restate others) are listed, not counted.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pfc_metarl.comparison import LEVEL
from pfc_metarl.markdown import markdown_table, with_interval
from pfc_metarl.published import DATA

NEEDED = 7 / 8
"""Share of networks that must show a primary claim."""
COMPARED = [
    "quantity", "published", "animal", "ours", "ci_low", "ci_high", "n", "told", "direction", "networks_in_direction",
    "p", "verdict",
]  # fmt: skip
COUNTS = ("n", "told", "networks_in_direction")
NOT_COMPARED = "not compared"
PRIMARY, SIZE, CURVE, LEARNED = ROLES = ("primary", "size", "curve", "learned")


def claims() -> pd.DataFrame:
    """The claims: simulation, panel, role, quantity, margin (in numbers, or where it comes from), sentence."""
    return pd.read_csv(DATA / "claims.csv", dtype=str, keep_default_na=False)


def judge(comparisons: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All claims on the simulations that were run.

    Args:
        comparisons: by name of the simulation, its comparison table.

    Returns:
        Table: simulation, panel, role, quantity, sentence; published, animal, ours, ci_low, ci_high, n, told,
        direction, networks_in_direction, p, verdict (see `compare`); ratio (ours to published); p_holm (primary
        claims); holds (primary: True or False); share, share_low, share_high (learned: networks that have, 95 %
        interval).

        A claim on a quantity that is not compared (with other settings than the preset's) has the verdict "not
        compared".
    """
    known = claims().drop(columns="margin")
    tables = [
        known[known["simulation"] == name].merge(table[COMPARED], how="left", on="quantity")
        for name, table in comparisons.items()
    ]
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*known, *COMPARED[1:]])
    compared = whole["n"].notna()
    whole["verdict"] = whole["verdict"].where(compared, NOT_COMPARED)
    whole = whole.fillna(dict.fromkeys(COUNTS, 0)).astype(dict.fromkeys(COUNTS, int))
    primary, learned = ((whole["role"] == role) & compared for role in (PRIMARY, LEARNED))
    whole["ratio"] = whole["ours"] / whole["published"]
    whole["p_holm"], whole["holds"] = np.nan, pd.Series(pd.NA, whole.index, dtype="boolean")
    if primary.any():
        p = whole.loc[primary, "p"].fillna(1.0).to_numpy()
        whole.loc[primary, "p_holm"] = multipletests(p, method="holm")[1]
        enough = whole["networks_in_direction"] >= NEEDED * whole["n"]
        whole.loc[primary, "holds"] = (whole["p_holm"] < LEVEL)[primary] & enough[primary]
    intervals = [
        stats.binomtest(int(k), int(n)).proportion_ci(method="exact") if is_learned else (np.nan, np.nan)
        for k, n, is_learned in zip(whole["networks_in_direction"], whole["n"], learned)
    ]
    whole["share"] = (whole["networks_in_direction"] / whole["n"]).where(learned)
    whole[["share_low", "share_high"]] = np.array([tuple(interval) for interval in intervals]).reshape(-1, 2)
    return whole


def told_in_tables(judged: pd.DataFrame) -> list[tuple[list[str], list[list[str]]]]:
    """The verdicts for readers: heads and rows of primary claims, of sizes and curves, of networks that have learned.

    Args:
        judged: of `judge`.
    """
    primary, sizes, learned = ([], [], [])  # type: tuple[list[list[str]], list[list[str]], list[list[str]]]
    for _, c in judged[judged["verdict"] != NOT_COMPARED].iterrows():
        published = "" if pd.isna(c["published"]) else f"{c['published']:.3g}"
        ours = with_interval(c["ours"], c["ci_low"], c["ci_high"])
        networks = f"{c['networks_in_direction']}/{c['n']}"
        panel = c["panel"] + (", from pixels" if c["simulation"] == "harlow_gaze" else "")
        if c["role"] == PRIMARY:
            p = "< .001" if c["p_holm"] < 0.001 else f"{c['p_holm']:.3f}"
            claim, holds = f"{c['sentence']} ({c['quantity']})", "yes" if c["holds"] else "no"
            primary.append([panel, claim, published, ours, networks, p, holds, c["verdict"]])
        elif c["role"] == LEARNED:
            rule = f"{c['quantity'].removeprefix('learned: ')} {c['direction']}"
            learned.append([c["simulation"], rule, networks, f"{c['share_low']:.2f} to {c['share_high']:.2f}"])
        else:
            sizes.append([panel, c["quantity"], published, ours, networks, c["verdict"]])
    return [
        (["panel", "claim", "published", "ours [95 %]", "networks", "p (Holm)", "holds", "size"], primary),
        (["panel", "size or curve", "published", "ours [95 %]", "networks", "verdict"], sizes),
        (["simulation", "a network has learned if", "that have", "95 % interval of the share"], learned),
    ]


def in_markdown(judged: pd.DataFrame) -> str:
    """The verdicts as tables for a document."""
    return "\n".join(markdown_table(head, rows) for head, rows in told_in_tables(judged))


def reference(preset: str) -> dict[str, pd.DataFrame]:
    """Comparison tables of the runs that come with the repository, by simulation; none of a preset without any."""
    path = DATA / "reference_runs" / f"{preset}.csv"
    if not path.is_file():
        return {}
    return {str(name): own.reset_index(drop=True) for name, own in pd.read_csv(path).groupby("simulation", sort=False)}


def beside_reference(judged: pd.DataFrame, presets: Mapping[str, str]) -> pd.DataFrame:
    """The verdicts beside those of the runs that come with the repository (data/reference_runs), on other seeds.

    Args:
        judged: of `judge`.
        presets: of each simulation that was run.

    Returns:
        The table with the columns reference (mean over the networks there; NaN without such a run), and differs: does
        ours, by a t test at 1 % (of one quantity: of a hundred, one will).
    """
    there = {preset: reference(preset) for preset in set(presets.values())}
    tables = [there[preset][name] for name, preset in presets.items() if name in there[preset]]
    columns = {"ours": "reference", "ci_low": "low", "ci_high": "high", "told": "of"}
    keys = ["simulation", "quantity"]
    known = pd.concat(tables) if tables else pd.DataFrame(columns=[*keys, *columns])
    known = known[[*keys, *columns]].rename(columns=columns).astype(dict.fromkeys(columns.values(), float))
    both = judged.merge(known, how="left", on=keys)
    own, theirs = _standard_error(both, "ci_low", "ci_high", "told"), _standard_error(both, "low", "high", "of")
    t = (both["ours"] - both["reference"]).abs() / np.hypot(own, theirs)
    differs = pd.Series(2 * stats.t.sf(t, both["told"] + both["of"] - 2) < 0.01, both.index, dtype="boolean")
    return both.assign(differs=differs.mask(t.isna())).drop(columns=["low", "high", "of"])


def _standard_error(table: pd.DataFrame, low: str, high: str, n: str) -> pd.Series:
    """Of a mean over n networks, from its 95 % t interval."""
    return (table[high] - table[low]) / 2 / stats.t.ppf(0.975, table[n].astype(float).clip(lower=2) - 1)
