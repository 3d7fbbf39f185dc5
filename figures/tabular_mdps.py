"""Tabular MDPs: total reward of networks and known algorithms, beside the published ones (Duan et al. 2016)."""

from pathlib import Path

from figures.rl2_bandits import NOTE, draw_rewards
from pfc_metarl.agents.tabular_mdp import KNOWN
from pfc_metarl.colours import BLUE, GREEN, GREY, PURPLE, VERMILLION
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS

CURVES = {KNOWN: "black", NETWORKS: VERMILLION, "UCRL2": BLUE, "PSRL": PURPLE, "greedy": GREEN, "random": GREY}


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/tabular_mdps."""
    note = NOTE.format("MDPs", "MDPs", "what an agent that knows them earns")
    run = run_folder(results, "tabular_mdps", quick)
    draw_rewards(results, quick, run, "episode", "Episode", CURVES, KNOWN, note)
