"""Do modules specialise? Networks of modules that compete (Goyal et al. 2021), in two contexts that call for opposite
choices, beside networks that are not divided."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from annotated_types import Ge, Interval
from scipy import stats
from torch import Tensor

from pfc_metarl.analysis.specialisation import information, losses_by_context, shuffled_contexts, specialisation
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count
from pfc_metarl.led import watch
from pfc_metarl.networks import agent_class, make_agent
from pfc_metarl.networks.lesioned import silence
from pfc_metarl.networks.modules import ACTIVE, MODULES, ModularLSTM
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.progress import progress
from pfc_metarl.random_streams import REFERENCE, TEST, generators
from pfc_metarl.rollout import Trajectory, by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.context_bandit import ContextBandit
from pfc_metarl.trials import NETWORKS, UNTRAINED

COMPETING, ALL_ACTIVE, UNDIVIDED = "modules", "all active", "undivided"
"""Kinds of networks. Those that are undivided are cut into groups of as many units, to be compared."""
USUAL, LONGER, CHANGING = "as trained", "longer", "changing"
"""Tests: new episodes; three times as long; the context, and with it the rule, changes half-way."""
ACTIVITY, OUTPUT = "active", "output"
"""What may tell the context: whether a module is active, or whether its output is large."""


@dataclass(frozen=True)
class ModulesConfig(Config):
    """Our own task. Goyal et al. 2021 ("G") did not train on it."""

    trials: Annotated[int, Ge(4)] = 20
    """Trials per episode (our choice)."""
    high: Annotated[float, Interval(gt=0.5, lt=1)] = 0.75
    """Probability with which the good arm pays (our choice)."""
    active_modules: Annotated[int, Interval(ge=1, le=MODULES)] = ACTIVE
    """Of the 6 modules, those that are active at a step (G: 4, in the copying task)."""
    test_episodes: Annotated[Count, Ge(8), TESTED] = 500
    """Test episodes per network, weights frozen (our choice)."""

    def for_condition(self, condition: str) -> Config:
        """Networks of modules; or others that have the same units in one recurrent layer."""
        kind = agent_class(self.agent)
        fits = issubclass(kind, PrefrontalNetwork) and self.agent != "modules"
        self.require("agent", fits, "one undivided recurrent layer, to be laid beside modules")
        if condition == UNDIVIDED:
            return self
        active = MODULES if condition == ALL_ACTIVE else self.active_modules
        return replace(self, agent="modules", active_modules=active)


def tests(config: ModulesConfig) -> dict[str, ContextBandit]:
    """The tests by name; the first is what networks are trained on."""
    return {
        USUAL: ContextBandit(config.trials, config.high),
        LONGER: ContextBandit(3 * config.trials, config.high),
        CHANGING: ContextBandit(config.trials, config.high, changes=True),
    }


def test(config: ModulesConfig, networks: Networks) -> Tested:
    """All networks play the same test episodes; then those as trained once more without each module, or group of units.

    Returns:
        The trial table of the competing modules, as trained; arrays: context by test (network, episode, trial); by kind
        and test whether the good arm was chosen, likewise; by kind, `without` each module (network, episode, trial,
        module); by kind and group `active` (of modules) and `output`, their mean size (network, episode, trial,
        module), of trained networks and of untrained ones that see the same.
    """
    arrays, trials = {}, pd.DataFrame()
    for kind, network in progress(networks.items(), "playing"):
        assert isinstance(network, PrefrontalNetwork)
        for name in tests(config):
            played = plays(config, network, name)
            arrays[f"context: {name}"], arrays[f"{kind}: {name}"] = played.field("context"), correct(played)
            if name == USUAL:
                trials = trials if len(trials) else played.table()
                arrays |= {f"{kind}: {key}": own for key, own in states(config, kind, network, played).items()}
        arrays[f"{kind}: without"] = lesioned(config, network)
    return Tested(trials, arrays)


def plays(config: ModulesConfig, network: PrefrontalNetwork, name: str) -> Trajectory:
    """A test, the same for whoever plays it."""
    rngs = generators(TEST, config.seeds, list(tests(config)).index(name))
    return play(network, tests(config)[name], rngs, config.test_episodes)


def correct(played: Trajectory) -> np.ndarray:
    """Whether the good arm was chosen (network, episode, trial)."""
    return played.field("choice") == played.field("good_arm")


def lesioned(config: ModulesConfig, network: PrefrontalNetwork) -> np.ndarray:
    """Whether the good arm is chosen without each module (network, episode, trial, module)."""
    told = []
    for module in range(MODULES):
        units = np.arange(network.units) // (network.units // MODULES) == module
        silent = silence(network, np.tile(units, (len(network.seeds), 1)))
        told.append(correct(plays(config, silent, USUAL)))
    return np.stack(told, -1)


def states(config: ModulesConfig, kind: str, network: PrefrontalNetwork, played: Trajectory) -> dict[str, np.ndarray]:
    """Arrays `active, GROUP` and `output, GROUP` of trained and untrained networks; see `test`."""
    before = make_agent(config.for_condition(kind), played.end.episodes.task, config.seeds).requires_grad_(False)
    arrays = {}
    for group, agent, activity in ((NETWORKS, network, played.activity), (UNTRAINED, before, watch(before, played))):
        arrays[f"{OUTPUT}, {group}"] = by_episode(size(activity))
        if kind == COMPETING:  # else all modules are active at all times
            start = agent.start(config.test_episodes)
            arrays[f"{ACTIVITY}, {group}"] = by_episode(ModularLSTM.were_active(activity, start))
    return arrays


def size(activity: Tensor) -> Tensor:
    """Mean size of the outputs of each module's units: (..., unit) -> (..., module)."""
    return torch.stack([own.abs().mean(-1) for own in activity.chunk(MODULES, -1)], -1)


