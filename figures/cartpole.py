"""CartPole of which neither pole nor actions are known: reward in each episode, with and without memory."""

from pathlib import Path

from figures.metaworld import by_episode, training
from pfc_metarl.plotting import INTERVALS, panel_letter, paper_figure, room_above, save
from pfc_metarl.results import run_folder

NOTE = (
    "Instances: CartPoles. An episode's reward is its number of steps. a: first and last episode (dotted and full). b "
    f"to d: weights frozen; a dot for each network. {INTERVALS}"
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/cartpole."""
    run = run_folder(results, "cartpole", quick)
    scores = run.read_table("scores.csv")
    with paper_figure(height_mm=120) as figure:
        axes = figure.subplots(2, 2, sharey=True).ravel()
        training(axes[0], run.read_table("along.csv"), "reward")
        by = ["condition", "subject", "episode"]
        by_episode(axes[1], scores.groupby(by, sort=False)["reward"].mean().reset_index(), "reward")
        for ax, which, title in zip(axes[2:], (False, True), ("Actions as usual", "Actions exchanged")):
            by_episode(ax, scores[scores["reversed"] == which], "reward")
            ax.set(title=title)
        axes[1].set(title="All")
        for ax in axes[::2]:
            ax.set(ylabel="Reward in an episode", ylim=(0, None))
        room_above(axes[1], 0.3)
        axes[1].legend(loc="upper left", labelspacing=0.2)
        for ax, letter in zip(axes, "abcd"):
            panel_letter(ax, letter)
        save(figure, results, "cartpole", quick, NOTE, run)
