"""What the controls tell, in few numbers: means over networks, and tables for the documents."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from pfc_metarl.comparison import mean_and_interval
from pfc_metarl.markdown import markdown_table, with_interval

HEADLINES = {
    "bandits": "regret at trial",
    "foraging": "matching slope, all",
    "volatility": "learning rate of the networks, volatile less stable",
    "inferred_value": "stimulus, inferred",
    "two_step": "stay: interaction",
    "harlow": "trained: accuracy gained",
}
"""By simulation: how the name of the claim begins that stands for it."""
LEARNED = "learned: "


def summary(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The means over networks that the tables of the controls tell.

    Args:
        tables: by name of the file without ending; those that are there.

    Returns:
        Table: control, simulation, condition, quantity, mean, low, high (95 % interval), n.
    """
    rows = []
    for name, spread in SPREAD.items():
        if name not in tables:
            continue
        keys = ["simulation", "condition", "quantity"]
        values = spread(tables[name]).groupby([*keys, "subject"], sort=False)["value"].mean()
        for key, own in values.groupby(keys, sort=False):
            rows.append((name, *key, *mean_and_interval(own.dropna().to_numpy()), len(own)))
    return pd.DataFrame(rows, columns=["control", "simulation", "condition", "quantity", "mean", "low", "high", "n"])


def _lost(table: pd.DataFrame) -> pd.DataFrame:
    harlow = table["simulation"] == "harlow"
    quantity = np.where(harlow, "share correct after trial 1", "reward per trial")
    where = np.where(table["trained"] == table["tested"], "", " on " + table["tested"])
    condition = "trained on " + table["trained"] + where + ", lacking " + table["lacking"]
    return table.assign(condition=condition, quantity=quantity)[~harlow | (table["trial"] > 1)]


def _left_on(table: pd.DataFrame) -> pd.DataFrame:
    last = table.groupby("simulation")["trial"].transform("max")
    table = table.rename(columns={"group": "condition"}).assign(quantity="reward per trial, last fifth")
    return table[table["trial"] > 0.8 * last]


SPREAD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "lost_after_training": _lost,
    "learning_left_on": _left_on,
    "learning_rates": lambda t: t.rename(columns={"by": "condition", "change": "value"}).assign(
        quantity="mean change of P(right)"
    ),
    "transitions": lambda t: t.assign(
        simulation="two_step", condition=t["networks"] + ", on " + t["tested"] + " transitions"
    ),
    "errors_withheld": lambda t: t.assign(simulation="two_step", condition="withheld: " + t["withheld"]),
    "lesions_of_units": lambda t: t.assign(simulation="two_step", condition=t["lesion"]),
}
"""From a control's table to one with the columns simulation, condition, quantity, subject, value."""


def headlines(variants: pd.DataFrame) -> pd.DataFrame:
    """Of each simulation and variant the claim that stands for it, and how many networks have learned the task.

    Args:
        variants: the table of that control.

    Returns:
        Table: simulation, variant, quantity, published, ours, ci_low, ci_high, n, learned (networks; by the criterion
        that fewest meet, if there are several).
    """
    tables = []
    for simulation, begins in HEADLINES.items():
        own = variants[variants["simulation"] == simulation]
        shown = own[own["quantity"].str.startswith(begins)].drop_duplicates("variant")
        met = own[own["quantity"].str.startswith(LEARNED)].groupby("variant")["networks_in_direction"].min()
        tables.append(shown.assign(learned=shown["variant"].map(met)))
    columns = ["simulation", "variant", "quantity", "published", "ours", "ci_low", "ci_high", "n", "learned"]
    return pd.concat(tables, ignore_index=True)[columns]


def in_markdown(tables: Mapping[str, pd.DataFrame]) -> str:
    """The tables of all controls for a document: claims by variant, means, and behaviour beside the policy at rest."""
    shown = headlines(tables["variants"])
    names = list(shown["simulation"].unique())
    rows = []
    for variant, own in shown.groupby("variant", sort=False):
        cells = own.set_index("simulation")
        told = [(with_interval(*cells.loc[n, ["ours", "ci_low", "ci_high"]]), cells.loc[n]) for n in names]
        rows.append([str(variant), *(f"{text}; {c['learned']:.0f}/{c['n']:.0f}" for text, c in told)])
    published = [f"{shown[shown['simulation'] == n]['published'].iloc[0]:.3g}" for n in names]
    quantities = [shown[shown["simulation"] == n]["quantity"].iloc[0] for n in names]
    means = [
        [*c[["control", "simulation", "condition", "quantity"]], with_interval(*c[["mean", "low", "high"]])]
        for _, c in tables["summary"].replace("_", " ", regex=True).iterrows()
    ]
    beside = [
        [c["simulation"], c["quantity"], f"{c['published']:.3g}", with_interval(*c[["ours", "ci_low", "ci_high"]])]
        + [f"{c['stationary']:.3g}"]
        for _, c in tables["at_rest"].dropna(subset="stationary").iterrows()
    ]
    return "\n".join([
        markdown_table(["", *quantities], [["published", *published], *rows]),
        markdown_table(["control", "simulation", "networks", "quantity", "mean [95 %]"], means),
        markdown_table(["simulation", "quantity", "published", "networks [95 %]", "policy at rest"], beside),
    ])  # fmt: skip
