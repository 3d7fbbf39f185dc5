"""What a reader asks next: networks that lack something, other units, other tests, learning left on, lesions.

    python -m simulations controls [NAME ...] [--preset paper] [--results FOLDER]

Each control is a table. Networks are trained in runs of their own below <results>/controls; finished ones are used as
they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import tyro

from pfc_metarl.analysis.prediction_errors import compare_prediction_errors, network_errors, prediction_error_table
from pfc_metarl.analysis.stay import CONDITIONS, stay_matrix, stay_probabilities
from pfc_metarl.claims import LEARNED, PRIMARY, claims
from pfc_metarl.command_line import Where, parse
from pfc_metarl.comparison import Quantity, compare
from pfc_metarl.config import Seed, Settings
from pfc_metarl.controls import CUT, further_test, losses, two_learners, values_along, within_episode
from pfc_metarl.controls_summary import summary
from pfc_metarl.errors import ConfigError
from pfc_metarl.finished_run import Run
from pfc_metarl.networks.lesioned import silence
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.random_streams import REFERENCE, generators
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.rollout import by_episode
from pfc_metarl.simulation import Options, Simulation, Tables
from pfc_metarl.simulation import run as run_simulation
from simulations import bandits, foraging, harlow, inferred_value, optogenetics, two_step, volatility

NAME = "controls"
USUAL = "as usual"
VARIANTS: dict[str, dict[str, Any]] = {
    USUAL: {},
    "GRU": {"agent": "gru"},
    "tanh RNN": {"agent": "rnn"},
    "no reward": {"agent": "no-reward"},
    "no action": {"agent": "no-action"},
    "no memory": {"agent": "no-memory"},
    "8 units": {"units": 8},
    "16 units": {"units": 16},
    "128 units": {"units": 128},
}
"""What differs from the preset (whose networks have LSTMs of 48 units), by its name in the table."""
SIMULATIONS: dict[str, tuple[Simulation[Any], dict[str, Any]]] = {
    "bandits": (bandits.SIMULATION, {"distributions": ("independent", "correlated")}),
    "foraging": (foraging.SIMULATION, {}),
    "volatility": (volatility.SIMULATION, {"control_training": False}),
    "inferred_value": (inferred_value.SIMULATION, {}),
    "two_step": (two_step.SIMULATION, {}),
    "harlow": (harlow.SIMULATION, {}),
    "optogenetics": (optogenetics.SIMULATION, {}),
}
"""Simulations, and what of them is left out here."""
COMPARED = ["quantity", "published", "ours", "ci_low", "ci_high", "n", "networks_in_direction"]
"""Columns of comparison.csv."""
VARYING = "varying transitions"
SILENT = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of units that are silenced."""
FITS = ["r2_model_based", "slope_model_based", "weight_model_based", "weight_model_free"]
"""What is told of prediction errors; see `compare_prediction_errors`."""


@dataclass(frozen=True)
class Choice(Settings):
    """Which, and on what networks."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Names of controls; none: all."""
    first_seed: Seed = 101
    """Seed of the first network of each run."""
    preset: str = "fast"
    """Preset of all runs."""


class Bench(NamedTuple):
    """Where the networks that controls ask for are trained."""

    choice: Choice
    quick: bool
    folder: Path

    def run(self, name: str, variant: str = USUAL, **changes: Any) -> Run:
        """The finished run of a simulation, with some fields changed."""
        simulation, always = SIMULATIONS[name]
        config = replace(simulation.config(self.choice.preset, self.quick), first_seed=self.choice.first_seed, **always)
        options = Options(results=self.folder / variant.replace(" ", "_"))
        options = replace(options, processes=1) if self.quick else options  # starting them would take longer
        return Run(simulation, run_simulation(simulation, replace(config, **changes), options))


def variants(bench: Bench) -> pd.DataFrame:
    """Do the paper's claims hold of networks that lack an input or memory, or are made of other or of more units?

    The theory predicts: other recurrent units do as LSTMs do; without memory, or without hearing of rewards, nothing is
    learned within an episode; without hearing of actions only where nothing else tells the choice.

    Returns:
        Table: simulation, variant, and of each primary claim and criterion of learning these columns of
        comparison.csv: quantity, published, ours, ci_low, ci_high, n, networks_in_direction.
    """
    known, tables = claims(), []
    known = known[known["role"].isin([PRIMARY, LEARNED])]
    for name, (simulation, _) in SIMULATIONS.items():
        told = known[known["simulation"] == name]["quantity"]
        for variant, changes in VARIANTS.items() if not simulation.needs_prediction_errors else ():
            run = bench.run(name, variant, **changes)
            named = told.str.replace("trial 100", f"trial {run.config.trials}") if name == "bandits" else told
            own = run.comparison[run.comparison["quantity"].isin(named)]
            tables.append(own[COMPARED].assign(simulation=name, variant=variant))
    return pd.concat(tables, ignore_index=True)[["simulation", "variant", *COMPARED]]


