"""Simulation 6: what stimulation of dopamine does to choice under risk (Stopper et al. 2014; Fig. 7)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pfc_metarl.analysis.risk import BLOCK_RISKY_LOSS, BLOCK_RISKY_REWARD, BLOCK_SAFE_REWARD, CONTROL, OWN, risky_shares
from pfc_metarl.config import TESTED, Config, Count, Probability
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent
from pfc_metarl.published import Quantity, compare, published_value
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.optogenetics import Optogenetics

UNSTIMULATED = "unstimulated"
"""The condition of training."""
EVENTS = Optogenetics.events
PUBLISHED = {
    BLOCK_RISKY_REWARD: Stimulation("risky_reward", -4.0),
    BLOCK_SAFE_REWARD: Stimulation("safe_reward", -1.0),
    BLOCK_RISKY_LOSS: Stimulation("risky_loss", +1.0),
}
"""The paper's conditions: on which outcome what is added to the prediction error. A new protocol is one more line."""
DOSES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Sizes of the dose-response curve, in parts of the published size."""


@dataclass(frozen=True)
class OptogeneticsConfig(Config):
    """Methods, "Simulation 6"."""

    agent: str = "actor-critic-rpe"
    """Actor and critic apart, the actor seeing prediction errors (P); stimulation needs it (or -gru, -rnn)."""
    forced_pairs: Count = 5
    """Pairs of forced pulls, one of either arm (P)."""
    free_pulls: Count = 20
    """Free pulls (P)."""
    risky_probabilities: tuple[float, ...] = (0.5, 0.125)
    """Probabilities of the risky arm's reward, one of them drawn per episode (P)."""
    safe_reward: Annotated[float, Interval(ge=-100, le=100)] = 1.0
    """What the safe arm always pays (P)."""
    risky_reward: Annotated[float, Interval(ge=-100, le=100)] = 4.0
    """What the risky arm sometimes pays (P)."""
    episodes: Count = 66_700
    """Training episodes per network, without stimulation (P: 6.67e4, 4e6 steps)."""
    test_episodes: Annotated[Count, TESTED] = 1_333
    """Test episodes per network and condition, weights frozen (P)."""
    dose_episodes: Annotated[Count, TESTED] = 300
    """Test episodes per network and point of the dose-response curve (our choice)."""
    event: Annotated[Literal["", "safe_reward", "risky_reward", "risky_loss"], TESTED] = ""
    """A protocol of your own: outcome that is stimulated; none without it."""
    size: Annotated[float, Interval(ge=-100, le=100), TESTED] = 0.0
    """Your protocol: what is added to the prediction error, in units of reward."""
    stimulation_probability: Annotated[Probability, TESTED] = 1.0
    """Your protocol: probability with which each such outcome is stimulated."""
    first_trial: Annotated[Count, TESTED] = 1
    """Your protocol: trial at which the stimulator is switched on (forced trials come first)."""
    last_trial: Annotated[int, Ge(0), TESTED] = 0
    """Your protocol: last trial with the stimulator on; 0: the episode's last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        own, trials = self.risky_probabilities, 2 * self.forced_pairs + self.free_pulls
        fits = len(own) > 0 and all(0 <= p <= 1 for p in own) and len(set(own)) == len(own)
        self.require("risky_probabilities", fits, "different, in [0, 1]")
        self.require("first_trial", self.first_trial <= trials, f"at most the {trials} trials of an episode")
        self.require("last_trial", self.last_trial == 0 or self.last_trial >= self.first_trial, "0 or from first_trial")
        if not self.event and self.size:
            raise ConfigError("size is given without event; add --event with one of: " + ", ".join(EVENTS))


PRESETS = {
    # departures from the paper: 16 episodes per update and network, a learning rate to match that falls to 0,
    # fewer episodes
    "fast": OptogeneticsConfig(
        preset="fast", episodes=24_000, episodes_per_update=16, learning_rate=0.005, learning_rate_end=0.0
    ),
    "paper": OptogeneticsConfig(preset="paper"),
}


def make_task(config: OptogeneticsConfig) -> Optogenetics:
    """The task with the config's arms."""
    paid = config.safe_reward, config.risky_reward
    return Optogenetics(config.forced_pairs, config.free_pulls, config.risky_probabilities, *paid)


def protocols(config: OptogeneticsConfig) -> dict[str, Stimulation]:
    """The published ones and the user's own, by condition."""
    if not config.event:
        return PUBLISHED
    steps = Optogenetics.steps_per_trial
    last = config.last_trial * steps - 1 if config.last_trial else None
    own = (config.size, config.stimulation_probability, (config.first_trial - 1) * steps, last)
    return {**PUBLISHED, OWN: Stimulation(config.event, *own)}


