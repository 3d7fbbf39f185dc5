"""Report: one page (HTML, by itself) of all that has run: verdicts, figures, tables, times, where it all comes from."""

import base64
import importlib
import io
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jinja2
import pandas as pd

from figures import learning
from pfc_metarl.claims import NOT_COMPARED, beside_reference, claims, judge
from pfc_metarl.errors import RunError
from pfc_metarl.overview import first_words
from pfc_metarl.plotting import MARK, changed_settings, figures_folder, paper_figure, write_ours
from pfc_metarl.report_tables import Table, comparison_table, failing, plain_table, tiles, times, verdict_tables
from pfc_metarl.results import RunFolder, run_folder

HERE = Path(__file__).parent
PICTURES = {
    "bandits": ("figure1",),
    "foraging": ("figure2", "figure_s4"),
    "volatility": ("figure3",),
    "inferred_value": ("figure4", "figure_4c"),
    "two_step": ("figure5", "figure_s6"),
    "harlow": ("figure6",),
    "harlow_gaze": (),  # its panels are in Figure 6
    "optogenetics": ("figure7",),
    "prediction_error_input": ("figure_s9",),
    "controls": ("controls",),
    "hidden_state": ("hidden_state",),
    "rl2_bandits": ("rl2_bandits",),
    "tabular_mdps": ("tabular_mdps",),
    "informative_bandit": ("informative_bandit",),
    "restless_bandits": ("restless_bandits",),
    "maml": ("maml",),
    "task_inference": ("task_inference",),
    "episodic": ("episodic",),
    "modules": ("modules",),
    "distributional": ("distributional",),
    "alchemy": ("alchemy",),
    "cartpole": ("cartpole",),
    "metaworld": ("metaworld",),
    "animals": ("animals",),
}
"""What is shown, in this order: run, and the modules that draw it. Other simulations that have run come after these."""
TABLES = {"prediction_error_input": ("inputs",), "controls": ("summary",), "decisions": ("comparison",)}
"""Tables of those that are not laid beside the paper by the common rule."""


class Picture(NamedTuple):
    """A picture inside of the page."""

    told: str
    data: str


class Section(NamedTuple):
    """One run."""

    name: str
    title: str
    told: str
    made: str
    when: str
    notes: list[str]
    pictures: list[Picture]
    tables: list[Table]
    stages: dict[str, dict[str, str]]


def draw(results: Path, quick: bool) -> None:
    """Write figures/report.html below the results."""
    runs = {name: run for name in names(results, quick) if (run := run_folder(results, name, quick)).finished}
    if not runs:
        words = ["python", "-m", "simulations", "all", *["--quick"] * quick, "--results", str(results)]
        raise RunError(f"{results} holds no finished run; first: {shlex.join(words)}")
    compared = {name: run.read_table("comparison.csv") for name, run in runs.items() if is_simulation(run)}
    presets = {name: str(runs[name].read_config().get("preset")) for name in compared}
    known = claims()["simulation"].unique()
    judged = beside_reference(judge({name: compared[name] for name in known if name in compared}), presets)
    page = template().render(
        mark=MARK,
        quick=quick,
        title="Prefrontal cortex as a meta-reinforcement learning system: report",
        when=max(map(when, runs.values())),
        tiles=tiles(judged),
        notes=notes(judged, [name for name in known if name not in compared]),
        failing=failing(judged),
        verdicts=verdict_tables(judged),
        sections=[section(name, run, results, quick) for name, run in runs.items()],
        times=times(runs),
    )
    write_ours(figures_folder(results, quick) / "report.html", page.encode())


def template() -> jinja2.Template:
    """The page's template, report.html beside this file; a name that it is not given is an error."""
    loader, strict = jinja2.FileSystemLoader(HERE), jinja2.StrictUndefined
    return jinja2.Environment(loader=loader, autoescape=True, undefined=strict, trim_blocks=True).get_template(
        "report.html"
    )


def names(results: Path, quick: bool) -> list[str]:
    """Of what may have run: what is known, then whatever else lies there as a run."""
    parent = run_folder(results, "runs", quick).path.parent
    others = sorted(path.parent.name for path in parent.glob("*/config.json"))
    animals = [f"animals/{path.parent.name}" for path in sorted(parent.glob("animals/*/config.json"))]
    return [*PICTURES, *animals, *(name for name in others if name not in (*PICTURES, "verdicts"))]