def lost_after_training(bench: Bench) -> pd.DataFrame:
    """Trained networks lose an input, or memory; Harlow's networks also play the task they were not trained on.

    The theory predicts: without rewards or memory they are at chance. But Harlow's control, in which the rewarded
    object is the one that comes again, can be solved without hearing of rewards (review of the first build: 96 %).

    Returns:
        Table: see `losses`; value is the mean reward, of Harlow's task the share of correct choices.
    """
    tables = []
    for name, column in (("bandits", "reward"), ("two_step", "reward"), ("harlow", "correct")):
        run = bench.run(name)
        for trained, task in run.tasks.items():
            tests = run.tasks if name == "harlow" else {trained: task}
            tables.append(losses(run, tests, trained, column))
    return pd.concat(tables, ignore_index=True)


def learning_left_on(bench: Bench) -> pd.DataFrame:
    """Reward within an episode: see `within_episode`.

    The theory predicts: what is learned within an episode is the same whether weights go on learning or are frozen.
    """
    return pd.concat([within_episode(bench.run(name)) for name in ("bandits", "two_step")], ignore_index=True)


def learning_rates(bench: Bench) -> pd.DataFrame:
    """The two learners' speeds: see `two_learners`. The theory predicts that activity is far the faster one."""
    return pd.concat([two_learners(bench.run(name)) for name in ("bandits", "two_step")], ignore_index=True)


def transitions(bench: Bench) -> pd.DataFrame:
    """Two-step networks on the usual and on reversed transitions, trained on the usual or on either, by episode.

    A model of the task that is learned within the episode would serve with either. The usual networks need none: for
    them it is a part of the task that never changed (review of the first build: .301 rewards per trial, chance .5).

    Returns:
        Table: networks, tested, subject, quantity (reward per trial, in all, the first and the last fifth; stay:
        interaction, of choice with the state that was rewarded), value.
    """
    tables = []
    runs = {USUAL: bench.run("two_step"), VARYING: bench.run("two_step", VARYING, reversed_transitions=0.5)}
    for name, run in runs.items():
        for tested, share in (("usual", 0.0), ("reversed", 1.0)):
            task = two_step.make_task(replace(run.config, reversed_transitions=share))
            trials = further_test(run.networks, task, run.config.test_episodes).table()
            own = quantities_of_transitions(trials)
            tables.append(own.assign(networks=name, tested=tested))
    return pd.concat(tables, ignore_index=True)


def quantities_of_transitions(trials: pd.DataFrame) -> pd.DataFrame:
    """What `transitions` tells of a trial table: subject, quantity, value."""
    part, last = int(trials["trial"].max()) // 5, trials["trial"].max()
    stay = stay_matrix(stay_probabilities(trials)).droplevel("group")
    told = {
        "reward per trial": trials.groupby("subject")["reward"].mean(),
        "reward per trial, first fifth": trials[trials["trial"] <= part].groupby("subject")["reward"].mean(),
        "reward per trial, last fifth": trials[trials["trial"] > last - part].groupby("subject")["reward"].mean(),
        "stay: interaction": stay @ pd.Series([1.0, -1.0, -1.0, 1.0], CONDITIONS),
    }
    wide = pd.DataFrame(told).rename_axis(columns="quantity")
    return wide.stack(future_stack=True).rename("value").reset_index()


def errors_withheld(bench: Bench) -> pd.DataFrame:
    """Two-step networks from whose training prediction errors are withheld.

    The theory predicts: without them (or one sign of them) the prefrontal algorithm is not acquired. (Trained networks
    do without: their weights are frozen.)

    Returns:
        Table: withheld, subject, quantity, value; see `transitions`.
    """
    tables = []
    for withheld in ("none", "positive", "negative", "all"):
        changes = {} if withheld == "none" else {"errors_withheld": withheld}
        run = bench.run("two_step", USUAL if not changes else f"{withheld} errors withheld", **changes)
        tables.append(quantities_of_transitions(run.trials).assign(withheld=withheld))
    return pd.concat(tables, ignore_index=True)


