"""The introductory example: learning to solve two-armed bandits (Fig. 1; Wang et al. 2016)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pfc_metarl.agents import bandits as agents
from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.agents.stationary import STATIONARY
from pfc_metarl.analysis.read_out import belief_read_out, principal_components
from pfc_metarl.analysis.regret import EXAMPLES, THOMPSON, bayes_optimal_curves, known_regrets, regret_curves
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import ANALYSED, TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.led import watch
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Agent
from pfc_metarl.progress import progress
from pfc_metarl.published import published, published_number, published_value
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, Bandit, Distribution
from pfc_metarl.trials import NETWORKS, UNTRAINED, trained_on

READ_OUT_TRIALS = (1, 2, 5, 10, 20, 40, 60, 80, 100)
"""After how many trials the belief is read out of the state."""


@dataclass(frozen=True)
class BanditsConfig(Config):
    """Wang et al. 2016 ("A"), on which Fig. 1 rests; its learning rate, discount and entropy cost are its own."""

    trials: Annotated[int, Interval(ge=10, le=100)] = 100
    """Trials per episode (A)."""
    distributions: tuple[Distribution, ...] = DISTRIBUTIONS
    """Distributions to train on, a set of networks for each (A: these five)."""
    episodes: Count = 20_000
    """Training episodes per network (A)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (A: 1e-3)."""
    discount: Probability = 0.8
    """Discount factor gamma (A: 0.8)."""
    entropy_cost: NotNegative = 1.0
    """Weight of the policy's entropy at the start (A: 1)."""
    entropy_cost_end: Annotated[float | None, Ge(0)] = 0.0
    """Entropy cost at the end, reached linearly (A: 0)."""
    test_episodes: Annotated[int, Ge(10), TESTED] = 300
    """Test episodes per network and bandit, weights frozen (A, P)."""
    read_out_episodes: Annotated[int, Ge(10), TESTED] = 1_000
    """Episodes per network from which the belief is read out (our choice)."""
    gittins_discount: Annotated[float, Interval(gt=0, lt=1), ANALYSED] = 0.99
    """Discount of the Gittins index (our choice: its horizon, 1 / (1 - .99), is the task's 100 trials)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        named = {"independent", "correlated"} <= set(self.distributions)
        self.require("distributions", named, "different ones, with independent and correlated among them")
        self.require("distributions", len(set(self.distributions)) == len(self.distributions), "different ones")


PRESETS = {
    # departures from the paper: 16 episodes per update and network, a learning rate to match that falls to 0,
    # fewer episodes, and an entropy cost that starts lower (with 1, most of so short a training is spent at random)
    "fast": BanditsConfig(
        preset="fast",
        episodes=9_600,
        episodes_per_update=16,
        learning_rate=0.006,
        learning_rate_end=0.0,
        entropy_cost=0.2,
    ),
    "paper": BanditsConfig(preset="paper"),
}


def tasks(config: BanditsConfig) -> dict[str, Bandit]:
    """A training task for each distribution."""
    return {name: Bandit(trials=config.trials, arms=2, distribution=name) for name in config.distributions}


def test(config: BanditsConfig, networks: Networks) -> Tested:
    """Every set of networks plays every distribution, and the two example bandits, with frozen weights.

    Returns:
        The trial table (columns as in `Bandit`, and condition: the bandit) of the sets trained on independent and
        correlated bandits, on the examples and on their own training distribution; arrays: regret (training, test,
        network, episode) at the last trial, with the names trainings and tests; state (episode, time, unit), state_p
        and state_choice of the correlated set's first network on its own distribution; and those of
        `read_out_arrays`.
    """
    trials, regret = [], []
    arrays: dict[str, np.ndarray] = {}
    tests = {name: Bandit(trials=config.trials, arms=2, distribution=p) for name, p in EXAMPLES.items()} | tasks(config)
    for training, network in progress(networks.items(), "playing"):
        for index, (name, task) in enumerate(tests.items()):
            played = play(network, task, generators(TEST, config.seeds, index), config.test_episodes)
            regret.append(played.field("regret").sum(-1))
            if training in ("independent", "correlated") and (name in EXAMPLES or name == training):
                trials.append(played.table(trained_on(training)).assign(condition=name))
            if name == training == "correlated":
                arrays["state"] = by_episode(played.activity)[0]
                arrays["state_p"], arrays["state_choice"] = played.field("p_0")[0], played.field("choice")[0]
    arrays["regret"] = np.stack(regret).reshape(len(networks), len(tests), *regret[0].shape)
    arrays["tests"], arrays["trainings"] = np.array(list(tests)), np.array(list(networks))
    arrays |= read_out_arrays(config, networks["independent"])
    kept = pd.concat(trials, ignore_index=True).astype({"group": "category", "condition": "category"})
    return Tested(kept, arrays)


def read_out_arrays(config: BanditsConfig, network: Agent) -> dict[str, np.ndarray]:
    """States, and the ideal observer's beliefs, on independent bandits.

    The control is the network before training, which sees the very same episodes: the same observations,
    rewards and actions.

    Returns:
        belief (network, episode, trial, target), and belief_state and untrained_state (network, episode,
        trial, unit), after READ_OUT_TRIALS.
    """
    # one step more, for the state after the last outcome
    task = Bandit(trials=config.trials + 1, arms=2, distribution="independent", time_scale=config.trials)
    condition = len(EXAMPLES) + len(DISTRIBUTIONS)  # after those of the other tests
    played = play(network, task, generators(TEST, config.seeds, condition), config.read_out_episodes)
    untrained = make_agent(config, task, config.seeds)
    choices, rewards = (played.field(name).transpose(2, 0, 1) for name in ("choice", "reward"))
    mean, sd = agents.posterior(choices, rewards, arms=2)
    after = np.array(read_out_trials(config))
    return {
        "belief": np.concatenate([mean, sd], axis=-1)[after - 1].transpose(1, 2, 0, 3),
        "belief_state": by_episode(played.activity[after]),
        "untrained_state": by_episode(watch(untrained, played)[after]),
    }


def read_out_trials(config: BanditsConfig) -> list[int]:
    """After how many trials the belief is read out."""
    return [t for t in READ_OUT_TRIALS if t <= config.trials]


def analyse(config: BanditsConfig, tested: Tested) -> Tables:
    """All tables of Figure 1 and its supplement."""
    states = {NETWORKS: tested.arrays["belief_state"], UNTRAINED: tested.arrays["untrained_state"]}
    return {
        "regret": regret(config, tested),
        "state_pca": state_pca(tested),
        "generalisation": pd.concat(
            [generalisation(config, tested), known_regrets(tasks(config), config.seeds, config.test_episodes)],
            ignore_index=True,
        ),
        "belief_read_out": belief_read_out(states, tested.arrays["belief"], config.seeds, read_out_trials(config)),
    }


def regret(config: BanditsConfig, tested: Tested) -> pd.DataFrame:
    """Mean cumulative regret on the first example bandit, of the networks and of known algorithms.

    The algorithms play as many episodes as the networks do, in as many sets. The two exact curves are those
    of the Bayes-optimal agents for either prior.

    Returns:
        Table: group, subject (network or set), trial, regret.
    """
    name, p = next(iter(EXAMPLES.items()))
    task = Bandit(trials=config.trials, arms=2, distribution=p)
    tables = [behaviour(config, tested.trials[tested.trials["condition"] == name])["regret"]]
    for k, (group, kind) in enumerate(agents.AGENTS.items()):
        for subject in config.seeds:
            rng = generator(REFERENCE, subject, k, 0)
            agent = kind() if kind is not agents.Gittins else agents.Gittins(discount=config.gittins_discount)
            played = play_agent(agent, task, rng, config.test_episodes, group).assign(subject=subject)
            tables.append(regret_curves(played))
    return pd.concat([*tables, bayes_optimal_curves(config.trials, p)], ignore_index=True)


def behaviour(config: BanditsConfig, trials: pd.DataFrame) -> Tables:
    """Mean cumulative regret, of whoever behaves."""
    return {"regret": regret_curves(trials)}


def generalisation(config: BanditsConfig, tested: Tested) -> pd.DataFrame:
    """Mean cumulative regret of every training on every test: training, test, subject, regret."""
    mean = tested.arrays["regret"].mean(-1)  # (training, test, network)
    index = pd.MultiIndex.from_product(
        [tested.arrays["trainings"], tested.arrays["tests"], config.seeds], names=["training", "test", "subject"]
    )
    return pd.DataFrame({"regret": mean.reshape(-1)}, index=index).reset_index()


def state_pca(tested: Tested) -> pd.DataFrame:
    """The first correlated-trained network's state: session, trial, pc1, pc2, p_left, choice."""
    arrays = tested.arrays
    components, _ = principal_components(arrays["state"])  # (episode, time, 2)
    session, trial = np.indices(components.shape[:2]) + 1
    table = pd.DataFrame({"session": session.ravel(), "trial": trial.ravel()})
    table[["pc1", "pc2"]] = components.reshape(-1, 2)
    p_left = arrays["state_p"][table["session"] - 1]
    return table.assign(p_left=p_left, choice=arrays["state_choice"].ravel())


