"""The parts of the site that are made of code and tables: parameters, verdicts, the reference of all modules."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

import pfc_metarl
import simulations
from pfc_metarl.claims import judge, reference, told_in_tables
from pfc_metarl.config import Config, bears_on
from pfc_metarl.markdown import markdown_table, with_interval
from pfc_metarl.overview import first_words
from pfc_metarl.simulation import Simulation
from pfc_metarl.trial_columns import COLUMNS, COMMON_COLUMNS, KEY_COLUMNS

MODULES = [importlib.import_module(f"simulations.{m.name}") for m in pkgutil.iter_modules(simulations.__path__)]
SIMULATIONS: dict[str, Simulation[Any]] = {m.SIMULATION.name: m.SIMULATION for m in MODULES if hasattr(m, "SIMULATION")}
PRESETS = {"fast": "Fast preset", "paper": "Published preset"}
MANY = {f"p_{arm}" for arm in range(1, 50)} | {f"action_{step}" for step in range(2, 9)}
"""Columns that are like the first of their kind."""


def write(folder: Path) -> None:
    """Write all of them, in Markdown, below a folder; files that are as they should be are left alone."""
    for name, simulation in SIMULATIONS.items():
        put(folder / "parts" / f"{name}_parameters.md", parameters(simulation))
        put(folder / "parts" / f"{name}_verdicts.md", verdicts(name))
    put(folder / "parts" / "columns.md", columns())
    put(folder / "api.md", api(folder / "api"))


def put(path: Path, text: str) -> None:
    """Write a file, unless it is so already (then its page need not be built again)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def parameters(simulation: Simulation[Any]) -> str:
    """The table of a simulation's parameters: its own, then those that all simulations share."""
    config = type(next(iter(simulation.presets.values())))
    told, shared = field_docs(config), {f.name for f in fields(Config)}
    names = [f.name for f in fields(config) if f.name != "preset"]
    text = ""
    for title, own in (
        ("Of the simulation", [n for n in names if n not in shared]),
        ("Of network and learning", [n for n in names if n in shared]),
    ):
        rows = [
            [
                f"`--{name.replace('_', '-')}`",
                *(shown(getattr(preset, name)) for preset in simulation.presets.values()),
                told[name],
                bears_on(config, [name]),
            ]
            for name in own
        ]
        text += f"**{title}**\n\n{markdown_table(['flag', *simulation.presets, 'what it is', 'bears on'], rows)}\n"
    return text


def field_docs(config: type) -> dict[str, str]:
    """The string under each field of a dataclass, and under those that it inherits."""
    told: dict[str, str] = {}
    for kind in reversed(config.__mro__[:-1]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
        except (OSError, TypeError):
            continue
        for field, text in zip(body, body[1:]):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                told[field.target.id] = " ".join(ast.literal_eval(text.value).split())  # type: ignore[union-attr]
    return told


def shown(value: object) -> str:
    """A value in a table."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def verdicts(name: str) -> str:
    """What became of the paper's claims in the runs that come with the repository."""
    text = ""
    for preset, title in PRESETS.items():
        compared = reference(preset)
        if name in compared:
            judged = judge(compared)  # all: Holm's correction is over all claims
            tables = told_in_tables(judged[judged["simulation"] == name])
            text += f"**{title}**\n\n" + "".join(f"{markdown_table(*table)}\n" for table in tables if table[1])
    return text or beside_others(name) or "No claim is judged here.\n"


def beside_others(name: str) -> str:
    """Of a relative of the theory, of which the paper claims nothing: the comparison of the runs that come with it."""
    compared = reference("related").get(name)
    if compared is None:
        return ""
    rows = [
        [
            c["quantity"],
            "" if pd.isna(c["published"]) else f"{c['published']:.3g}",
            with_interval(c["ours"], c["ci_low"], c["ci_high"]),
            f"{c['direction']} ({c['networks_in_direction']}/{c['n']})",
            c["verdict"],
        ]
        for _, c in compared.iterrows()
    ]
    head = ["quantity", "published", "ours [95 %]", "direction (networks)", "verdict"]
    return f"{markdown_table(head, rows)}\n"


def columns() -> str:
    """The columns of all trial tables."""
    text = ""
    for title, own in {"All tasks": (*KEY_COLUMNS, *COMMON_COLUMNS), **COLUMNS}.items():
        rows = [[f"`{c.name}`", c.meaning, "no" if c.optional else "yes"] for c in own if c.name not in MANY]
        text += f"**{title}**\n\n{markdown_table(['column', 'what it is', 'required'], rows)}\n"
    return text


def api(folder: Path) -> str:
    """A page for each module of the library, and the list of these pages."""
    names = sorted(
        m.name for m in pkgutil.walk_packages(pfc_metarl.__path__, "pfc_metarl.") if m.name != "pfc_metarl.data"
    )
    rows = []
    for name in names:
        module = importlib.import_module(name)
        put(
            folder / f"{name}.rst",
            f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :members:\n   :show-inheritance:\n",
        )
        rows.append([f"[{name}](api/{name}.rst)", first_words(Path(str(module.__file__)))])
    tree = "\n".join(f"api/{name}" for name in names)
    head = "# Reference\n\nThe library, module by module, from its docstrings. `pfc_metarl.load` reads a run back.\n\n"
    return f"{head}{markdown_table(['module', 'what it is'], rows)}\n```{{toctree}}\n:hidden:\n{tree}\n```\n"
