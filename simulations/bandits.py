"""The introductory example: learning to solve two-armed bandits (Fig. 1; Wang et al. 2016)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pfc_metarl.agents import bandits as agents
from pfc_metarl.analysis.read_out import read_out_r2
from pfc_metarl.analysis.state_space import principal_components
from pfc_metarl.analysis.trials import trial_table
from pfc_metarl.config import Config
from pfc_metarl.network import Agent, make_agent
from pfc_metarl.published import Quantity, compare, published_value
from pfc_metarl.rollout import TEST, generators, play
from pfc_metarl.simulation import Simulation, Tables, Tested, main
from pfc_metarl.tasks import Task
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, Bandit

EXAMPLES = {"(.25, .75)": (0.25, 0.75), "(.6, .4)": (0.6, 0.4)}
"""The bandits of Fig. 1c; regret (Fig. 1d) is measured on the first."""
READ_OUT_TRIALS = (1, 2, 5, 10, 20, 40, 60, 80, 100)
"""After how many trials the belief is read out of the state."""


@dataclass(frozen=True)
class BanditsConfig(Config):
    """Wang et al. 2016 ("A"), on which Fig. 1 rests; its learning rate, discount and entropy cost are its own."""

    trials: int = 100
    """Trials per episode (A)."""
    arms: int = 2
    """Number of arms (A: 2); with more, only the independent distribution exists."""
    distributions: tuple[Literal["independent", "correlated", "easy", "medium", "hard"], ...] = DISTRIBUTIONS
    """Distributions to train on, a set of networks for each (A: these five)."""
    episodes: int = 20_000
    """Training episodes per network (A)."""
    learning_rate: float = 1e-3
    """Learning rate at the start (A: 1e-3)."""
    discount: float = 0.8
    """Discount factor gamma (A: 0.8)."""
    entropy_cost: float = 1.0
    """Weight of the policy's entropy at the start (A: 1)."""
    entropy_cost_end: float | None = 0.0
    """Entropy cost at the end, reached linearly (A: 0)."""
    test_episodes: int = 300
    """Test episodes per network and bandit, weights frozen (A, P)."""
    read_out_episodes: int = 1_000
    """Episodes per network from which the belief is read out (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("trials", 10 <= self.trials <= 100, "10 to 100")
        self.require("arms", self.arms >= 2, "at least 2")
        known = {"independent", "correlated"} if self.arms == 2 else {"independent"}
        self.require(
            "distributions", known <= set(self.distributions), f"with {' and '.join(sorted(known))} among them"
        )
        for name in ("test_episodes", "read_out_episodes"):
            self.require(name, getattr(self, name) >= 10, "at least 10")


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


def distributions(config: BanditsConfig) -> tuple[str, ...]:
    """Of the config's distributions, those that exist for its number of arms."""
    return tuple(d for d in config.distributions if config.arms == 2 or d == "independent")


def tasks(config: BanditsConfig) -> dict[str, Task]:
    """A training task for each distribution."""
    return {name: Bandit(config.trials, config.arms, name) for name in distributions(config)}


def test(config: BanditsConfig, networks: dict[str, Agent]) -> Tested:
    """Every set of networks plays every distribution, and the two example bandits, with frozen weights.

    Returns:
        The trial table (columns as in `Bandit`, and training, test) of the sets trained on independent and
        correlated bandits, on the examples and (their own) training distribution; arrays: final_regret
        (training, test, network, episode), hidden (network, episode, time, unit) of the correlated set on its
        own distribution (first network alone) and what the read-outs need of the independent set.
    """
    trials, regret = [], {}
    arrays: dict[str, np.ndarray] = {}
    examples = EXAMPLES if config.arms == 2 else {}
    tests: dict[str, Task] = {name: Bandit(config.trials, config.arms, p) for name, p in examples.items()}
    tests |= tasks(config)
    for training, network in networks.items():
        for index, (name, task) in enumerate(tests.items()):
            trajectory = play(network, task, generators(config.seeds, TEST, index), config.test_episodes)
            record = task.record()
            regret[training, name] = record["regret"].sum(0)
            if name in EXAMPLES or name == training:
                table = trial_table(record, config.seeds).assign(training=training, test=name)
                trials.append(table)
            if name == training == "correlated":
                arrays["state"] = trajectory.hidden[:, 0].transpose(0, 1).numpy()  # (episode, time, unit)
                arrays["state_p"] = record["p_0"][0, 0]
                arrays["state_choice"] = record["choice"][:, 0].T
    arrays["regret"] = np.stack([[regret[a, b] for b in tests] for a in networks])
    arrays["tests"], arrays["trainings"] = np.array(list(tests)), np.array(list(networks))
    arrays |= read_out_arrays(config, networks["independent"])
    kept = pd.concat(trials, ignore_index=True).astype({"training": "category", "test": "category"})
    return Tested(kept[kept["training"].isin(["independent", "correlated"])], arrays)


