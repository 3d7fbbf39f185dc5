"""What there is to run or to draw, and what has been: the two commands without a name."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from pfc_metarl.config import STAGES
from pfc_metarl.errors import RunError
from pfc_metarl.results import RunFolder, run_folder


def first_words(module: Path) -> str:
    """The first sentence of a module's docstring, without loading it."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"\.\s+(?=[A-Z])", paragraph)[0].rstrip(".")


def state(folder: RunFolder) -> str:
    """Of a run, in few words; "": there is none."""
    if not (folder.path / "config.json").exists():
        return ""
    try:
        done = [stage for stage in STAGES if folder.ended(stage)]
        config = folder.read_json("config.json").get("config", {})
        if len(done) < len(STAGES):
            return f"begun; done: {', '.join(done) or 'nothing yet'}"
        damaged = [name for stage in STAGES for name in folder.damaged(stage)]
    except RunError:
        return "cannot be read"
    if damaged:
        return f"{damaged[0]} is gone or damaged"
    seeds = f", seeds from {config['first_seed']}" if "first_seed" in config else ""
    return f"finished{', ' + config['preset'] if 'preset' in config else ''}{seeds}"


def simulations_overview(
    modules: Path, names: Iterable[str], files: dict[str, str], results: Path, quick: bool = False
) -> str:
    """Lines for the screen: every simulation (and command), what it is, what has been run of it in `results`.

    Args:
        modules: folder of the modules.
        names: of the commands, in their order.
        files: name of the module, where it is another one.
        results: folder of the results.
        quick: whether to look at quick runs in it.
    """
    rows = [
        (n, first_words(modules / f"{files.get(n, n)}.py"), state(run_folder(results, files.get(n, n), quick)))
        for n in names
    ]
    return _columns("python -m simulations NAME [options]   (NAME --help: its options; all: the first eight)", rows)


def figures_overview(modules: Path, names: dict[str, str], drawn: Path) -> str:
    """Lines for the screen: every figure, what it shows, and whether it is drawn.

    Args:
        modules: folder of the modules.
        names: name on the command line to its module.
        drawn: folder of figures.
    """
    there = {path.stem: path for path in (*drawn.glob("*.png"), *drawn.glob("*.html"))}
    rows = []
    for name, module in names.items():
        own = [stem for stem in there if stem == module or stem.startswith(f"{module}_")]
        rows.append((name, first_words(modules / f"{module}.py"), str(there[min(own)]) if own else ""))
    return _columns("python -m figures NAME [--results FOLDER] [--quick]   (all: those with a number)", rows)


def _columns(head: str, rows: list[tuple[str, str, str]]) -> str:
    """A head, and lines of a name, what it is, and what there is of it below."""
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {n:<{width}}  {told}" + (f"\n  {'':<{width}}  -> {there}" if there else "") for n, told, there in rows]
    return "\n".join([head, *lines])
