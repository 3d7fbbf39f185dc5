"""A distribution of values: reversal points and asymmetries of many value predictors, beside those of dopamine neurons
(Dabney et al. 2020)."""

from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.analysis.reversal_points import Answers, asymmetries, expectiles, halves, in_halves, reversal_points
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import ANALYSED, TESTED, Config, Count, NotNegative, Probability
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import agent_class
from pfc_metarl.networks.distributional import DistributionalNetwork
from pfc_metarl.progress import progress
from pfc_metarl.published import published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.conditioning import CUES, PROBABILITIES, SHARES, UTILITIES, Conditioning

DISTRIBUTIONAL, CLASSICAL, CONTROL = "distributional", "classical", "symmetric-predictors"
"""Kinds of networks: predictors with asymmetries of all sizes; or without any, the control; and its agent."""
PUBLICATION = "Dabney 2020"
ASYMMETRY, REVERSAL = "asymmetry with reversal point", "reversal point with itself"
NOISES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
"""S.d. of noise that is added to the answers, in units of utility (as neurons' answers are noisy)."""


@dataclass(frozen=True)
class DistributionalConfig(Config):
    """Dabney et al. 2020 ("D"): variable magnitude and variable probability."""

    agent: str = DISTRIBUTIONAL
    """The network with a population of value predictors."""
    trials: Count = 20
    """Trials per episode (our choice)."""
    discount: Probability = 0.0
    """Discount factor gamma per time step (our choice: what is predicted is the reward of the trial)."""
    state_value_cost: NotNegative = 0.5
    """Weight of the loss of the value predictors (our choice)."""
    test_episodes: Annotated[Count, Ge(8), TESTED] = 40
    """Test episodes per network, weights frozen: about 200 trials of variable magnitude (D: 135 to 303 a neuron)."""
    splits: Annotated[Count, ANALYSED] = 200
    """Times that the trials are split in halves at random; medians are told."""

    def for_condition(self, condition: str) -> Config:
        """The distributional network; or the control."""
        kind = agent_class(self.agent)
        self.require("agent", issubclass(kind, DistributionalNetwork), "one with a population of value predictors")
        self.require("agent", self.agent != CONTROL, "one that is not the control itself")
        return self if condition == DISTRIBUTIONAL else replace(self, agent=CONTROL)


def test(config: DistributionalConfig, networks: Networks) -> Tested:
    """Networks play the test episodes.

    Returns:
        The trial table of the distributional networks; arrays: cue and reward (network, episode, trial), the same for
        both kinds; by kind its taus (predictor,) and its values (network, episode, trial, predictor).
    """
    arrays: dict[str, np.ndarray] = {}
    trials, task = pd.DataFrame(), Conditioning(config.trials)
    for kind, network in networks.items():
        assert isinstance(network, DistributionalNetwork)
        played = play(network, task, generators(TEST, config.seeds, 0), config.test_episodes)
        arrays |= {"cue": played.field("cue"), "reward": played.field("reward"), f"{kind}: taus": network.taus()}
        arrays[f"{kind}: values"] = by_episode(network.predictors(played.activity))
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


class Population(NamedTuple):
    """Value predictors of one network, on the trials of variable magnitude."""

    number: int
    """Of the kind of network, for random numbers."""
    subject: int
    taus: np.ndarray
    values: np.ndarray
    """(predictor, trial)."""
    rewards: np.ndarray
    """(trial,)."""

    def answers(self, noise: float) -> Answers:
        """Prediction errors, positive ones times tau, negative ones times 1 - tau, and noise of an s.d.

        It is the same noise, more or less of it.
        """
        errors, tau = self.rewards - self.values, self.taus[:, None]
        levels = np.abs(self.rewards[:, None] - np.array(UTILITIES)).argmin(axis=1)
        drawn = generator(REFERENCE, self.subject, self.number, 0).normal(size=errors.shape)
        return Answers(np.where(errors > 0, tau, 1 - tau) * errors + noise * drawn, levels)


def populations(config: DistributionalConfig, tested: Tested) -> dict[str, list[Population]]:
    """By kind, one for each network."""
    cues, rewards, told = tested.arrays["cue"], tested.arrays["reward"], {}
    for number, kind in enumerate((DISTRIBUTIONAL, CLASSICAL)):
        taus, values = (tested.arrays[f"{kind}: {name}"].astype(float) for name in ("taus", "values"))
        told[kind] = [
            Population(number, subject, taus, values[k][cues[k] == 0].T, rewards[k][cues[k] == 0].astype(float))
            for k, subject in enumerate(config.seeds)
        ]
    return told


def analyse(config: DistributionalConfig, tested: Tested) -> Tables:
    """Tables: `values` (kind, subject, predictor, tau, cue, value, exact: the expectile), `correlations` (kind,
    subject, noise, matched, and both correlations, medians over splits) and `answers` (kind, subject, predictor,
    asymmetry, reversal: of two halves). Matched: with the noise with which the reversal points of distributional
    networks are as consistent as those of neurons; answers are of this noise."""
    networks = populations(config, tested)
    all_told = [
        correlations(config, kind, own, noise, matched=False)
        for noise in progress(NOISES, "splitting")
        for kind, populations_of in networks.items()
        for own in populations_of
    ]
    matched = matched_noise(pd.DataFrame(all_told))
    pairs = [(kind, own) for kind, populations_of in networks.items() for own in populations_of]
    all_told += [correlations(config, kind, own, matched, matched=True) for kind, own in pairs]
    return {
        "values": pd.concat(values_by_cue(config, tested, kind) for kind in networks),
        "correlations": pd.DataFrame(all_told),
        "answers": pd.concat(one_split(kind, own, matched) for kind, own in pairs),
    }


