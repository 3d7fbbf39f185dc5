"""The settings that all simulations share. A simulation's Config adds its task's parameters.

A field's range is part of its type (`Count`, `Probability`, ...): what lies outside, or is not a finite number, is
refused in one line that names the field.
"""

import json
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_type_hints

import cattrs
from annotated_types import Ge, Gt, Interval, Le

from pfc_metarl.errors import ConfigError

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Interval(gt=0, le=1e30)]
NotNegative = Annotated[float, Interval(ge=0, le=1e30)]  # in single precision
Probability = Annotated[float, Interval(ge=0, le=1)]
Decay = Annotated[float, Interval(ge=0, lt=1)]
Seed = Annotated[int, Interval(ge=0, le=2**31)]
S = TypeVar("S", bound="Settings")
Range = Ge | Gt | Le | Interval
STAGES = ("train", "test", "analyse", "compare")
"""Of a run, in their order; each reads what the ones before have written, and can be done again without them."""


class Since(NamedTuple):
    """The first stage of a run on which a field bears; one without this bears on the training."""

    stage: str


TESTED, ANALYSED = Since("test"), Since("analyse")
NOT_SAVED = object()
KINDS: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}
WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
"""Types of fields: what values may be, and in words."""


def ranges(settings: type) -> Iterator[tuple[str, Range]]:
    """Fields of a settings class that have a range, with it."""
    for name, hint in get_type_hints(settings, include_extras=True).items():
        for rule in getattr(hint, "__metadata__", ()):
            if isinstance(rule, Range):
                yield name, rule


def in_range(value: float, rule: Range) -> bool:
    """Whether a number is finite and in a range."""
    compare = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
    bounds = [(holds, getattr(rule, name, None)) for name, holds in compare.items()]
    return math.isfinite(value) and all(bound is None or holds(value, bound) for holds, bound in bounds)


def in_words(rule: Range) -> str:
    """A range in words."""
    names = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
    return " and ".join(
        f"{words} {getattr(rule, k)}" for k, words in names.items() if getattr(rule, k, None) is not None
    )


def is_finite(value: object) -> bool:
    """Whether no number in it, however deep in tuples, is NaN or infinite."""
    if isinstance(value, tuple):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