def stationary(config: BanditsConfig) -> Tables:
    """Regret of the agent at which learning on independent arms would come to rest once the entropy cost has fallen to
    0: Bayes-optimal for the discounted reward that training aims at."""
    regret = agents.bayes_optimal_regret(config.trials, next(iter(EXAMPLES.values())), config.discount)
    told = {"group": STATIONARY, "subject": 0, "trial": np.arange(config.trials) + 1, "regret": regret}
    return {"regret": pd.DataFrame(told)}


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 1d to f."""
    regret = tables["regret"]
    last = int(regret["trial"].max())
    before = last * 4 // 5  # trial 80 of 100
    wide = regret.pivot(index=["group", "subject"], columns="trial", values="regret")
    curves = {str(group): own.to_numpy() for group, own in wide.groupby("group")}
    at_end = {group: curve[:, -1] for group, curve in curves.items()}
    independent, correlated = (at_end[trained_on(name)] for name in ("independent", "correlated"))
    gittins, ucb, thompson = (at_end[group] for group in agents.AGENTS)
    rows = [
        (trained_on("independent"), independent, "meta_rl_independent", "< Thompson", thompson.mean()),
        (trained_on("correlated"), correlated, "meta_rl_correlated", "< independent", independent),
        ("Gittins", gittins, "gittins", "< Thompson", thompson.mean()),
        ("UCB", ucb, "ucb", "> Gittins", gittins.mean()),
        ("Thompson", thompson, "thompson", "> Gittins", gittins.mean()),
    ]
    quantities: list[Quantity | Curve] = []
    for group, ours, key, order, than in rows:
        name, short = f"regret at trial {last}, {group}", group if group.startswith(NETWORKS) else ""
        paper = published_number(1, condition=key, x=last)
        quantities.append(Quantity.ordered(name, ours, *paper, Single(), order, than, short=short))
    for name in ("independent", "correlated"):
        paper_curve = published(1, condition=f"meta_rl_{name}")["value"].to_numpy()[:last]
        quantities.append(Curve(f"regret over trials, {trained_on(name)}", curves[trained_on(name)], paper_curve))
    paper_before, paper_last = (published_number(1, condition="meta_rl_correlated", x=x) for x in (before, last))
    name = f"regret of trials {before + 1}-{last}, {trained_on('correlated')}"
    gain = correlated - curves[trained_on("correlated")][:, before - 1]
    less, error = paper_last.value - paper_before.value, paper_last.error + paper_before.error
    quantities.append(Quantity.ordered(name, gain, less, error, Single(), "< .1", 0.1))
    half = 0.25 * last / 2  # of what a random player loses on arms that pay .25 and .75
    quantities += [read_out_quantity(tables["belief_read_out"]), *distribution_quantities(tables["generalisation"])]
    learned = Quantity.learned("regret less than half a random player's", independent, f"< {half:g}", half)
    return compare([*quantities, learned])


def distribution_quantities(generalisation: pd.DataFrame) -> list[Quantity | Curve]:
    """Regret on the very distribution of the training, beside the exact optimum: less than Thompson sampling's, and the
    easier the pair of arms the less, as Wang et al. 2016 say (3.1.1, 3.1.2); they give no numbers."""
    regrets = {key: own["regret"].to_numpy() for key, own in generalisation.groupby(["training", "test"], sort=False)}
    quantities: list[Quantity | Curve] = []
    for name in [test for training, test in regrets if training == OPTIMUM]:
        harder = {"easy": "medium", "medium": "hard"}.get(name, "")
        other, whose = ((harder, harder), harder) if (harder, harder) in regrets else ((THOMPSON, name), THOMPSON)
        what = f"regret on {name} bandits (exact optimum {regrets[OPTIMUM, name][0]:.3g})"
        rule, than = f"< {whose}", regrets[other].mean()
        quantities.append(Quantity.ordered(what, regrets[name, name], np.nan, 0.0, Single(), rule, than))
    return quantities


def read_out_quantity(read_out: pd.DataFrame) -> Quantity:
    """How well the state tells the ideal observer's means after the last trial, against untrained networks' states."""
    last = read_out[(read_out["target"] == "mean") & (read_out["trial"] == read_out["trial"].max())]
    ours, untrained = (
        last[last["group"] == group].groupby("subject")["r2"].mean().to_numpy() for group in (NETWORKS, UNTRAINED)
    )
    name = "means of the belief, read out of the state: r2"
    return Quantity.ordered(name, ours, np.nan, 0.0, Single(), "> untrained networks", untrained)


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """Regret with independent arms: of networks that were trained on these, or of whoever else behaves."""
    regret = tables["regret"]
    trained = regret[regret["group"] == trained_on("independent")]
    regret, quantities = regret if trained.empty else trained, []
    for trial in (20, 50, 100):
        ours = regret[regret["trial"] == trial].set_index("subject")["regret"]
        if len(ours):
            paper = published_number(1, condition="meta_rl_independent", x=trial)
            thompson = published_value(1, condition="thompson", x=trial)
            name = f"regret at trial {trial}"
            quantities.append(Quantity.ordered(name, ours, *paper, Single(), "< Thompson", thompson))
    return list(quantities)


SIMULATION = Simulation(
    name="bandits",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 20, "test_episodes": 20, "read_out_episodes": 50},
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
    stationary=stationary,
)
