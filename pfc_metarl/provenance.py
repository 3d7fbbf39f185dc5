"""Where something comes from: commit, command, packages, machine, duration."""

import os
import platform
import shlex
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "numba", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "matplotlib", "seaborn")


def provenance(started: float) -> dict[str, object]:
    """Of what was begun at this time and is just done."""
    return {
        **_git(),
        "command": shlex.join(sys.orig_argv),
        "versions": {"python": platform.python_version(), "pfc-metarl": _version("pfc-metarl")}
        | {package: _version(package) for package in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(time.time() - started, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _git() -> dict[str, object]:
    root = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) == root.resolve():  # not somebody else's around an installation
            return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        pass
    return {"commit": None, "dirty": None}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