class Settings:
    """Base of frozen dataclasses whose fields state their ranges; __post_init__ checks them."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            kind = KINDS.get(hint)
            value = getattr(self, name)
            number = isinstance(value, float) and not math.isfinite(value)  # that is told below
            if kind and not number and not (isinstance(value, kind) and (hint is bool or not isinstance(value, bool))):
                raise ConfigError(f"{name} must be {WORDS[hint]}, not {value!r}")
        for name, rule in ranges(type(self)):
            value = getattr(self, name)
            self.require(name, value is None or in_range(value, rule), f"a finite number, {in_words(rule)}")
        for name, value in vars(self).items():
            self.require(name, is_finite(value), "finite")

    def require(self, name: str, holds: bool, rule: str) -> None:
        """Raise a ConfigError that names the field unless the rule holds (NaN never holds)."""
        if not holds:
            raise ConfigError(f"{name} must be {rule}, not {getattr(self, name)}")


@dataclass(frozen=True)
class Config(Settings):
    """Network and learning; defaults are those of the paper's Methods ("P") unless marked as our choice.

    The string under each field is its help text on the command line.
    """

    preset: str = "paper"
    """Name of the preset that the other values started from."""
    networks: Count = 8
    """Networks, trained and tested together (P: n = 8)."""
    first_seed: Seed = 1
    """Seed of the first network; the others follow. A network depends on its own seed alone."""
    agent: str = "prefrontal"
    """The prefrontal network (P); gru or rnn: other units in it; no-reward, no-action, no-memory: it lacks
    these; feedforward: no memory, and it sees the observation alone; belief, posterior-sampling, varibad: a policy
    that is given a belief; modules: small LSTMs that compete; episodic: states are recalled where contexts come again;
    distributional (or, its control, symmetric-predictors): many predictors in place of the value;
    actor-critic-rpe (or -gru, -rnn): actor and critic apart, the actor seeing prediction errors for rewards."""
    units: Count = 48
    """LSTM units (P: 48)."""
    input_scale: Positive = 1.0
    """S.d. of the initial input weights (our choice)."""
    learned_start: bool = True
    """Whether the state at an episode's start is learned (P; in simulation 5 it is 0)."""
    episodes: Count = 10_000
    """Training episodes per network."""
    episodes_per_update: Count = 1
    """Episodes per network and update (P: 1, a single thread)."""
    learning_rate: Positive = 7e-4
    """Learning rate at the start (P: 7e-4)."""
    learning_rate_end: Annotated[float | None, Ge(0)] = None
    """Learning rate at the end, reached linearly; None: constant (P)."""
    discount: Probability = 0.9
    """Discount factor gamma per time step (P: 0.9)."""
    trace_decay: Probability = 1.0
    """Lambda of the returns from which weights learn (P: 1, n-step returns; less: Schulman et al. 2016)."""
    state_value_cost: NotNegative = 0.05
    """Weight of the state-value loss, beta_v (P: 0.05)."""
    entropy_cost: NotNegative = 0.05
    """Weight of the policy's entropy at the start, beta_e (P: 0.05)."""
    entropy_cost_end: Annotated[float | None, Ge(0)] = None
    """Entropy cost at the end, reached linearly; None: constant (P)."""
    errors_withheld: Literal["none", "positive", "negative", "all"] = "none"
    """Prediction errors from which weights learn nothing, as if dopamine's bursts (or dips) were blocked (P: none)."""
    rmsprop_decay: Decay = 0.99
    """Decay of RMSProp's mean square (our choice: that of A3C, Mnih et al. 2016)."""
    rmsprop_epsilon: Positive = 1e-5
    """RMSProp's epsilon, added to the root (our choice)."""
    gradient_clip: Positive = 50.0
    """Largest norm of one network's gradient (our choice: loose, for rare outliers only)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("episodes", self.episodes % self.episodes_per_update == 0, "a multiple of episodes_per_update")

    def for_condition(self, condition: str) -> "Config":
        """What the networks of a condition are trained with, where a simulation trains several sets: all the same."""
        return self

    @property
    def seeds(self) -> list[int]:
        """One seed per network."""
        return list(range(self.first_seed, self.first_seed + self.networks))

    @property
    def updates(self) -> int:
        """Weight updates of the whole training."""
        return self.episodes // self.episodes_per_update


def bears_on(kind: type, names: Iterable[str]) -> str:
    """The first stage of a run on which some of a config's fields bear."""
    hints = get_type_hints(kind, include_extras=True)
    stages = [getattr(hints.get(name), "__metadata__", ()) for name in names]
    firsts = [next((m.stage for m in metadata if isinstance(m, Since)), STAGES[0]) for metadata in stages]
    return min(firsts, key=STAGES.index)


def from_saved(kind: type[S], saved: dict[str, object]) -> S:
    """Settings of a class from what was saved of them as JSON: tuples, nested parts and all.

    Raises:
        ConfigError: a field is missing or unknown, or its value makes no sense.
    """
    converter = cattrs.Converter(forbid_extra_keys=True)
    try:
        if not isinstance(saved, dict) or (missing := {f.name for f in fields(kind)} - set(saved)):  # type: ignore[arg-type]
            raise ConfigError(
                f"the saved config lacks {', '.join(sorted(missing)) if isinstance(saved, dict) else 'all'}"
            )
        return converter.structure(saved, kind)
    except cattrs.BaseValidationError as error:
        own = [e for e in error.exceptions if isinstance(e, ConfigError)]  # a value outside its range
        raise own[0] if own else ConfigError("; ".join(cattrs.transform_error(error))) from None


def as_saved(config: Any) -> dict[str, Any]:
    """A config (a dataclass) as it stands in JSON: tuples are lists."""
    return json.loads(json.dumps(asdict(config)))


def differences(mine: Any, theirs: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """Fields in which a config (a dataclass) and a saved one differ: name to the saved value and ours."""
    now = as_saved(mine)
    return {name: (theirs.get(name), value) for name, value in now.items() if theirs.get(name, NOT_SAVED) != value}


def listed(told: Sequence[str], most: int = 4) -> str:
    """The first few of a list, and how many more there are."""
    more = f" and {len(told) - most} more" if len(told) > most else ""
    return "; ".join(told[:most]) + more