def analyse(config: ModulesConfig, tested: Tested) -> Tables:
    """Tables: `accuracy` (kind, subject, test, accuracy), `optimum` (test, accuracy), `lesions` (kind, subject, module,
    loss_stays, loss_alternates), `specialisation` (kind, subject, index, shuffled) and `information` (kind, group,
    subject, measure, module, bits, shuffled); shuffled: with shuffled contexts."""
    arrays = tested.arrays
    kinds = [key.removesuffix(": without") for key in arrays if key.endswith(": without")]
    contexts, rngs = arrays[f"context: {USUAL}"][..., 0], generators(REFERENCE, config.seeds, 0, 0)
    shuffled = np.stack([shuffled_contexts(own, rng) for own, rng in zip(contexts, rngs)])
    accuracy = pd.concat(
        pd.DataFrame({"kind": k, "subject": config.seeds, "test": t, "accuracy": arrays[f"{k}: {t}"].mean((1, 2))})
        for k in kinds
        for t in tests(config)
    )
    lesions, indices, bits = [], [], []
    for kind in kinds:
        losses = (arrays[f"{kind}: {USUAL}"][..., None] * 1.0 - arrays[f"{kind}: without"]).mean(2)
        for subject, own, context, anew in zip(config.seeds, losses, contexts, shuffled):
            stays, alternates = losses_by_context(own, context)
            told = {"kind": kind, "subject": subject, "module": np.arange(1, MODULES + 1)}
            lesions.append(pd.DataFrame({**told, "loss_stays": stays, "loss_alternates": alternates}))
            by_chance = np.mean([specialisation(own, other) for other in anew])
            indices.append((kind, subject, specialisation(own, context), by_chance))
        bits += [
            informed(config, kind, key.removeprefix(f"{kind}: "), arrays[key], contexts, shuffled)
            for key in arrays
            if key.startswith((f"{kind}: {ACTIVITY}, ", f"{kind}: {OUTPUT}, "))
        ]
    best = [(name, best_accuracy(task.trials, config.high)) for name, task in tests(config).items()]
    return {
        "accuracy": accuracy,
        "optimum": pd.DataFrame(best, columns=["test", "accuracy"]),
        "lesions": pd.concat(lesions),
        "specialisation": pd.DataFrame(indices, columns=["kind", "subject", "index", "shuffled"]),
        "information": pd.concat(bits),
    }


def informed(
    config: ModulesConfig, kind: str, what: str, values: np.ndarray, contexts: np.ndarray, shuffled: np.ndarray
) -> pd.DataFrame:
    """What a measure of each module tells of the context: rows of `information`."""
    measure, group = what.split(", ", 1)
    tables = []
    for subject, own, context, anew in zip(config.seeds, values, contexts, shuffled):
        active = own if measure == ACTIVITY else own > np.median(own, axis=(0, 1))
        told = {"kind": kind, "group": group, "subject": subject, "measure": measure}
        by_chance = np.mean([information(active, other) for other in anew], axis=0)
        both = {"bits": information(active, context), "shuffled": by_chance}
        tables.append(pd.DataFrame({**told, "module": np.arange(1, MODULES + 1), **both}))
    return pd.concat(tables)