def lesions_of_units(bench: Bench) -> pd.DataFrame:
    """Prediction errors of trained two-step networks some of whose units are silent, or whose memory is cut.

    The theory predicts: dopamine's model-based prediction errors come from the prefrontal network, and go with it.
    Values are those that a lesioned network gives along the trials of the intact one; rewards are of its own trials.

    Returns:
        Table: lesion (share of units that are silent, or "memory cut"), subject, quantity (columns of
        `compare_prediction_errors`, and reward: per trial), value.
    """
    run, tables = bench.run("two_step"), []
    networks, episodes = run.networks, run.config.analysed_episodes
    assert isinstance(networks, PrefrontalNetwork)
    intact = further_test(networks, run.task, episodes)
    trials, rewards = intact.table(), by_episode(intact.rewards)
    ranks = np.stack([rng.permutation(run.config.units) for rng in generators(REFERENCE, run.config.seeds, 0, 0)])
    lesions = {f"{share:.0%} of units": silence(networks, ranks < share * run.config.units) for share in SILENT}
    for name, lesioned in [*lesions.items(), (CUT, networks)]:
        values = values_along(lesioned, intact, name == CUT)
        delta = network_errors(rewards, values, run.config.discount)
        errors = prediction_error_table(trials, delta, two_step.planner(run.config))
        told = compare_prediction_errors(errors).set_index("subject")[FITS]
        own = further_test(lesioned, run.task, episodes, name == CUT).table()
        told = told.assign(reward=own.groupby("subject")["reward"].mean()).rename_axis(columns="quantity")
        tables.append(told.stack(future_stack=True).rename("value").reset_index().assign(lesion=name))
    return pd.concat(tables, ignore_index=True)


def at_rest(bench: Bench) -> pd.DataFrame:
    """Networks beside the policy at which learning would come to rest for an observer who knows the task: the fixed
    point of the published objective (`pfc_metarl.agents.stationary`).

    What both have in common is no finding about networks; where they part, capacity or training are short.

    Returns:
        Table: simulation, quantity, published, ours, ci_low, ci_high, n (see `compare`), stationary.
    """
    tables = []
    for name, (simulation, _) in SIMULATIONS.items():
        if simulation.stationary:
            run = bench.run(name)
            ours, rest = (numbers(simulation, own) for own in (run.tables, simulation.stationary(run.config)))
            at_rest = {quantity.name: np.mean(quantity.ours) for quantity in rest}
            told = compare(ours)[["quantity", "published", "ours", "ci_low", "ci_high", "n"]]
            tables.append(told.assign(simulation=name, stationary=told["quantity"].map(at_rest)))
    return pd.concat(tables, ignore_index=True)


def numbers(simulation: Simulation[Any], tables: Tables) -> list[Quantity]:
    """What is compared of behaviour, without curves."""
    return [q for q in simulation.behaviour_quantities(tables) if isinstance(q, Quantity)]


CONTROLS: dict[str, Callable[[Bench], pd.DataFrame]] = {
    "variants": variants,
    "lost-after-training": lost_after_training,
    "learning-left-on": learning_left_on,
    "learning-rates": learning_rates,
    "transitions": transitions,
    "errors-withheld": errors_withheld,
    "lesions-of-units": lesions_of_units,
    "at-rest": at_rest,
}
"""By name; each makes a table, NAME.csv with _ for -."""


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    choice, where = parse(NAME, str(__doc__), Choice(), Where(), arguments)
    unknown = [name for name in choice.names if name not in CONTROLS]
    if unknown:
        raise ConfigError(f"no control {unknown[0]}; there are: {', '.join(CONTROLS)}")
    return partial(run, choice, where)


def run(choice: Choice, where: Where) -> RunFolder:
    """Make the tables that are asked for; those of other controls on the same networks stay."""
    folder, names = run_folder(Options(results=where.results).results, NAME, where.quick), choice.names or CONTROLS
    with folder.locked():
        bench = Bench(choice, where.quick, folder.path / f"{choice.preset}_{choice.first_seed}")
        tables = {f"{name.replace('-', '_')}.csv": CONTROLS[name](bench) for name in names}
        if folder.finished and folder.read_config() | {"names": ()} == asdict(replace(choice, names=())):
            tables = {name: folder.read_table(name) for name in folder.files("analyse")} | tables
        told = summary({name.removesuffix(".csv"): table for name, table in tables.items()})
        stages = {"analyse": tables, "compare": {"summary.csv": told}}
        folder.write_whole(NAME, replace(choice, names=()), stages)
    print(told.to_string(index=False, float_format="{:.3g}".format))
    print(f"results in {folder.path}")
    return folder
