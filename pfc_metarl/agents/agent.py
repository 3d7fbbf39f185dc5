"""The contract of reference agents."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd

Columns = Mapping[str, np.ndarray]
"""Columns of a trial table, by name: one value per session."""


class ReferenceAgent(ABC):
    """What is shown the trials of one task, chooses, and learns; any number of sessions at once.

    An agent knows nothing of who makes the choices: it tells how probable each is, and then is told what happened.
    """

    task: ClassVar[str]
    """Name of its task."""
    sees: ClassVar[tuple[str, ...]] = ()
    """Columns that are shown before the choice."""
    learns_from: ClassVar[tuple[str, ...]]
    """Columns that it is told after the choice. Without "choice" among them it learns from invalid trials too."""

    def require_table(self, trials: pd.DataFrame) -> None:  # noqa: B027 (most agents take any table of their task)
        """TableError if a checked trial table of its task is not one that the agent can be led along."""

    @abstractmethod
    def start(self, sessions: int) -> None:
        """Begin so many sessions."""

    @abstractmethod
    def probabilities(self, shown: Columns) -> np.ndarray:
        """With which each choice is made now: (session, choice).

        Args:
            shown: the columns `sees`, each (session,).
        """

    @abstractmethod
    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial.

        Args:
            rows: in which sessions.
            trial: the columns `learns_from` in those sessions.

        Returns:
            The agent's prediction errors by name, in those sessions; empty where it has none.
        """