def read_out_arrays(config: BanditsConfig, network: Agent) -> dict[str, np.ndarray]:
    """States, and the ideal observer's beliefs, on independent bandits.

    The control is the network before training, which sees the very same episodes: the same observations,
    rewards and actions.

    Returns:
        belief (network, episode, trial, target), and belief_state and untrained_state (network, episode,
        trial, unit), after READ_OUT_TRIALS.
    """
    # one step more, for the state after the last outcome
    task = Bandit(config.trials + 1, config.arms, "independent", time_scale=config.trials)
    trajectory = play(network, task, generators(config.seeds, TEST, 100), config.read_out_episodes)
    untrained = make_agent(config, task, config.seeds).requires_grad_(False)
    record = task.record()
    mean, sd = agents.posterior(record["choice"], record["reward"], config.arms)
    after = np.array([t for t in READ_OUT_TRIALS if t <= config.trials])
    state = untrained.states(trajectory.inputs, untrained.start(config.read_out_episodes))
    return {
        "belief": np.concatenate([mean, sd], axis=-1)[after - 1].transpose(1, 2, 0, 3),
        "belief_state": trajectory.hidden[after].permute(1, 2, 0, 3).numpy(),
        "untrained_state": state[after].permute(1, 2, 0, 3).numpy(),
    }


def analyse(config: BanditsConfig, tested: Tested) -> Tables:
    """All tables of Figure 1 and its supplement."""
    tables = {
        "generalisation": generalisation(config, tested),
        "belief_read_out": belief_read_out(config, tested),
    }
    if config.arms == 2:
        tables |= {"regret": regret_curves(config, tested), "state_pca": state_pca(tested)}
    return tables


def regret_curves(config: BanditsConfig, tested: Tested) -> pd.DataFrame:
    """Mean cumulative regret on the first example bandit.

    The algorithms play as many episodes as the networks do, in as many sets. The two exact curves are those
    of the Bayes-optimal agents for either prior.

    Returns:
        Table: agent, subject (network or set), trial, regret.
    """
    name, p = next(iter(EXAMPLES.items()))
    own = tested.trials[tested.trials["test"] == name]
    mean = own.groupby(["training", "subject", "trial"], observed=True)["regret"].mean()
    networks = mean.groupby(["training", "subject"], observed=True).cumsum().reset_index()
    parts = [networks.assign(agent="meta-RL " + networks["training"].astype(str)).drop(columns="training")]
    curves: dict[tuple[str, int], np.ndarray] = {}
    for k, (rule_name, rule) in enumerate(agents.RULES.items()):
        for subject in config.seeds:
            rng = np.random.default_rng([subject, TEST, 200 + k])
            choices, _ = agents.play(rule, np.tile(p, (config.test_episodes, 1)), config.trials, rng)
            curves[rule_name, subject] = (max(p) - np.array(p)[choices]).mean(axis=1).cumsum()
    curves["Bayes-optimal independent", 0] = agents.bayes_optimal_regret(config.trials, p)
    curves["Bayes-optimal correlated", 0] = agents.bayes_optimal_regret_correlated(config.trials, p[0])
    for (agent, subject), regret in curves.items():
        trial = np.arange(1, config.trials + 1)
        parts.append(pd.DataFrame({"agent": agent, "subject": subject, "trial": trial, "regret": regret}))
    return pd.concat(parts, ignore_index=True)[["agent", "subject", "trial", "regret"]]


