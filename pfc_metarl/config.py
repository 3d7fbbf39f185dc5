"""The settings that all simulations share. A simulation's Config adds its task's parameters."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pfc_metarl.errors import ConfigError


@dataclass(frozen=True)
class Config:
    """Network and learning; defaults are those of the paper's Methods ("P") unless marked as our choice.

    The string under each field is its help text on the command line.
    """

    preset: str = "paper"
    """Name of the preset that the other values started from."""
    networks: int = 8
    """Networks, trained and tested together (P: n = 8)."""
    first_seed: int = 1
    """Seed of the first network; the others follow. A network depends on its own seed alone."""
    agent: Literal["prefrontal", "actor-critic-rpe"] = "prefrontal"
    """The prefrontal network (P), or actor and critic apart, the actor seeing prediction errors for rewards."""
    units: int = 48
    """LSTM units (P: 48)."""
    episodes: int = 10_000
    """Training episodes per network."""
    episodes_per_update: int = 1
    """Episodes per network and update (P: 1, a single thread)."""
    learning_rate: float = 7e-4
    """Learning rate at the start (P: 7e-4)."""
    learning_rate_end: float | None = None
    """Learning rate at the end, reached linearly; None: constant (P)."""
    discount: float = 0.9
    """Discount factor gamma per time step (P: 0.9)."""
    state_value_cost: float = 0.05
    """Weight of the state-value loss, beta_v (P: 0.05)."""
    entropy_cost: float = 0.05
    """Weight of the policy's entropy at the start, beta_e (P: 0.05)."""
    entropy_cost_end: float | None = None
    """Entropy cost at the end, reached linearly; None: constant (P)."""
    rmsprop_decay: float = 0.99
    """Decay of RMSProp's mean square (our choice: that of A3C, Mnih et al. 2016)."""
    rmsprop_epsilon: float = 1e-5
    """RMSProp's epsilon, added to the root (our choice)."""
    gradient_clip: float = 50.0
    """Largest norm of one network's gradient (our choice: loose, for rare outliers only)."""

    def __post_init__(self) -> None:
        for name in ("networks", "units", "episodes", "episodes_per_update"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "rmsprop_epsilon", "gradient_clip"):
            self.require(name, getattr(self, name) > 0, "greater than 0")
        for name in ("state_value_cost", "entropy_cost", "first_seed"):
            self.require(name, getattr(self, name) >= 0, "at least 0")
        for name in ("learning_rate_end", "entropy_cost_end"):
            value = getattr(self, name)
            self.require(name, value is None or value >= 0, "at least 0")
        for name in ("discount", "rmsprop_decay"):
            self.require_probability(name)
        self.require("episodes", self.episodes % self.episodes_per_update == 0, "a multiple of episodes_per_update")

    def require(self, name: str, holds: bool, rule: str) -> None:
        """Raise a ConfigError that names the field unless the rule holds (NaN never holds)."""
        if not holds:
            raise ConfigError(f"{name} must be {rule}, not {getattr(self, name)}")

    def require_probability(self, *names: str) -> None:
        """Each named field must lie in [0, 1]."""
        for name in names:
            self.require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")

    @property
    def seeds(self) -> list[int]:
        """One seed per network."""
        return list(range(self.first_seed, self.first_seed + self.networks))

    @property
    def updates(self) -> int:
        """Weight updates of the whole training."""
        return self.episodes // self.episodes_per_update


def differences(mine: Any, theirs: dict[str, object]) -> list[str]:
    """Fields that differ between a config (a dataclass) and a saved one, as 'name: saved 1, now 2'."""
    now = json.loads(json.dumps(asdict(mine)))  # as it would be saved: tuples become lists
    return [
        f"{name}: saved {theirs.get(name, 'nothing')}, now {value}"
        for name, value in now.items()
        if theirs.get(name, "nothing") != value
    ]
