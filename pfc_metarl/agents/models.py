"""What a model of choice is that is fitted to animals, people and networks (`pfc_metarl.agents.families` has them).

A `Family` is one text with all its parameters; a `Model` is a family of which some parameters are fixed, or equal to
others. `memory` is what a session's trials have left: an array of numbers that `begin` fills in. All choices are drawn
with probability exp(odds), normalised. The functions are compiled by numba; `pfc_metarl.agents.likelihood` calls them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError

Kind = Literal["rate", "positive", "real"]


class Parameter(NamedTuple):
    """Of a family."""

    name: str
    kind: Kind
    """rate: between 0 and 1. positive: from 0. real: any number."""
    meaning: str


@dataclass(frozen=True)
class Family:
    """Models that share a text."""

    tasks: tuple[str, ...]
    """Names of the tasks whose tables they are fitted to."""
    parameters: tuple[Parameter, ...]
    sees: tuple[str, ...]
    """Columns that are shown before the choice."""
    learns_from: tuple[str, ...]
    """Columns that are told after it. Without "choice" among them it learns from invalid trials too."""
    memory: Callable[[int], int]
    """How many numbers are kept in mind, by the number of choices."""
    begin: Callable[[Any, Any], None]
    """begin(theta, memory): a session begins; memory is all zeros."""
    odds: Callable[[Any, Any, Any, Any], None]
    """odds(theta, memory, trial, out): fill in the log odds of each choice."""
    learn: Callable[[Any, Any, Any], None]
    """learn(theta, memory, trial)."""
    then: Callable[[Any, Any, Any, Any], None] | None = None
    """The same as odds, for a second choice between two in a trial (column second_choice), where there is one."""


@dataclass(frozen=True)
class Model:
    """What is fitted."""

    name: str
    family: Family
    fixed: Mapping[str, float | str] = field(default_factory=dict)
    """Parameters that are not free: their value, or the name of the free one that they equal."""
    needs: tuple[str, ...] = ()
    """Columns of the table, besides the family's, without which it cannot be told from simpler ones."""

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.family.parameters]
        for name, value in self.fixed.items():
            if name not in names or (isinstance(value, str) and (value not in names or value in self.fixed)):
                raise ConfigError(f"{self.name}: {name} cannot be {value}; parameters are {', '.join(names)}")

    @cached_property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that are fitted."""
        return tuple(p for p in self.family.parameters if p.name not in self.fixed)

    @cached_property
    def _made_of(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each of the family's parameters: its value if it is fixed, else 0; and which free one it equals, or -1."""
        at = {parameter.name: i for i, parameter in enumerate(self.free)}
        told = [self.fixed.get(parameter.name, parameter.name) for parameter in self.family.parameters]
        values = np.array([0.0 if isinstance(value, str) else value for value in told])
        return values, np.array([at[value] if isinstance(value, str) else -1 for value in told])

    def theta(self, free: np.ndarray) -> np.ndarray:
        """All of the family's parameters, from the free ones (parameter,)."""
        values, which = self._made_of
        return np.where(which < 0, values, np.asarray(free, float)[which])