def generalisation(config: BanditsConfig, tested: Tested) -> pd.DataFrame:
    """Mean cumulative regret of every training on every test: training, test, subject, regret."""
    mean = tested.arrays["regret"].mean(-1)  # (training, test, network)
    index = pd.MultiIndex.from_product(
        [tested.arrays["trainings"], tested.arrays["tests"], config.seeds], names=["training", "test", "subject"]
    )
    return pd.DataFrame({"regret": mean.reshape(-1)}, index=index).reset_index()


def belief_read_out(config: BanditsConfig, tested: Tested) -> pd.DataFrame:
    """Held-out r2 of the ideal observer's posterior in the state: network, subject, trial, target, arm, r2."""
    after = [t for t in READ_OUT_TRIALS if t <= config.trials]
    targets = [(target, arm) for target in ("mean", "s.d.") for arm in range(config.arms)]
    rows = []
    for kind in ("belief_state", "untrained_state"):
        for k, subject in enumerate(config.seeds):
            for i, trial in enumerate(after):
                r2 = read_out_r2(tested.arrays[kind][k, :, i], tested.arrays["belief"][k, :, i])
                name = "trained" if kind == "belief_state" else "untrained"
                rows += [(name, subject, trial, *target, value) for target, value in zip(targets, r2)]
    return pd.DataFrame(rows, columns=["network", "subject", "trial", "target", "arm", "r2"])


def state_pca(tested: Tested) -> pd.DataFrame:
    """The first correlated-trained network's state: session, trial, pc1, pc2, p_left, choice."""
    arrays = tested.arrays
    components, _ = principal_components(arrays["state"])  # (episode, time, 2)
    episodes, trials, _ = components.shape
    return pd.DataFrame(
        {
            "session": np.repeat(np.arange(1, episodes + 1), trials),
            "trial": np.tile(np.arange(1, trials + 1), episodes),
            "pc1": components[..., 0].ravel(),
            "pc2": components[..., 1].ravel(),
            "p_left": np.repeat(arrays["state_p"], trials),
            "choice": arrays["state_choice"].ravel(),
        }
    )


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 1d; distance: .5 regret."""
    if "regret" not in tables:
        return compare([])
    regret = tables["regret"]
    last = regret["trial"].max()
    before = last * 4 // 5  # trial 80 of 100
    wide = regret[regret["trial"].isin([before, last])].pivot(
        index=["agent", "subject"], columns="trial", values="regret"
    )
    at_end = {agent: own[last].to_numpy() for agent, own in wide.groupby("agent")}
    thompson, gittins = at_end["Thompson"].mean(), at_end["Gittins"].mean()
    independent, correlated = at_end["meta-RL independent"], at_end["meta-RL correlated"]
    gain = (wide[last] - wide[before])["meta-RL correlated"].to_numpy()
    rows = [
        ("meta-RL independent", independent, "meta_rl_independent", "< Thompson", thompson - independent),
        ("meta-RL correlated", correlated, "meta_rl_correlated", "< meta-RL independent", independent - correlated),
        ("Gittins", at_end["Gittins"], "gittins", "< Thompson", thompson - at_end["Gittins"]),
        ("UCB", at_end["UCB"], "ucb", "> Gittins", at_end["UCB"] - gittins),
        ("Thompson", at_end["Thompson"], "thompson", "> Gittins", at_end["Thompson"] - gittins),
    ]
    quantities = [
        Quantity(f"regret at trial {last}, {name}", ours, published_value(1, condition=key, x=last), 0.5, rule, gap)
        for name, ours, key, rule, gap in rows
    ]
    published_at = {x: published_value(1, condition="meta_rl_correlated", x=x) for x in (before, last)}
    quantities.append(
        Quantity(
            f"regret of trials {before + 1}-{last}, meta-RL correlated",
            gain,
            published_at[last] - published_at[before],
            0.1,
            "< .1",
            0.1 - gain,
        )
    )
    return compare(quantities)


SIMULATION = Simulation(
    name="bandits",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "trials": 20, "test_episodes": 20, "read_out_episodes": 50},
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
)


if __name__ == "__main__":
    main(SIMULATION)
