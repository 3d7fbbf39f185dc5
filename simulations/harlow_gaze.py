"""Simulation 5 from pixels: train a network that sees on the gaze task, and test it on held-out pictures (Fig. 6).

Training may be interrupted at any time; the same command goes on.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from pfc_metarl.analysis.learning_set import stretches_of_learning
from pfc_metarl.errors import ConfigError, RunError, one_line_errors
from pfc_metarl.film import save_gif
from pfc_metarl.gaze_learner import Player, Unroll, UnrollConfig, UnrollLearner
from pfc_metarl.images import Pictures, bundled_pictures, load_images
from pfc_metarl.published import Quantity, compare, print_comparison, published_value
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import TEST
from pfc_metarl.simulation import parse
from pfc_metarl.tasks.harlow_gaze import GazeParameters, HarlowGaze
from pfc_metarl.training import load_checkpoint, save_checkpoint
from pfc_metarl.vision import Eye, SeeingNetwork


@dataclass(frozen=True)
class HarlowGazeConfig(UnrollConfig):
    """Methods, "Simulation 5"."""

    preset: str = "paper"
    """Name of the preset that the other values started from."""
    seed: int = 1
    """Seed of the network, its pictures' order and its actions."""
    slots: int = 32
    """Episodes side by side (P: 32 threads, asynchronous; here together)."""
    units: int = 256
    """LSTM units (P: 256)."""
    features: int = 256
    """Units of the eye's last layer (256, Mirowski et al. 2016; P: "a conventional image-processing network")."""
    filters: tuple[tuple[int, int, int], ...] = ((16, 8, 4), (32, 4, 2))
    """Number, size and stride of each convolution's filters (Mirowski et al. 2016)."""
    task: GazeParameters = field(default_factory=GazeParameters)
    """Geometry and timing."""
    images: str = ""
    """Folder of pictures (jpg, png), 2,000 or more; "": crops of bundled photographs (our choice; P: ImageNet)."""
    test_actions: int = 2_000
    """Actions per slot in the test on held-out pictures, weights frozen (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("slots", "units", "features", "test_actions"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")

    @property
    def seeds(self) -> list[int]:
        """For the provenance."""
        return [self.seed]


PRESETS = {
    # departures from the paper, for minutes on one core in place of days on 32: a view of half the resolution, a
    # smaller eye and LSTM, shorter unrolls, another learning rate and entropy cost, both falling
    "fast": HarlowGazeConfig(
        preset="fast",
        updates=3_000,
        unroll=50,
        units=96,
        features=64,
        filters=((16, 6, 3), (16, 4, 2)),
        task=GazeParameters(view=42),
        learning_rate=1e-3,
        learning_rate_end=0.0,
        entropy_cost=0.01,
        entropy_cost_end=0.0,
    ),
    "paper": HarlowGazeConfig(),
}


@dataclass(frozen=True)
class Options:
    """How to run, as against what."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where the arithmetic is done: cpu or cuda."""
    minutes: float | None = None
    """Stop after so long; the same command goes on. None: train to the end."""
    overwrite: bool = False
    """Begin anew."""
    results: Path = Path("results")
    """Folder for the results of all simulations."""


def make_network(config: HarlowGazeConfig, device: str) -> SeeingNetwork:
    """The network with its seed's initial weights."""
    eye = Eye(config.seed, config.task.view, config.filters, config.features)
    return SeeingNetwork(config.seed, eye, config.features, HarlowGaze.actions, config.units).to(device)


def make_task(config: HarlowGazeConfig, pictures: torch.Tensor, stream: int) -> HarlowGaze:
    """Running episodes with these pictures; the stream tells training and test apart."""
    return HarlowGaze(config.task, pictures, [[config.seed, stream, slot] for slot in range(config.slots)])


def load_pictures(config: HarlowGazeConfig) -> Pictures:
    """Training and held-out pictures, the same for all seeds."""
    size = config.task.picture_pixels
    return load_images(Path(config.images), size) if config.images else bundled_pictures(size)


def accuracy(unrolls: list[Unroll], trials: int) -> tuple[np.ndarray, np.ndarray]:
    """By trial: share of correct choices, and number of choices."""
    trial, choice, correct = (
        torch.cat([getattr(unroll, name).flatten() for unroll in unrolls]).numpy()
        for name in ("trials", "choices", "correct")
    )
    n = np.bincount(trial[choice >= 0], minlength=trials)
    right = np.bincount(trial[correct], minlength=trials)
    return right / np.maximum(n, 1), n


