"""How what our networks do is laid beside the paper: the one rule, stated before the networks that it judges are run.

Direction. Each quantity has a `gap` per network that the paper says is above 0 (a sign, an ordering). One-sided t test
over networks. What is claimed, and Holm's correction over all primary claims: `pfc_metarl.claims`, data/claims.csv.

Size. Our mean is equivalent to the published value if it lies within a margin that the published data give beforehand
(`Several`, `Single`, `Part`), widened by the error with which the value was read off a figure. Where there is a margin,
by two one-sided tests at 5 % (the 90 % interval lies inside of it). Verdicts: "equivalent"; "same direction, another
size" (the interval lies outside, and the direction holds at 5 %); "opposite" (the direction fails at 5 %);
"inconclusive" (all else); "cannot be told" (of fewer than two networks).

Curves are compared as a whole: all lags, windows or events. See `Curve`.

A network of which a quantity cannot be told (choices that a regression cannot be fitted to) has no part in the mean,
but counts among `n` as one that fails the direction. None is left out because it has not learned.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from pfc_metarl.errors import ConfigError

LEVEL = 0.05
"""Of every one-sided test."""
SHARE = 0.25
"""Of a published contrast (or of a published curve's spread), the margin where nothing else gives one."""
EQUIVALENT, OTHER_SIZE, OPPOSITE = "equivalent", "same direction, another size", "opposite"
INCONCLUSIVE, UNTOLD, UNPUBLISHED = "inconclusive", "cannot be told", "no number published"
VERDICTS = (EQUIVALENT, OTHER_SIZE, OPPOSITE, INCONCLUSIVE, UNTOLD, UNPUBLISHED)


class Several(NamedTuple):
    """The paper shows several networks: the margin is one s.d. of theirs, and its mean is as uncertain as theirs is."""

    sd: float
    n: int

    @classmethod
    def of(cls, dots: Sequence[float] | np.ndarray) -> "Several":
        """Of published dots, one per network."""
        return cls(float(np.std(dots, ddof=1)), len(dots))

    @classmethod
    def of_interval(cls, low: float, high: float, n: int) -> "Several":
        """Of a published 95 % interval over n networks."""
        return cls((high - low) / 2 / float(stats.t.ppf(0.975, n - 1)) * np.sqrt(n), n)

    @classmethod
    def of_contrast(cls, weights: Mapping[Any, float], dots: Mapping[Any, np.ndarray]) -> "Several":
        """Of a weighted sum of columns of dots, in which it is not shown which dots belong together."""
        variance = sum(weight**2 * dots[at].var(ddof=1) for at, weight in weights.items())
        return cls(float(np.sqrt(variance)), min(len(dots[at]) for at in weights))


class Single(NamedTuple):
    """The paper shows one network (or one curve): is it like one of ours? Inside our 95 % prediction interval."""


class Part(NamedTuple):
    """The paper shows means without spread: the margin is a quarter of a contrast that it shows."""

    contrast: float


Basis = Several | Single | Part


class Quantity(NamedTuple):
    """One number beside the paper's."""

    name: str
    """What is compared."""
    ours: Sequence[float] | np.ndarray
    """One value per network."""
    published: float
    """The paper's value for its networks; NaN: it gives none."""
    error: float
    """With which it was read."""
    basis: Basis
    """What the margin comes from."""
    direction: str
    """The sign or ordering that must hold, in words."""
    gap: Sequence[float] | np.ndarray
    """By how much it holds (above 0) or fails, for each network."""
    animal: float = float("nan")
    """The value of the animals, if there is one."""
    short: str = ""
    """Label of a key result, beside others of its simulation; "": it is none."""

    @classmethod
    def ordered(
        cls, name: str, ours: np.ndarray, published: float, error: float, basis: Basis, direction: str, than: Any,
        **more: Any,
    ) -> "Quantity":  # fmt: skip
        """A quantity that must be greater than others or than a number (its direction begins with ">"), or less."""
        gap = ours - than if direction.startswith(">") else than - ours
        return cls(name, ours, published, error, basis, direction, gap, **more)

    @classmethod
    def signed(
        cls, name: str, ours: np.ndarray, published: float, error: float, basis: Basis, **more: Any
    ) -> "Quantity":
        """A quantity of which the published sign must hold."""
        rule = "> 0" if published > 0 else "< 0"
        return cls(name, ours, published, error, basis, rule, ours * np.sign(published), **more)

    @classmethod
    def learned(cls, what: str, ours: np.ndarray, rule: str, bound: float) -> "Quantity":
        """A criterion by which a network has learned its task; nothing is published of it."""
        return cls.ordered(f"learned: {what}", ours, np.nan, 0.0, Part(np.nan), rule, bound)


class Curve(NamedTuple):
    """All points of a curve beside the paper's.

    In the table `ours` is the distance of each network's curve from the published one (root mean square), in units of
    the published curve's own s.d. over its points; the direction is that of the correlation between them. Equivalent:
    the distance's upper 95 % bound is at most .25; another size: its lower bound is above, and the correlation holds.
    """

    name: str
    ours: np.ndarray
    """(network, point)."""
    published: np.ndarray
    """(point,)."""
    short: str = ""


def weighted(weights: Mapping[Any, float], values: Any) -> Any:
    """The weighted sum of what `values` (a mapping, or a table by columns) holds: a contrast."""
    return sum(weight * values[at] for at, weight in weights.items())


COLUMNS = [
    "quantity", "short", "published", "animal", "ours", "ci_low", "ci_high", "n", "told", "direction",
    "networks_in_direction", "p", "basis", "margin", "verdict",
]  # fmt: skip


def compare(quantities: Sequence[Quantity | Curve]) -> pd.DataFrame:
    """Comparison table.

    Returns:
        quantity, short, published, animal, ours (mean over networks), ci_low, ci_high (95 % t interval), n (networks),
        told (how many of them have a part in the mean), direction, networks_in_direction, p (one-sided, of the
        direction), basis and margin (see the module), verdict.

    Raises:
        ConfigError: values or gaps are not one number for each network.
    """
    return pd.DataFrame([_of_curve(q) if isinstance(q, Curve) else _row(q) for q in quantities], columns=COLUMNS)


def _row(q: Quantity) -> tuple[object, ...]:
    if np.ndim(q.ours) != 1 or np.shape(q.ours) != np.shape(q.gap):
        raise ConfigError(f"{q.name}: ours and gap must be a number for each network")
    told = np.isfinite(np.asarray(q.ours, float)) & np.isfinite(np.asarray(q.gap, float))
    ours, gap = np.asarray(q.ours, float)[told], np.asarray(q.gap, float)[told]
    words, margin = _margin(q, ours)
    of_networks = (*mean_and_interval(ours), len(told), len(ours), q.direction, int(np.sum(gap > 0)), above(gap))
    return q.name, q.short, q.published, q.animal, *of_networks, words, margin, _verdict(q, ours, gap, margin)


def _of_curve(q: Curve) -> tuple[object, ...]:
    told = q.ours[np.isfinite(q.ours).all(axis=1)]
    distance = np.sqrt(((told - q.published) ** 2).mean(axis=1)) / q.published.std()
    r = np.array([np.corrcoef(own, q.published)[0, 1] for own in told])
    verdict = INCONCLUSIVE
    if len(told) < 2:
        verdict = UNTOLD
    elif above(SHARE - distance) < LEVEL:
        verdict = EQUIVALENT
    elif above(-r) < LEVEL:
        verdict = OPPOSITE
    elif above(distance - SHARE) < LEVEL and above(r) < LEVEL:
        verdict = OTHER_SIZE
    of_networks = (*mean_and_interval(distance), len(q.ours), len(told), "r > 0", int(np.sum(r > 0)), above(r))
    return q.name, q.short, np.nan, np.nan, *of_networks, "curve", SHARE, verdict


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % interval (t); NaN where there are too few."""
    mean = float(values.mean()) if len(values) else np.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if len(values) > 1 else np.nan
    return mean, mean - half, mean + half


def above(gap: np.ndarray) -> float:
    """One-sided p of a mean over networks above 0 (t test); NaN of fewer than two; of values all alike 0 or 1."""
    if len(gap) < 2:
        return float("nan")
    if np.ptp(gap) <= 1e-12 * np.abs(gap).max():
        return float(gap[0] <= 0)
    return float(stats.ttest_1samp(gap, 0, alternative="greater").pvalue)


def _margin(q: Quantity, ours: np.ndarray) -> tuple[str, float]:
    """Where the margin comes from, in words, and it; NaN without a published value, or where nothing tells it."""
    if isinstance(q.basis, Several):
        words, margin = f"s.d. of {q.basis.n} networks", q.basis.sd
    elif isinstance(q.basis, Part):
        words, margin = "quarter of a contrast", SHARE * abs(q.basis.contrast)
    else:
        words, margin, n = "prediction interval", np.nan, len(ours)
        if n > 1:
            margin = float(stats.t.ppf(0.975, n - 1) * ours.std(ddof=1) * np.sqrt(1 + 1 / n))
    return (words, margin + q.error) if np.isfinite(q.published) else ("", np.nan)


def _verdict(q: Quantity, ours: np.ndarray, gap: np.ndarray, margin: float) -> str:
    if len(ours) < 2:
        return UNTOLD
    if above(-gap) < LEVEL:
        return OPPOSITE
    if not np.isfinite(q.published):
        return UNPUBLISHED
    low, high = _difference(q, ours)
    if -margin <= low and high <= margin:
        return EQUIVALENT
    outside = low > margin or high < -margin
    return OTHER_SIZE if outside and above(gap) < LEVEL else INCONCLUSIVE


def _difference(q: Quantity, ours: np.ndarray) -> tuple[float, float]:
    """90 % interval of our mean less the published value; a single published network's is a number, not an interval."""
    difference, own = ours.mean() - q.published, ours.var(ddof=1) / len(ours)
    if isinstance(q.basis, Single):
        return difference, difference
    sd, n = q.basis if isinstance(q.basis, Several) else (0.0, 2)
    theirs = sd**2 / n
    if own + theirs == 0:
        return difference, difference
    freedom = (own + theirs) ** 2 / (own**2 / (len(ours) - 1) + theirs**2 / (n - 1))  # Welch's
    half = stats.t.ppf(1 - LEVEL, freedom) * np.sqrt(own + theirs)
    return difference - half, difference + half


def print_comparison(table: pd.DataFrame) -> None:
    """The comparison table, for a terminal; nothing, if it is empty."""
    if table.empty:
        return
    number: Callable[[float], str] = lambda x: "" if pd.isna(x) else f"{x:.3g}"  # noqa: E731
    shown = pd.DataFrame({
        "quantity": table["quantity"],
        "published": table["published"].map(number),
        "animal": table["animal"].map(number),
        "ours [95 % interval]": [
            f"{m:.3g} [{a:.3g}, {b:.3g}]" for m, a, b in zip(table["ours"], table["ci_low"], table["ci_high"])
        ],
        "direction": [
            f"{d} ({k}/{n})" for d, k, n in zip(table["direction"], table["networks_in_direction"], table["n"])
        ],
        "margin": table["margin"].map(number),
        "verdict": table["verdict"],
    })  # fmt: skip
    print(shown.to_string(index=False))
    changed = table["changed"].dropna().unique() if "changed" in table else []
    for words in [words for words in changed if words]:
        print(f"not the preset's settings, so that published values need not hold: {words}")