def test(config: OptogeneticsConfig, networks: Networks) -> Tested:
    """Let the networks play all conditions on the same episodes, weights frozen.

    Returns:
        The trial table (columns as in `Optogenetics`, and condition), and arrays: dose_risky, the share of
        risky free choices (protocol, dose, network, probability), of the dose-response curves.
    """
    task, network = make_task(config), networks[UNSTIMULATED]
    tables = []
    for condition, protocol in {CONTROL: None, **protocols(config)}.items():
        played = play(network, task, generators(TEST, config.seeds, 0), config.test_episodes, stimulation=protocol)
        tables.append(played.table().assign(condition=condition))
    trials = pd.concat(tables, ignore_index=True).astype({"condition": "category"})
    doses = [
        [dose_share(config, network, own._replace(size=dose * own.size)) for dose in DOSES]
        for own in protocols(config).values()
    ]
    return Tested(trials, {"dose_risky": np.array(doses)})


def dose_share(config: OptogeneticsConfig, network: Agent, protocol: Stimulation) -> np.ndarray:
    """Share of risky choices under a protocol: (network, probability)."""
    rngs = generators(TEST, config.seeds, 1)
    played = play(network, make_task(config), rngs, config.dose_episodes, stimulation=protocol)
    wide = risky_shares(played.table()).pivot(index="subject", columns="p_risky", values="risky")
    return wide.reindex(columns=sorted(config.risky_probabilities)).to_numpy()


def analyse(config: OptogeneticsConfig, tested: Tested) -> Tables:
    """All tables of Figure 7 and its supplement."""
    index = pd.MultiIndex.from_product(
        [list(protocols(config)), DOSES, config.seeds, sorted(config.risky_probabilities)],
        names=["condition", "dose", "subject", "p_risky"],
    )
    doses = pd.DataFrame({"risky": tested.arrays["dose_risky"].reshape(-1)}, index=index).reset_index()
    return {**behaviour(config, tested.trials), "dose_response": doses}


def behaviour(config: OptogeneticsConfig, trials: pd.DataFrame) -> Tables:
    """How often the risky arm is taken, of whoever behaves."""
    return {"risky_choice": risky_shares(trials)}


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 7b; see `behaviour_quantities`."""
    return compare(behaviour_quantities(tables))


def behaviour_quantities(tables: Tables) -> list[Quantity]:
    """What of `behaviour` is compared, in per cent risky; distance: 15 points.

    The direction is that of the published difference from control where it exceeds 5 points; where it does not,
    ours must stay within 15 points of control. Controls must lie above 75 % (p = .5) and below 45 % (p = .125).
    """
    wide = tables["risky_choice"].pivot(index="subject", columns=["condition", "p_risky"], values="risky") * 100
    quantities = []
    for condition in PUBLISHED:
        for p in (0.5, 0.125):
            if (CONTROL, p) not in wide or (condition, p) not in wide:
                continue
            control, ours, name = wide[CONTROL, p], wide[condition, p], f"% risky, {condition}, p = {p:g}"
            paper = published_value(7, series="meta-RL, stimulated", condition=condition, x=p)
            rats = published_value(7, series="rats, stimulated", condition=condition, x=p)
            effect = paper - published_value(7, series="meta-RL, control", condition=condition, x=p)
            if abs(effect) > 5:
                order = "> control" if effect > 0 else "< control"
                quantities.append(Quantity.ordered(name, ours, paper, 15, order, control, animal=rats))
            else:
                gap = 15 - (ours - control).abs()
                quantities.append(Quantity(name, ours, paper, 15, "as control, within 15", gap, rats))
    for p, order, bound in ((0.5, "> 75", 75.0), (0.125, "< 45", 45.0)):
        if (CONTROL, p) in wide:
            ours, name = wide[CONTROL, p], f"% risky, control, p = {p:g}"
            controls = [published_value(7, series="meta-RL, control", condition=c, x=p) for c in PUBLISHED]
            quantities.append(Quantity.ordered(name, ours, float(np.mean(controls)), 15, order, bound))
    return quantities


SIMULATION = Simulation(
    name="optogenetics",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "test_episodes": 40, "dose_episodes": 20},
    tasks=lambda config: {UNSTIMULATED: make_task(config)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
    needs_prediction_errors=True,
)
