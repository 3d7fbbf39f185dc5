"""Simulation 6: what stimulation of dopamine does to choice under risk (Stopper et al. 2014; Fig. 7)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.stationary import STATIONARY, StationaryGambler
from pfc_metarl.analysis.risk import BLOCK_RISKY_LOSS, BLOCK_RISKY_REWARD, BLOCK_SAFE_REWARD, CONTROL, OWN, risky_shares
from pfc_metarl.comparison import Curve, Part, Quantity, compare
from pfc_metarl.config import TESTED, Config, Count, Probability
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published_number, published_value
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
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
    forced_outcomes: bool = True
    """Whether forced pulls pay (P); else they tell nothing of the arms."""
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
    paid = config.safe_reward, config.risky_reward, config.forced_outcomes
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
    for condition, protocol in progress({CONTROL: None, **protocols(config)}.items(), "playing"):
        played = play(network, task, generators(TEST, config.seeds, 0), config.test_episodes, stimulation=protocol)
        tables.append(played.table().assign(condition=condition))
    trials = pd.concat(tables, ignore_index=True).astype({"condition": "category"})
    doses = [
        [dose_share(config, network, own._replace(size=dose * own.size)) for dose in DOSES]
        for own in progress(protocols(config).values(), "doses")
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


def stationary(config: OptogeneticsConfig) -> Tables:
    """Behaviour of the agent at which learning would come to rest, without stimulation; see `StationaryGambler`."""
    told = config.forced_pairs, config.free_pulls, config.risky_probabilities, config.safe_reward, config.risky_reward
    agent, rng = (
        StationaryGambler(*told, config.discount, config.entropy_cost),
        generator(REFERENCE, config.first_seed, 0, 0),
    )
    played = play_agent(agent, make_task(config), rng, config.test_episodes * config.networks, STATIONARY)
    return behaviour(config, played.assign(condition=CONTROL))


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 7b; see `behaviour_quantities`."""
    risky = tables["risky_choice"].pivot(index="subject", columns=["condition", "p_risky"], values="risky") * 100
    learned = []
    if {(CONTROL, 0.5), (CONTROL, 0.125)} <= set(risky):
        step = (risky[CONTROL, 0.5] - risky[CONTROL, 0.125]).to_numpy()
        learned.append(Quantity.learned("control: % risky at p = 0.5 less that at 0.125", step, "> 40", 40))
    return compare([*behaviour_quantities(tables), *learned])


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What of `behaviour` is compared: effects of stimulation, in points of per cent risky, and the controls' levels.

    An effect's margin comes from the largest effect of its panel, the controls' from the step between the two p.
    """
    wide = tables["risky_choice"].pivot(index="subject", columns=["condition", "p_risky"], values="risky") * 100
    quantities: list[Quantity | Curve] = []
    for condition in PUBLISHED:
        effects = {p: published_effect("meta-RL", condition, p) for p in (0.5, 0.125)}
        largest = max(effects.values(), key=lambda effect: abs(effect.value)).value
        for p, effect in effects.items():
            if (CONTROL, p) not in wide or (condition, p) not in wide:
                continue
            ours = wide[condition, p] - wide[CONTROL, p]
            name, rats = f"% risky, {condition} less control, p = {p:g}", published_effect("rats", condition, p).value
            sign, gap = f"{'>' if effect.value > 0 else '<'} control", ours * np.sign(effect.value)
            if effect.value == 0:
                sign, gap = "as control", abs(largest) / 4 - np.abs(ours)
            quantities.append(
                Quantity(name, ours, *effect, Part(largest), sign, gap, animal=rats, short=f"{condition}, {p:g}")
            )
    levels = {
        p: [published_value(7, series="meta-RL, control", condition=c, x=p) for c in PUBLISHED] for p in (0.5, 0.125)
    }
    means = {p: float(np.mean(values)) for p, values in levels.items()}
    for p, order, bound in ((0.5, "> 75", 75.0), (0.125, "< 45", 45.0)):
        if (CONTROL, p) in wide:
            name, step = f"% risky, control, p = {p:g}", Part(means[0.5] - means[0.125])
            quantities.append(Quantity.ordered(name, wide[CONTROL, p], means[p], 0.5, step, order, bound))
    return quantities


def published_effect(who: str, condition: str, p: float) -> Number:
    """The published effect of a stimulation, of networks or rats."""
    stimulated, control = (
        published_number(7, series=f"{who}, {s}", condition=condition, x=p) for s in ("stimulated", "control")
    )
    return Number(stimulated.value - control.value, stimulated.error + control.error)


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
    stationary=stationary,
    needs_prediction_errors=True,
)
