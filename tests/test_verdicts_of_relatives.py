"""How relatives of the theory are judged: tables whose numbers are known, turned one way and the other."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.analysis import total_rewards
from pfc_metarl.comparison import compare
from pfc_metarl.published import published_number
from pfc_metarl.simulation import Tested
from pfc_metarl.tasks import Bandit
from pfc_metarl.trials import NETWORKS
from simulations import episodic, maml, tabular_mdps, task_inference

FOUR = np.array([-0.3, -0.1, 0.1, 0.3])
"""Of four networks, about their mean."""


def test_total_rewards_beside_the_published_table() -> None:
    """Bounds by hand: the published reward of RL2 less its error and that of a mean of 1,000; midway to UCRL2."""
    means = {NETWORKS: 155.0, "random": 100.0, "UCRL2": 146.0, "PSRL": 138.0}
    rows = [
        {"condition": "10 episodes", "group": group, "subject": k, "reward": mean + off, "sd": 30.0}
        for group, mean in means.items()
        for k, off in enumerate(FOUR)
    ]
    told = total_rewards.quantities(pd.DataFrame(rows), "Duan 2016", ["random", "PSRL", "UCRL2"], "UCRL2")
    table = compare(told).set_index("quantity")
    paper = published_number("Duan 2016", series="RL2", condition="10 episodes")
    least = paper.value - paper.error - 1.96 * 30 / np.sqrt(1_000)
    first = table.loc["reward, 10 episodes: networks"]
    assert first["direction"] == f"> {least:.2f}, published less its error"
    assert first["networks_in_direction"] == (least < 155 + FOUR).sum() and first["ours"] == pytest.approx(155)
    assert first["published"] == paper.value
    assert table.loc["reward, 10 episodes: random", "direction"] == "< UCRL2"
    assert table.loc["reward, 10 episodes: PSRL", "direction"] == "> random"
    assert (table["networks_in_direction"].iloc[1:] == 4).all()
    assert table.loc["learned: reward, 10 episodes", "direction"] == "> 123.00, midway from random to UCRL2"


def test_known_algorithms_are_tuned_on_the_same_chances(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def earned(agent: tuple[str, float], task: Any, rng: np.random.Generator, episodes: int) -> np.ndarray:
        drawn.append(rng.random())
        return np.full((episodes, 3), -((agent[1] - 0.4) ** 2))

    monkeypatch.setattr(total_rewards, "earned", earned)

    def kind(name: str) -> Callable[..., Any]:
        return lambda scale=0.0: (name, scale)

    values = [0.1, 0.3, 0.5, 0.9, 0.45]
    agents, table = total_rewards.tune(
        {"bonus": kind("bonus"), "greedy": kind("greedy")},
        {"bonus": ("scale", values)},
        Bandit(3, 2, "independent"),
        lambda: np.random.default_rng(7),
        5,
    )
    assert agents == {"bonus": ("bonus", 0.45), "greedy": ("greedy", 0.0)} and len(set(drawn)) == 1
    assert table.to_dict("records") == [{"group": "bonus", "parameter": "scale", "value": 0.45}]


def test_shares_of_an_untold_return_become_rewards() -> None:
    """That of random choices is the published reward of theirs; MAML's and SNAIL's come in the published order."""
    for condition in ("10 episodes", "25 episodes"):
        random = published_number("Duan 2016", series="random", condition=condition).value
        assert tabular_mdps.of_others("random", condition).value == pytest.approx(random)
        maml_earns, snail_earns = (tabular_mdps.of_others(name, condition).value for name in ("MAML", "SNAIL"))
        assert random < maml_earns < snail_earns


# -- MAML


def test_bounds_of_adapting() -> None:
    """Random choices, exactly; 5/6 a pull at best; in 2-D navigation, over 200,000 goals, -38.26 and -.506."""
    config = replace(maml.PRESETS["fast"], bandits=((5, 10),))
    bound = maml.bounds(config).set_index(["problem", "name"])["reward"]
    assert bound["5 arms, 10 pulls", "random choices"] == 5
    assert bound["5 arms, 10 pulls", "the best arm"] == pytest.approx(10 * 5 / 6)
    assert 5 < bound["5 arms, 10 pulls", "explore, then commit"] < 10 * 5 / 6
    assert bound["tabular MDP", "random choices"] == 100 < bound["tabular MDP", "known MDP"] < 230
    assert bound["2-D navigation", "standing still"] == pytest.approx(-38.26, abs=0.5)
    assert bound["2-D navigation", "straight to the goal"] == pytest.approx(-0.506, abs=0.01)


def adaptation(of_maml: float, recurrent: float) -> dict[str, pd.DataFrame]:
    """Rewards after one update, or in the second block; other blocks are far from them."""
    rows = [
        {"problem": name, "method": method, "subject": k, "block": block, "reward": reward + off}
        for name, (method, after), (k, off) in product(
            ["5 arms, 10 pulls"], ((maml.MAML, of_maml), (maml.RECURRENT, recurrent)), enumerate(FOUR)
        )
        for block, reward in enumerate((5.0, after, 0.0, 0.0))
    ]
    bounds = [("5 arms, 10 pulls", what, reward) for what, reward in (("a", 5.0), ("b", 7.0), ("c", 8.0))]
    return {"adaptation": pd.DataFrame(rows), "bounds": pd.DataFrame(bounds, columns=["problem", "name", "reward"])}


@pytest.mark.parametrize(
    "of_maml, recurrent, right", [(7.0, 7.5, [4, 4, 4]), (5.9, 5.5, [4, 0, 1]), (4.9, 6, [0, 4, 0])]
)
def test_what_adapting_is_held_against(of_maml: float, recurrent: float, right: list[int]) -> None:
    """By itself before; recurrent networks by MAML's one update; midway between the first two bounds: 6."""
    table = maml.compare_with_published(adaptation(of_maml, recurrent))
    assert table["networks_in_direction"].tolist() == right
    assert table["ours"].tolist() == pytest.approx([of_maml, recurrent, of_maml])
    assert (
        table["published"].iloc[0] == published_number("Mishra 2018", series="MAML", condition="5 arms, 10 pulls").value
    )