def correlations(
    config: DistributionalConfig, kind: str, own: Population, noise: float, matched: bool
) -> dict[str, object]:
    """A row of the table: medians over splits, of those in which they can be told."""
    answers, rng = own.answers(noise), generator(REFERENCE, own.subject, own.number, 1)
    told = pd.DataFrame([in_halves(answers, rng) for _ in range(config.splits)], columns=[ASYMMETRY, REVERSAL])
    return {"kind": kind, "subject": own.subject, "noise": noise, "matched": matched, **told.median()}


def matched_noise(table: pd.DataFrame) -> float:
    """With which the distributional networks' reversal points are, in the mean, as consistent as published."""
    consistency = table[table["kind"] == DISTRIBUTIONAL].groupby("noise")[REVERSAL].mean().dropna()
    paper = published_number(PUBLICATION, series="neurons", condition=REVERSAL)
    if not len(consistency):
        raise ConfigError("no reversal point can be told of so few trials: give more, --test-episodes or --trials")
    return float(np.interp(-paper.value, -consistency.to_numpy(), consistency.index.to_numpy()))


def one_split(kind: str, own: Population, noise: float) -> pd.DataFrame:
    """Asymmetry and reversal point of each predictor, from the halves of one split."""
    answers = own.answers(noise)
    axis, first = answers.axis(), halves(answers, generator(REFERENCE, own.subject, own.number, 1))
    share = asymmetries(answers, axis, ~first, reversal_points(answers, axis, ~first))
    told = {"kind": kind, "subject": own.subject, "predictor": np.arange(1, len(share) + 1), "asymmetry": share}
    return pd.DataFrame({**told, "reversal": reversal_points(answers, axis, first)})


def values_by_cue(config: DistributionalConfig, tested: Tested, kind: str) -> pd.DataFrame:
    """Mean value of each predictor after each cue, and the expectile that it should be: rows of `values`."""
    taus, values = (tested.arrays[f"{kind}: {name}"].astype(float) for name in ("taus", "values"))
    exact = [expectiles(np.array(UTILITIES), np.array(SHARES), taus)]
    exact += [expectiles(np.array([0.0, 1.0]), np.array([1 - p, p]), taus) for p in PROBABILITIES]
    tables = []
    for k, subject in enumerate(config.seeds):
        for cue in range(CUES):
            mean = values[k][tested.arrays["cue"][k] == cue].mean(axis=0)
            told = {"kind": kind, "subject": subject, "predictor": np.arange(1, len(taus) + 1), "tau": taus}
            tables.append(pd.DataFrame({**told, "cue": cue, "value": mean, "exact": exact[cue]}))
    return pd.concat(tables)


def compare_with_neurons(tables: Tables) -> pd.DataFrame:
    """Comparison with the neurons, and with the control.

    Noise is matched to the consistency of the neurons' reversal points, which is therefore not compared; how asymmetry
    goes with reversal point is then a prediction. A network has learned the distributions if its values are, root mean
    square, less than a quarter of an s.d. of the exact expectiles away from them.
    """
    table = tables["correlations"]
    told = table[table["matched"]].pivot(index="subject", columns="kind", values=[ASYMMETRY, REVERSAL])
    paper = published_number(PUBLICATION, series="neurons", condition=ASYMMETRY)
    quantities: list[Quantity | Curve] = []
    for what, (value, error), short in ((ASYMMETRY, paper, "asymmetry"), (REVERSAL, (np.nan, 0.0), "")):
        ours, control = (told[what][kind].to_numpy() for kind in (DISTRIBUTIONAL, CLASSICAL))
        name = f"{what}, two halves of the trials, R"
        quantities.append(
            Quantity.ordered(name, ours, value, error, Single(), "> classical networks", control, short=short)
        )
    off = tables["values"].assign(off=lambda own: (own["value"] - own["exact"]) ** 2)
    off = off[off["kind"] == DISTRIBUTIONAL]
    for cue, words in ((0, "variable magnitude"), (2, "chance of 50 %")):
        own = off[off["cue"] == cue]
        away = own.groupby("subject")["off"].mean() ** 0.5 / own.groupby("subject")["exact"].std()
        name = f"values off the expectiles, {words}, in s.d."
        quantities.append(Quantity.learned(name, away.to_numpy(), "< 0.25", 0.25))
    return compare(quantities)


PRESETS = {
    # departures from the publication: a recurrent network learns the predictions, by gradients; our learning rate
    "fast": DistributionalConfig(
        preset="fast", episodes=32_000, episodes_per_update=32, learning_rate=0.01, learning_rate_end=0.0
    ),
    # nothing is published of such networks; one episode per update, as in all of this suite
    "paper": DistributionalConfig(preset="paper"),
}

SIMULATION = Simulation(
    name="distributional",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 128, "episodes_per_update": 16, "splits": 5},
    tasks=lambda config: {kind: Conditioning(config.trials) for kind in (DISTRIBUTIONAL, CLASSICAL)},
    test=test,
    analyse=analyse,
    compare=compare_with_neurons,
)
