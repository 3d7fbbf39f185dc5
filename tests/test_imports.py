"""Floors: who may know whom (by reading the code), and which parts do without PyTorch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS: list[set[str]] = [
    {"errors", "colours", "provenance", "files", "loops", "markdown", "progress", "rmsprop"},
    {"config", "random_streams", "trial_columns"},
    {"trial_sessions", "run_record"},
    {"trial_rules"},
    {"trial_checks"},
    {"trials", "dopamine", "results"},
    {"tasks", "published", "comparison", "rat_two_step"},
    {"claims", "disagreements", "controls_summary"},
    {"plotting", "report_tables"},
    {"agents", "networks"},
    {"analysis", "rollout"},
    {"led"},
    {"a2c", "checkpoints", "film"},
    {"learning_curves", "maml"},
    {"training"},
    {"workers", "memory", "cluster"},
    {"simulation"},
    {"command_line", "finished_run", "overview"},
    {"animals", "completion", "controls", "state_space"},
    {"slow_points"},
]
"""Modules and packages of pfc_metarl. Each knows those on the floors below it, and inside its own package."""
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "pfc_metarl").rglob("*.py")
}


def statements(path: Path, also_late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a file: those that are done when it is imported, or also those inside of functions."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        late = isinstance(node, ast.FunctionDef | ast.Lambda)
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if also_late or not (late or for_types):
            waiting += ast.iter_child_nodes(node)


def imported(path: Path, also_late: bool = False) -> set[str]:
    """Names of the modules that a file imports."""
    names = set()
    for node in statements(path, also_late):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            assert not node.level, f"{path}: imports are written out in full"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}  # of modules in a package
            names |= (whole & set(MODULES)) or {str(node.module)}
    return names


def part(module: str) -> str:
    """pfc_metarl.tasks.bandit -> tasks."""
    return (module.split(".") + ["__init__"])[1]


def test_every_module_has_a_floor() -> None:
    known = set().union(*FLOORS)
    assert sum(len(floor) for floor in FLOORS) == len(known)
    assert {part(module) for module in MODULES} - {"__init__"} == known


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module: str) -> None:
    if module == "pfc_metarl":
        return  # what users import: load, and nothing else
    floor_of = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    for other in imported(MODULES[module], also_late=True):
        if other.split(".")[0] == "pfc_metarl" and part(other) not in (part(module), "__init__"):
            assert floor_of[part(other)] < floor_of[part(module)], f"{module} imports {other}"


def test_no_circles() -> None:
    graph = {module: imported(path) & set(MODULES) for module, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 100
    list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_the_library_knows_no_simulation_and_no_figure() -> None:
    above = {"simulations", "figures", "benchmarks", "tests"}
    for module, path in MODULES.items():
        assert not {name.split(".")[0] for name in imported(path, also_late=True)} & above, module


def test_nobody_else_knows_how_networks_are_made_and_trained() -> None:
    """Not tasks, reference agents and analyses; nor figures, which read tables."""
    learning = {"networks", "rollout", "rmsprop", "a2c", "training", "workers", "simulation", "checkpoints"}
    apart = [path for module, path in MODULES.items() if part(module) in ("agents", "analysis", "tasks", "trials")]
    for path in (*apart, *(ROOT / "figures").glob("*.py")):
        names = imported(path, also_late=True)
        assert not {part(name) for name in names if name.startswith("pfc_metarl")} & learning, path
        assert "simulations" not in {name.split(".")[0] for name in names}, path


def test_what_does_without_torch() -> None:
    """Tasks, trial tables, reference agents, analyses and figures: torch is not even imported by way of others."""
    without = {"errors", "config", "random_streams", "trial_columns", "trials", "dopamine", "results", "published"}
    without |= {"colours", "plotting", "tasks", "agents", "analysis"}
    modules = ["pfc_metarl", *(module for module in sorted(MODULES) if part(module) in without)]
    modules += [f"figures.{path.stem}" for path in sorted((ROOT / "figures").glob("*.py"))]
    code = (
        "import importlib, sys\n"
        f"for module in {modules}:\n"
        "    importlib.import_module(module)\n"
        "    assert 'torch' not in sys.modules, module\n"
        "assert 'simulations' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
