"""Settings of simulations that do not go together."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from registered import SIMULATIONS

from pfc_metarl.analysis.blocks import BLOCKS
from pfc_metarl.command_line import command_line
from pfc_metarl.comparison import EQUIVALENT, OPPOSITE, compare
from pfc_metarl.errors import ConfigError, UserError
from pfc_metarl.simulation import run
from pfc_metarl.trials import NETWORKS
from simulations import volatility


@pytest.mark.parametrize(
    "name, fields, words",
    [
        ("bandits", {"distributions": ("easy", "hard")}, "distributions must be different ones, with independent"),
        (
            "bandits",
            {"distributions": ("independent", "correlated", "easy", "easy")},
            "distributions must be different",
        ),
        ("foraging", {"shortest_episode": 101}, "shortest_episode must be at most trials"),
        ("foraging", {"held_out": ((0.2, 0.1),)}, "held_out must be rising intervals inside"),
        ("foraging", {"held_out": ((0.1, 0.2), (0.4, 0.6))}, "held_out must be rising intervals inside"),
        ("foraging", {"lags": 50}, "lags must be at most shortest_episode - 1"),
        ("volatility", {"trials": 41}, "trials must be even"),
        ("volatility", {"test_episodes": 21}, "test_episodes must be even"),
        ("volatility", {"log_k_high": -5.0}, "log_k_high must be at least log_k_low"),
        ("volatility", {"window": 101}, "window must be at most half of trials"),
        ("inferred_value", {"test_blocks": 1201}, "test_blocks must be a multiple of test_streams"),
        ("inferred_value", {"test_blocks": 12}, "test_blocks must be a multiple of test_streams, at least twice"),
        ("two_step", {"analysed_episodes": 301}, "analysed_episodes must be at most test_episodes"),
        ("harlow", {"analysed_episodes": 1001}, "analysed_episodes must be at most test_episodes"),
        ("modules", {"active_modules": 7}, "active_modules must be a finite number, at least 1 and at most 6, not 7"),
        ("harlow_gaze", {"filters": ()}, "filters must be at least one"),
        ("harlow_gaze", {"filters": ((4, 90, 1),)}, "filters must be numbers, sizes and strides"),
        ("restless_bandits", {"high_step": 0.02}, "high_step must be greater than low_step"),
        ("restless_bandits", {"test_episodes": 301}, "test_episodes must be even"),
        ("restless_bandits", {"block": 151}, "block must be at most half of test_episodes"),
        ("optogenetics", {"risky_probabilities": ()}, "risky_probabilities must be different, in"),
        ("optogenetics", {"risky_probabilities": (0.5, 0.5)}, "risky_probabilities must be different, in"),
        ("optogenetics", {"event": "risky_loss", "first_trial": 31}, "first_trial must be at most the 30 trials"),
        ("optogenetics", {"first_trial": 5, "last_trial": 4}, "last_trial must be 0 or from first_trial"),
        ("optogenetics", {"size": 1.0}, "size is given without event"),
        ("maml", {"bandits": ((5, 10), (5, 10))}, "bandits must be different ones"),
        ("maml", {"bandits": ((60, 10),)}, "bandits must be pairs: 2 to 50 arms"),
        ("maml", {"recurrent_episodes": 100}, "recurrent_episodes must be a multiple of 64"),
        ("maml", {"trace_decay": 0.9}, "trace_decay must be left at 1.0: MAML makes no use of it, not 0.9"),
        ("episodic", {"low": 0.9}, "low must be between 0 and high"),
        ("episodic", {"reward_low": 1.0}, "reward_low must be at most reward_high"),
        ("episodic", {"episodes_per_update": 3, "episodes": 3}, "two_step_episodes must be a multiple of"),
        ("task_inference", {"bandit_episodes": 33}, "bandit_episodes must be a multiple of episodes_per_update"),
    ],
)
def test_settings_that_do_not_go_together(name: str, fields: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        replace(SIMULATIONS[name].config("paper"), **fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--task.momentum", "2"], "momentum must be a finite number"),
        (["--task.view", "42", "--task.picture-at", "3"], "picture_at|select_within"),
        (["--images", "/no/such/folder"], "no folder of pictures"),
    ],
)
def test_bad_settings_of_the_gaze_task(arguments: list[str], words: str, tmp_path: Path) -> None:
    simulation = SIMULATIONS["harlow_gaze"]
    with pytest.raises(UserError, match=words) as caught:
        run(simulation, *command_line(simulation, ["--quick", "--results", str(tmp_path), *arguments]))
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_the_comparison_of_volatility_states_the_direction() -> None:
    """Published rates as ours are equivalent everywhere; exchanged between blocks they are the opposite."""
    rates = {"stable 1": 0.21, "volatile 1": 0.46, "volatile 2": 0.51, "stable 2": 0.28}
    names = [block for blocks in BLOCKS.values() for block in blocks]
    for values, verdict in ((rates, EQUIVALENT), (dict(zip(rates, (0.46, 0.21, 0.28, 0.51))), OPPOSITE)):
        rows = [(NETWORKS, s, b, values[b] + 0.001 * s) for s in (1, 2, 3, 4) for b in names]
        blocks = pd.DataFrame(rows, columns=["group", "subject", "block", "alpha"])
        got = compare(volatility.behaviour_quantities({"block_learning_rates": blocks})).set_index("quantity")[
            "verdict"
        ]
        for block in names:
            assert got[f"learning rate of the networks, {block}"] == verdict
        assert got["learning rate of the networks, volatile less stable"] == verdict
