"""Sphinx: the documentation's site (make docs)."""

import os
import sys
from pathlib import Path

import numba

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # pages.py, and the package of this checkout
os.environ["PYTHONPATH"] = str(HERE.parent)  # that of the notebooks too
numba.config.DISABLE_JIT = True  # here, not for the notebooks: docstrings of compiled functions are those of plain ones

import pages  # noqa: E402

import pfc_metarl  # noqa: E402

project, author, copyright = "pfc_metarl", "The pfc_metarl authors", "the pfc_metarl authors, MIT licence"
release = pfc_metarl.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "generated/parts"]
html_static_path, html_css_files = ["_static"], ["site.css"]
html_theme, html_title = "furo", "pfc_metarl: Wang et al. 2018"
html_theme_options = {"light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"}}
default_role = "code"  # `x` in docstrings
myst_heading_anchors = 3
autodoc_member_order, autodoc_typehints, autodoc_preserve_defaults = "bysource", "signature", True
nb_execution_mode, nb_execution_timeout, nb_execution_raise_on_error = "force", 180, True


def of_others(app, kind, name, thing, skip, options):  # type: ignore[no-untyped-def]
    """Leave out what is no thing of ours, though it has a name in our modules."""
    own = getattr(thing, "__module__", None) or type(thing).__module__
    return True if callable(thing) and not own.startswith("pfc_metarl") else None


def plain(app, kind, name, thing, options, lines, kept={}):  # type: ignore[no-untyped-def]  # noqa: B006
    """What is said of an attribute, as it stands: napoleon, in between, takes words before a colon for a type."""
    if kind in ("attribute", "data"):
        lines[:] = kept.pop(name) if name in kept else kept.setdefault(name, list(lines))


def setup(app):  # type: ignore[no-untyped-def]
    """Pages that are made of the code and of the runs that come with the repository."""
    app.connect("builder-inited", lambda app: pages.write(HERE / "generated"))
    app.connect("autodoc-skip-member", of_others)
    app.connect("autodoc-process-docstring", plain, priority=400)
    app.connect("autodoc-process-docstring", plain, priority=600)