# -- task inference


def test_when_nine_tenths_are_learned() -> None:
    """Chance 50 and optimum 75 of 100 trials: at .725 a trial, for the first time; or never."""
    config = replace(task_inference.PRESETS["fast"], bandit_trials=100)
    curve = pd.DataFrame(
        [
            ("LSTM: bandit", subject, episode, reward)
            for subject, rewards in ((1, (0.5, 0.7249, 0.7251, 0.6)), (2, (0.5, 0.6, 0.7, 0.72)))
            for episode, reward in zip((100, 200, 300, 400), rewards)
        ],
        columns=["condition", "subject", "episode", "reward_per_trial"],
    )
    best = pd.DataFrame({"chance": [50.0], "optimum": [75.0]}, index=["bandit"])
    told = task_inference.learning(config, curve, best)
    assert told["episodes"].tolist()[0] == 300 and told["steps"][0] == 300 * config.problems()["bandit"].steps
    assert np.isnan(told["episodes"][1])


@pytest.mark.parametrize("better", [True, False])
def test_methods_of_inference_are_held_against_the_plain_network(better: bool) -> None:
    """Less regret is better, more r2, less divergence; learned: midway from chance to the optimum, 60."""
    rows = []
    for method, regret, r2 in (("LSTM", 5.0, 0.9), ("belief", 3.0 if better else 20.0, 0.95 if better else 0.5)):
        for k, off in enumerate(FOUR):
            told = {
                "problem": "bandit",
                "method": method,
                "subject": k,
                "regret": regret + off,
                "reward": 70 - regret - off,
            }
            divergence = np.nan if method == "LSTM" else (0.1 if better else 0.9)
            rows.append({**told, "r2": r2 + off / 100, "divergence": divergence + off / 100, "uniform": 0.5})
    table = pd.DataFrame(rows)
    tables = {
        "rewards": table[["problem", "method", "subject", "regret", "reward"]],
        "beliefs": table[["problem", "method", "subject", "r2", "divergence", "uniform"]],
        "optima": pd.DataFrame({"problem": ["bandit"], "chance": [50.0], "optimum": [70.0]}),
    }
    told = task_inference.compare_methods(tables).set_index("quantity")["networks_in_direction"]
    assert told.filter(regex="LSTM$").tolist() == [4, 4, 4]
    own = told.filter(regex="belief$")
    assert len(own) == 4 and own.tolist() == [4 if better else 0] * 4


# -- episodic memory


def test_gates_at_correct_and_wrong_pulls() -> None:
    """Two networks, an episode of two contexts of three pulls, met twice; the first meeting does not count."""
    config = replace(episodic.PRESETS["fast"], networks=2, arms=2, pulls=3, meetings=2, test_episodes=1)
    good = np.tile(np.repeat([0, 1, 0, 1], 3), (2, 1, 1))
    met, pull = np.tile(np.repeat([1, 1, 2, 2], 3), (2, 1, 1)), np.tile([1, 2, 3], (2, 1, 4))
    choice = np.zeros((2, 1, 12), int)  # right in the first context
    fields = {"choice": choice, "reward": choice, "met": met, "pull": pull, "good_arm": good}
    gate = np.where(met == 1, 9.0, np.where(good == 0, 0.5, 0.1) + 0.1 * (pull == 3) * (good == 0)) * [[[1.0]], [[0.5]]]
    arrays = {f"{name}, {of}: bandit": values for name, values in fields.items() for of in episodic.METHODS}
    told = episodic.gates(config, Tested(pd.DataFrame(), arrays | {"gate, episodic: bandit": gate}))
    assert len(told) == 12 and told["n"].eq(1).all()
    less = episodic.gates_compared(told)
    np.testing.assert_allclose(less["first pulls"], [0.4, 0.2])
    np.testing.assert_allclose(less["all pulls"], [1.6 / 3 - 0.1, (1.6 / 3 - 0.1) / 2])
    np.testing.assert_allclose(less["pulls alike"], [0.45, 0.225])