PIECE = 50  # updates between two points of the learning curve, and between checkpoints


def train(
    config: HarlowGazeConfig, options: Options, folder: RunFolder, pictures: torch.Tensor
) -> SeeingNetwork | None:
    """Train, or go on; None when the time is up before the end."""
    network = make_network(config, options.device)
    learner = UnrollLearner(config, network, make_task(config, pictures, 1), config.seed)
    path, curve = folder.path / "checkpoint.pt", []
    if path.exists():
        state = load_checkpoint(path)
        try:
            learner.load_state_dict(state)
            curve = state["curve"]
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError):
            raise RunError(f"checkpoint {path} is not of this run; --overwrite begins anew") from None
    started = time.time()
    with tqdm(total=config.updates, initial=learner.update, unit="update", disable=None) as bar:
        while learner.update < config.updates:
            if options.minutes is not None and time.time() - started > 60 * options.minutes:
                return None
            unrolls = [learner.learn() for _ in range(min(PIECE, config.updates - learner.update))]
            share, n = accuracy(unrolls, config.task.trials)
            reward = float(torch.stack([unroll.rewards.mean() for unroll in unrolls]).mean())
            ends = int(sum(unroll.ends.sum() for unroll in unrolls))
            actions = learner.update * config.unroll * config.slots
            curve.append([learner.update, actions, ends, reward, *share.tolist(), *n.tolist()])
            save_checkpoint({**learner.state_dict(), "curve": curve}, path)
            folder.write_table("learning_curve.csv", curve_table(curve, config.task.trials))
            bar.update(len(unrolls))
            bar.set_postfix_str(f"reward/action {reward:.4f}, correct by trial {np.round(share, 2).tolist()}")
    return network


def curve_table(curve: list, trials: int) -> pd.DataFrame:
    """One row per stretch and trial: update, actions, episodes ended, reward per action, trial, correct, choices."""
    rows = [(*row[:4], trial + 1, row[4 + trial], row[4 + trials + trial]) for row in curve for trial in range(trials)]
    columns = ["update", "actions", "episodes", "reward_per_action", "trial", "correct", "choices"]
    return pd.DataFrame(rows, columns=columns)


