"""docs/make_it_yours.md, done word for word in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "make_it_yours.md").read_text()
DO = """
import sys
import figures.__main__
import simulations.__main__
for command in sys.argv[1:]:
    _, _, module, *arguments = command.split()
    if module == "simulations":
        simulations.__main__.main(arguments)
    else:
        sys.argv = [module, *arguments]
        figures.__main__.main()
"""


def put_in(copy: Path, file: str, before: str, line: str) -> None:
    """Insert text before the first place where `before` stands."""
    text = (copy / file).read_text()
    assert before in text
    (copy / file).write_text(text.replace(before, line + before, 1))


def written_out(copy: Path) -> None:
    """All the files and lines that the page tells of."""
    for folder in ("pfc_metarl", "simulations", "figures", "data"):
        passing = shutil.ignore_patterns("*.tmp.*", "*.pyc.*")  # what others just compile
        shutil.copytree(ROOT / folder, copy / folder, ignore=passing)
    for file, content in re.findall(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)```", TEXT, re.S | re.M):
        assert not (copy / file).exists()
        (copy / file).write_text(content)
    columns, agent, method, analysis = re.findall(r"```python\n(    .*?)```", TEXT, re.S)
    put_in(copy, "pfc_metarl/trial_columns.py", '    "foraging": (', columns)
    put_in(copy, "pfc_metarl/networks/__init__.py", '    "prefrontal": ', agent + method)
    put_in(
        copy,
        "pfc_metarl/networks/__init__.py",
        "from pfc_metarl.networks.prefrontal",
        import_of("leaky", "LeakyNetwork") + import_of("predicting", "PredictingNetwork"),
    )
    put_in(copy, "simulations/two_step.py", '        "stay_probabilities": ', analysis)
    put_in(
        copy,
        "simulations/two_step.py",
        "from pfc_metarl.config",
        "from pfc_metarl.analysis.perseveration import run_lengths\n",
    )


def import_of(module: str, name: str) -> str:
    return f"from pfc_metarl.networks.{module} import {name}\n"


def test_the_five_walks(tmp_path: Path) -> None:
    written_out(tmp_path)
    commands = re.findall(r"^    (python -m .*)$", TEXT, re.M)
    assert len(commands) == 6
    quick = [c for c in commands if "--quick" in c]
    quick.insert(
        quick.index("python -m simulations two_step --quick --from analyse"), "python -m simulations two_step --quick"
    )
    (tmp_path / "do.py").write_text(DO)  # in one process: starting Python for each would take most of the time
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "do.py", *quick], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results" / "quick"
    assert pd.read_csv(results / "swapping" / "accuracy.csv")["correct"].between(0.2, 0.8).all()
    assert (pd.read_csv(results / "two_step" / "run_lengths.csv")["length"] >= 1).all()
    assert (results / "figures" / "run_lengths.png").exists()
    for name in ("leaky", "predicting"):
        assert (tmp_path / "results" / name / "quick" / "two_step" / "provenance.json").exists()
    weights = torch.load(tmp_path / "results" / "predicting" / "quick" / "two_step" / "checkpoint.pt")
    assert weights["published"]["network"]["predictions.weight"].abs().sum(dim=(1, 2)).all()  # it has been learned