def is_simulation(run: RunFolder) -> bool:
    """Whether it has trained networks of its own that are laid beside the paper by the common rule."""
    return "learning_curve.csv" in run.files("train")


def when(run: RunFolder) -> str:
    """Its last stage was done, by the clock of the machine that did it."""
    return max(stage["finished"] for stage in run.stages.values())[:16].replace("T", " ")


def notes(judged: pd.DataFrame, missing: list[str]) -> list[str]:
    """What of the claims is not judged, and why."""
    absent = judged[judged["verdict"] == NOT_COMPARED]["quantity"]
    return [
        *([f"Not run: {', '.join(missing)}."] if missing else []),
        *([f"Not compared, with these settings: {'; '.join(absent)}."] if len(absent) else []),
    ]


def section(name: str, run: RunFolder, results: Path, quick: bool) -> Section:
    """What a run is, its pictures and tables, and how it was made."""
    config, last = run.read_config(), run.stages["compare"]
    chosen: dict[str, object] = {
        key: config[key] for key in ("preset", "networks", "first_seed") if key in config
    } or config
    commit = f"commit {last['commit'][:10]}{' and edits' if last['dirty'] else ''}" if last["commit"] else "no commit"
    pictures, lacking = figures_of(name, run, results, quick)
    more = [f"{table}.csv" for table in TABLES.get(name.split("/")[0], ())]
    tables = [plain_table(table, run.read_table(table)) for table in more]
    changed = ""
    if is_simulation(run):
        pictures.append(learning_curve(run))
        tables.append(comparison_table(name, run.read_table("comparison.csv"), config["preset"]))
        changed = changed_settings(run)
    return Section(
        name=name.replace("/", "-"),
        title=name.replace("_", " ").replace("/", ": ").capitalize(),
        told=first_words(module_of(name)) if module_of(name).is_file() else name,
        made=f"{settings(chosen)}; {commit}; {last['machine']}",
        when=when(run),
        notes=[*([f"Not as in the preset: {changed}"] if changed and not quick else []), *lacking],
        pictures=pictures,
        tables=tables,
        stages={
            stage: {key: settings(value) if isinstance(value, dict) else str(value) for key, value in told.items()}
            for stage, told in run.stages.items()
        },
    )


def settings(told: Mapping[str, object]) -> str:
    """In one line."""
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in ([], "", None)) or "none"


def module_of(name: str) -> Path:
    """The simulation's module, which is read but not imported."""
    return HERE.parent / "simulations" / f"{name.split('/')[0]}.py"


def figures_of(name: str, run: RunFolder, results: Path, quick: bool) -> tuple[list[Picture], list[str]]:
    """A run's figures, drawn anew if they are older than run or script; and why there are not, where there are none."""
    pictures, lacking, kind = [], [], name.split("/")[0]
    for module in PICTURES.get(kind, ()):
        script = HERE / f"{module}.py"
        newest = max(path.stat().st_mtime for path in (script, run.path / "provenance.json"))
        if not (drawn := drawn_by(name, module, results, quick)) or min(p.stat().st_mtime for p in drawn) < newest:
            try:
                importlib.import_module(f"figures.{module}").draw(results, quick)
            except RunError as error:
                lacking.append(f"No {module}: {error}")
                continue
        for path in drawn_by(name, module, results, quick):
            pictures.append(picture(f"{first_words(script)} ({path.stem})", path.read_bytes()))
    return pictures, lacking


def drawn_by(name: str, module: str, results: Path, quick: bool) -> list[Path]:
    """Files of a figure and its supplements; of animals, that of one table."""
    folder = figures_folder(results, quick)
    if module == "animals":
        return list(folder.glob(f"{name.replace('/', '_')}.svg"))
    return [*folder.glob(f"{module}.svg"), *sorted(folder.glob(f"{module}_*.svg"))]


def learning_curve(run: RunFolder) -> Picture:
    """Its learning curve."""
    drawn = io.BytesIO()
    with paper_figure(height_mm=50) as figure:
        ax = figure.subplots()
        learning.learning(ax, run.read_table("learning_curve.csv"))
        ax.set(xlabel="Episode", ylabel="Reward per trial")
        figure.savefig(drawn, format="svg")
    return picture("Learning curves, in training; thin: each network, thick: their mean", drawn.getvalue())


def picture(told: str, svg: bytes) -> Picture:
    """A picture inside of the page."""
    return Picture(told, "data:image/svg+xml;base64," + base64.b64encode(svg).decode())