def best_accuracy(trials: int, high: float) -> float:
    """How often the good arm is chosen at best, if rules and probabilities are known; exactly.

    Either arm's outcome tells as much of which one is good, so that after n trials it is enough to count those that
    speak for one: the best choice is right if the most are right, or half of the time if they are as many.
    """
    right = []
    for n in range(trials):
        most = stats.binom.sf(n // 2, n, high)
        right.append(most + 0.5 * stats.binom.pmf(n // 2, n, high) * (n % 2 == 0))
    return float(np.mean(right))


def compare_kinds(tables: Tables) -> pd.DataFrame:
    """Comparison of kinds of networks with each other, with untrained ones and with shuffled contexts.

    Goyal et al. 2021 claim that modules specialise, and that they generalise better than one LSTM; they give no number
    for this task. A network has learned it if it is midway from chance to the best accuracy.
    """
    quantities: list[Quantity | Curve] = []
    index = tables["specialisation"].pivot(index="subject", columns="kind")
    bits = tables["information"].groupby(["kind", "group", "measure", "subject"])[["bits", "shuffled"]].mean()
    accuracy = tables["accuracy"].pivot(index="subject", columns=["kind", "test"], values="accuracy")
    best = tables["optimum"].set_index("test")["accuracy"]

    def ordered(name: str, ours: pd.Series, than: pd.Series, words: str, short: str = "") -> None:
        quantity = (ours.to_numpy(), np.nan, 0.0, Single(), f"> {words}", than.to_numpy())
        quantities.append(Quantity.ordered(name, *quantity, short=short))

    own = index["index"]
    ordered("lesion index, modules", own[COMPETING], own[UNDIVIDED], "groups of undivided networks", "lesions")
    ordered("lesion index, all active", own[ALL_ACTIVE], own[UNDIVIDED], "groups of undivided networks")
    ordered("lesion index, modules beside all active", own[COMPETING], own[ALL_ACTIVE], "all active")
    for kind in own:
        shuffled = index["shuffled"][kind]
        ordered(f"lesion index, {kind}, beside shuffled contexts", own[kind], shuffled, "shuffled contexts")
    active, untrained = (bits.loc[COMPETING, group, ACTIVITY] for group in (NETWORKS, UNTRAINED))
    what = "bits of context in a module's being active"
    ordered(what, active["bits"], untrained["bits"], "untrained networks", "information")
    ordered(f"{what}, beside shuffled contexts", active["bits"], active["shuffled"], "shuffled contexts")
    output, groups = (bits.loc[kind, NETWORKS, OUTPUT]["bits"] for kind in (COMPETING, UNDIVIDED))
    ordered("bits of context in the size of a module's output", output, groups, "groups of undivided networks")
    for name, short in ((LONGER, "longer"), (CHANGING, "changing")):
        ours, others = accuracy[COMPETING][name], accuracy[UNDIVIDED][name]
        ordered(f"accuracy of modules, {name} episodes", ours, others, "undivided networks", short)
    midway = (0.5 + best[USUAL]) / 2
    for kind in own:
        rule, learned = f"> {midway:.2f}, midway from chance to the best", accuracy[kind][USUAL].to_numpy()
        quantities.append(Quantity.learned(f"accuracy, {kind}", learned, rule, midway))
    return compare(quantities)


PRESETS = {
    # our choices, for a task of our own: 16 episodes per update and network, a learning rate to match that falls to 0,
    # a discount that makes little of later trials, in which choices change nothing
    "fast": ModulesConfig(
        preset="fast", episodes=24_000, episodes_per_update=16, learning_rate=0.005, learning_rate_end=0.0, discount=0.5
    ),
    # units and modules as published for the copying task
    "paper": ModulesConfig(preset="paper", units=600),
}

SIMULATION = Simulation(
    name="modules",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "units": 12, "episodes": 64, "episodes_per_update": 16, "trials": 6, "test_episodes": 20},
    tasks=lambda config: {kind: tests(config)[USUAL] for kind in (COMPETING, ALL_ACTIVE, UNDIVIDED)},
    test=test,
    analyse=analyse,
    compare=compare_kinds,
)