def test(config: HarlowGazeConfig, network: SeeingNetwork, pictures: Pictures) -> pd.DataFrame:
    """Frozen weights, on training and on held-out pictures, and on these without memory from trial to trial.

    Returns:
        Table: subject, condition (intact, state reset), pictures, trial, accuracy (%), choices.
    """
    rows = []
    tests = [("intact", name, own) for name, own in zip(Pictures._fields, pictures)]
    tests.append(("state reset", "held_out", pictures.held_out))
    for index, (condition, name, own) in enumerate(tests):
        player = Player(network, make_task(config, own, 2 + index), forgetful=condition == "state reset")
        rng = np.random.default_rng([config.seed, TEST, index])
        stretches = [player.act(min(100, config.test_actions), rng)[-1] for _ in range(-(-config.test_actions // 100))]
        share, n = accuracy(stretches, config.task.trials)
        for trial in range(config.task.trials):
            rows.append((config.seed, condition, name, trial + 1, 100 * share[trial], int(n[trial])))
    return pd.DataFrame(rows, columns=["subject", "condition", "pictures", "trial", "accuracy", "choices"])


def one_episode(config: HarlowGazeConfig, network: SeeingNetwork, pictures: torch.Tensor) -> dict[str, np.ndarray]:
    """An episode on held-out pictures as the network sees it: views (time, 3, view, view), rewards (time,)."""
    player = Player(network, make_task(config, pictures, 20))
    views, _, _, _, played = player.act(min(150, config.test_actions), np.random.default_rng([config.seed, TEST, 20]))
    ends = played.ends[:, 0].nonzero()
    last = int(ends[0]) + 1 if len(ends) else len(played.ends)
    return {"views": views[:last, 0].numpy(), "rewards": played.rewards[:last, 0].numpy()}


def learning_of(folders: list[RunFolder]) -> pd.DataFrame:
    """Learning curves of all networks in the columns of the symbolic twin's: seed, episode, trial, correct."""
    tables = []
    for folder in folders:
        curve = folder.read_table("learning_curve.csv")
        ended = curve.groupby("update")["episodes"].first().cumsum()
        seed = folder.read_table("accuracy.csv")["subject"].iloc[0]
        tables.append(curve.assign(seed=seed, episode=curve["update"].map(ended)))
    table = pd.concat(tables, ignore_index=True)[["seed", "episode", "trial", "correct"]]
    return table.drop_duplicates(["seed", "episode", "trial"], keep="last")  # stretches in which no episode ended


def networks_table(accuracy_: pd.DataFrame, change_points: pd.DataFrame) -> pd.DataFrame:
    """Every network that was trained: subject, solved, above_chance and at_ceiling (episodes).

    Solved: at least 90 % on held-out pictures on each of the trials after the first.
    """
    own = accuracy_[(accuracy_["condition"] == "intact") & (accuracy_["pictures"] == "held_out")]
    worst = own[own["trial"] > 1].groupby("subject")["accuracy"].min()
    return change_points.assign(solved=(change_points["subject"].map(worst) >= 90))


def compare_with_paper(accuracy_: pd.DataFrame) -> pd.DataFrame:
    """Comparison of Figure 6c's final line, in percent, for all networks trained; distance: 5."""
    own = accuracy_[(accuracy_["condition"] == "intact") & (accuracy_["pictures"] == "held_out")]
    wide = own.pivot(index="subject", columns="trial", values="accuracy")
    quantities = []
    for trial in range(1, min(6, wide.columns.max()) + 1):  # the paper's episodes have six trials
        ours = wide[trial].to_numpy()
        gap = 5 - abs(ours - 50) if trial == 1 else ours - 90
        paper = published_value(6, series="meta-RL", condition="final", x=trial)
        monkeys = published_value(6, panel="b", condition="257-312", x=trial)
        rule = "50 within 5" if trial == 1 else "> 90"
        name = f"held-out pictures, trial {trial}: % correct"
        quantities.append(Quantity(name, ours, paper, 5, rule, gap, animal=monkeys))
    return compare(quantities)


def run(config: HarlowGazeConfig, options: Options) -> None:
    """Train, test, write; a finished run is only shown."""
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: PyTorch finds no GPU; use --device cpu")
    started, every = time.time(), RunFolder(options.results / "harlow_gaze")
    folder = RunFolder(every.path / f"seed_{config.seed}", f"python -m simulations harlow_gaze --seed {config.seed}")
    resumed = (folder.path / "config.json").exists() and not options.overwrite
    pictures = load_pictures(config) if not folder.finished or options.overwrite else None  # errors before any file
    folder.open(config, 1, options.overwrite)  # type: ignore[arg-type]
    if pictures is not None:
        torch.set_num_threads(1)
        network = train(config, options, folder, pictures.training)
        if network is None:
            print("time is up; the same command goes on from the last checkpoint")
            return
        folder.write_table("accuracy.csv", test(config, network, pictures))
        episode = one_episode(config, network, pictures.held_out)
        folder.write_arrays("episode.npz", episode)
        save_gif(torch.from_numpy(episode["views"]), folder.path / "episode.gif")
        save_checkpoint({"network": network.state_dict()}, folder.path / "network.pt")  # weights alone, to play
        folder.finish(config, started, resumed)  # type: ignore[arg-type]
    summarise(every)


def summarise(every: RunFolder) -> None:
    """Tables over all networks trained so far: accuracy, stretches (of learning), networks, comparison."""
    finished = [own for own in map(RunFolder, sorted(every.path.glob("seed_*"))) if own.finished]
    configs = [{k: v for k, v in own.read_config().items() if k != "seed"} for own in finished]
    if any(other != configs[0] for other in configs):
        raise RunError(
            f"{every.path} holds networks of different configs; keep each config in a --results folder of its own"
        )
    accuracy_ = pd.concat([own.read_table("accuracy.csv") for own in finished], ignore_index=True)
    points, stretches = stretches_of_learning(learning_of(finished))
    networks, comparison = networks_table(accuracy_, points), compare_with_paper(accuracy_)
    tables = {"accuracy": accuracy_, "stretches": stretches, "networks": networks, "comparison": comparison}
    for name, table in tables.items():
        every.write_table(f"{name}.csv", table)
    print(accuracy_.pivot(index=["subject", "condition", "pictures"], columns="trial", values="accuracy").round(1))
    print(networks.to_string(index=False))
    print_comparison(comparison)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; --preset fast (the default) or paper, then any of its values."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with one_line_errors():
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        first.add_argument("--preset", default="fast")
        chosen = first.parse_known_args(arguments)[0].preset
        if chosen not in PRESETS:
            raise ConfigError(f"unknown preset {chosen}; choose one of: {', '.join(PRESETS)}")
        run(*parse("harlow_gaze", str(__doc__), PRESETS[chosen], Options(), arguments))


if __name__ == "__main__":
    main()
