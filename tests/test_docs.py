"""Every command and every piece of code of the README and the documents is run, in tiny sizes.

Left to `make docs` (or pytest -m site), since it takes minutes. docs/make_it_yours.md has a test of its own.
"""

import html
import re
import runpy
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from test_rats import write as write_rats

import figures.__main__
import pfc_metarl
import simulations.__main__

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("ignore")]
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FIRST = ["start.md", *(f"simulations/{name}.md" for name in [*simulations.__main__.NAMES, "hidden_state"])]
"""Those whose runs others use."""
PAGES = [DOCS / name for name in FIRST]
PAGES += [p for p in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))] if "generated" not in p.parts and p not in PAGES]
PAGES.remove(DOCS / "make_it_yours.md")
AS_THEY_ARE = ("--quick", "--help", "--tyro-print-completion")
BLOCK = re.compile(r"^```python\n(.*?)^```|^((?:    [^\n]*\n)+)", re.S | re.M)
NOT_RUN = ("source .venv/bin/activate", "pip install jupyterlab", "jupyter lab docs/tutorials")
"""Of the reader's own environment."""
done: set[str] = set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to work in, with what a reader would have: a table of animals, pictures, rats."""
    here = tmp_path_factory.mktemp("reader")
    write_rats(here / "ofc_physdata.mat", times=20)
    (here / "FOLDER").mkdir()
    for i in range(2_000):
        Image.new("RGB", (8, 8), (i % 256, i // 256, 128)).save(here / "FOLDER" / f"{i}.png")
    return here


def animals(folder: Path) -> None:
    """rats.csv, with a laboratory's names and codes."""
    if not (folder / "results" / "quick" / "two_step" / "provenance.json").exists():
        simulations.__main__.main(["two_step", "--quick"])
    trials = pfc_metarl.load(folder / "results" / "quick" / "two_step").trials
    table = trials.assign(choice=trials["choice"].map({0: "L", 1: "R"}))[trials["valid"]]
    table = table.rename(columns={"subject": "animal", "choice": "resp"})
    table["trial"] = table.groupby(["animal", "session"]).cumcount() + 1
    table[["animal", "session", "trial", "resp", "common", "reward"]].to_csv(folder / "rats.csv", index=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for code, lines in BLOCK.findall(page.read_text()):
        if "subject=animal" in lines or '"animal"' in code:
            animals(folder)
        if code:
            run_code(code, names)
        for line in lines.replace("\\\n", "").splitlines():
            run_line(line.split("#")[0].strip(), folder, monkeypatch)


def run_code(code: str, names: dict[str, object]) -> None:
    """In the page's own names, on quick runs; what needs a SLURM cluster is compiled, no more."""
    compiled = compile(code.replace("results/two_step", "results/quick/two_step"), "page", "exec")
    if "dask_jobqueue" not in code:
        exec(compiled, names)


def run_line(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of a terminal, once."""
    words = shlex.split(line)
    if not words or line in done or line in NOT_RUN:
        return
    done.add(line)
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    elif words[:2] == ["pip", "install"]:
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        assert words[2].split("[")[1].rstrip("]") in setup["options.extras_require"]
    elif words[0] == "pfc-metarl":
        program = Path(sys.executable).with_name("pfc-metarl")
        subprocess.run(line.replace("pfc-metarl", str(program), 1), shell=True, check=True)
    elif words[1].startswith("examples/"):
        monkeypatch.setattr(sys, "argv", words[1:])
        runpy.run_path(str(ROOT / words[1]), run_name="__main__")
    else:
        assert words[:2] == ["python", "-m"], line
        run_module(words[2], words[3:], folder, monkeypatch)


def run_module(module: str, words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """python -m simulations, figures or benchmarks, in tiny sizes."""
    if words and words[0] not in ("import", "environments") and not set(words) & set(AS_THEY_ARE):
        words = [*words, "--quick"]
    words = [word.replace("results/optogenetics", "results/quick/optogenetics") for word in words]
    if words[:1] == ["import"]:
        Path(words[3]).unlink(missing_ok=True)
    if "--cluster" in words:
        at_once(words)
    elif module == "simulations":
        try:
            simulations.__main__.main(words)
        except SystemExit as end:
            assert not end.code and set(words) & set(AS_THEY_ARE)
    elif module == "figures":
        monkeypatch.setattr(sys, "argv", ["figures", *words])
        figures.__main__.main()
    else:
        assert module == "benchmarks" and (ROOT / "benchmarks" / f"{words[0]}.py").exists()


def at_once(words: list[str]) -> None:
    """With a scheduler on this machine, and few networks."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as workers:
        words[words.index("--cluster") + 1] = workers.scheduler_address
        words[words.index("--networks") + 1] = "5"
        simulations.__main__.main([*words, "--results", "results/cluster"])


def test_what_was_made(folder: Path) -> None:
    """The figures that pages tell of were drawn, and the animals' table is beside the paper's."""
    drawn = {path.stem for path in (folder / "results" / "quick" / "figures").glob("*.png")}
    assert {"figure1", "figure5", "figure7", "learning", "animals_two_step", "controls", "hidden_state"} <= drawn
    assert len(pd.read_csv(folder / "results" / "quick" / "animals" / "two_step" / "comparison.csv"))


def test_links_of_the_site() -> None:
    """As `make docs` has just built it: each link inside of it leads to a page and a place that are there."""
    root = DOCS / "_build" / "html"
    texts = {path.resolve(): path.read_text() for path in root.rglob("*.html")}
    places = {path: set(re.findall(r'id="([^"]+)"', text)) for path, text in texts.items()}
    assert len(texts) > 100, "make docs builds it"
    wrong = []
    for path, text in texts.items():
        for link in map(html.unescape, re.findall(r'href="([^"]+)"', text)):
            file, _, place = link.partition("#")
            there = (path.parent / file.split("?")[0]).resolve() if file else path
            if not re.match(r"[a-z]+:", link):
                found = there.exists() and (not place or there not in places or place in places[there])
                wrong += [] if found else [f"{path.name}: {link}"]
    assert not wrong
