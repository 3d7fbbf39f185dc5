"""Seconds of every stage of every simulation."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from pfc_metarl.config import STAGES


def reproduce(results: Path = Path("results"), preset: str = "") -> None:
    """Do what `make reproduce` does (what is finished is left alone), and tell how long each stage took.

    Args:
        results: folder of the results; the table is written to benchmarks/stages.csv below.
        preset: of all simulations, e.g. paper; "": each one's default.
    """
    started = time.monotonic()
    more = ["--preset", preset] if preset else []
    for command in (["simulations", "all", *more], ["figures", "all"]):
        subprocess.run([sys.executable, "-m", *command, "--results", str(results)], check=True)
    rows = []
    for path in sorted(results.glob("*/provenance.json")):
        stages = json.loads(path.read_text())["stages"]
        rows.append({"simulation": path.parent.name} | {stage: stages[stage]["seconds"] for stage in STAGES})
    table = pd.DataFrame(rows).assign(all=lambda t: t[list(STAGES)].sum(axis=1))
    (results / "benchmarks").mkdir(exist_ok=True)
    table.to_csv(results / "benchmarks" / "stages.csv", index=False)
    print(table.to_string(index=False))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{time.monotonic() - started:.0f} s in all, now; most memory of a process: {most:,.0f} MB")
