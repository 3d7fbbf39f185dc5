"""The tasks, one file each. To register a task here is to have it tested (tests/test_tasks.py)."""

from pfc_metarl.tasks.alchemy import Alchemy
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.tasks.barcode_bandit import BarcodeBandit
from pfc_metarl.tasks.conditioning import Conditioning
from pfc_metarl.tasks.context_bandit import ContextBandit
from pfc_metarl.tasks.episodic_two_step import EpisodicTwoStep
from pfc_metarl.tasks.foraging import Foraging
from pfc_metarl.tasks.grid_navi import GridNavi
from pfc_metarl.tasks.harlow_gaze import HarlowGaze
from pfc_metarl.tasks.harlow_symbolic import HarlowSymbolic
from pfc_metarl.tasks.inferred_value import InferredValue
from pfc_metarl.tasks.informative_bandit import InformativeBandit
from pfc_metarl.tasks.navigation import Navigation
from pfc_metarl.tasks.optogenetics import Optogenetics
from pfc_metarl.tasks.restless_bandit import RestlessBandit
from pfc_metarl.tasks.tabular_mdp import TabularMDP
from pfc_metarl.tasks.task import Task
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.tasks.volatility import Volatility

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Bandit,
        Foraging,
        Volatility,
        InferredValue,
        TwoStep,
        HarlowSymbolic,
        HarlowGaze,
        Optogenetics,
        Navigation,
        GridNavi,
        InformativeBandit,
        RestlessBandit,
        ContextBandit,
        BarcodeBandit,
        EpisodicTwoStep,
        Conditioning,
        Alchemy,
        TabularMDP,
    )
}
"""All tasks by name."""
