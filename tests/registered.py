"""All simulations that there are, found in the package: none is left out."""

import importlib
import pkgutil
from typing import Any

import pytest

import simulations
from pfc_metarl.simulation import Simulation

MODULES = [importlib.import_module(f"simulations.{m.name}") for m in pkgutil.iter_modules(simulations.__path__)]
SIMULATIONS: dict[str, Simulation[Any]] = {m.SIMULATION.name: m.SIMULATION for m in MODULES if hasattr(m, "SIMULATION")}
every_simulation = pytest.mark.parametrize("name", SIMULATIONS)
