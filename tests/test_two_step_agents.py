"""Reference agents: against enumeration and hand calculation; they show the patterns they stand for."""

import itertools

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.agents.fitting import fit_model_free
from pfc_metarl.agents.playing import play, replay
from pfc_metarl.agents.two_step import ModelBased, ModelFree, RewardAsCue
from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.stay import stay_probabilities, stay_regression
from pfc_metarl.tasks.two_step import TwoStep

TASK = (0.8, 0.9, 0.1, 0.025)
CANONICAL = TwoStep(100, 0.8, 0.5, 0.5, 0.025)  # rewards that tell nothing of the state


def table(choice: list[int], state: list[int], reward: list[int], valid: list[bool] | None = None) -> pd.DataFrame:
    n = len(choice)
    return pd.DataFrame(
        {
            "subject": 1,
            "session": 1,
            "trial": np.arange(1, n + 1),
            "choice": choice,
            "state": state,
            "reward": reward,
            "common": np.array(choice) == np.array(state),
            "valid": [True] * n if valid is None else valid,
        }
    )


def test_belief_equals_enumeration_of_all_switch_sequences() -> None:
    states, rewards = [0, 1, 0, 0, 1, 1, 0], [1, 0, 1, 0, 1, 1, 0]
    agent = ModelBased(*TASK)
    agent.start(1)
    row = np.array([0])
    for n in range(len(states)):
        total, s1_better = 0.0, 0.0
        for better in itertools.product([0, 1], repeat=n + 1):  # better state of trials 0 to n
            p = 0.5
            for t in range(n):
                p *= 0.025 if better[t + 1] != better[t] else 0.975
                p_reward = 0.9 if states[t] == better[t] else 0.1
                p *= p_reward if rewards[t] else 1 - p_reward
            total += p
            s1_better += p * (better[n] == 0)
        assert agent.belief[0] == pytest.approx(s1_better / total)
        agent.observe(row, {"choice": row, "state": np.array([states[n]]), "reward": np.array([rewards[n]])})


def test_model_based_errors_by_hand() -> None:
    out = replay(ModelBased(*TASK), table([0, 0], [0, 1], [1, 0]))
    belief = 0.9 * 0.975 + 0.1 * 0.025  # after a reward in S1
    s1, s2 = 0.9 * belief + 0.1 * (1 - belief), 0.1 * belief + 0.9 * (1 - belief)
    assert out["at_state"].tolist() == pytest.approx([0, s2 - (0.8 * s1 + 0.2 * s2)])
    assert out["at_reward"].tolist() == pytest.approx([0.5, -s2])


def test_sarsa_errors_by_hand() -> None:
    trials = table([0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1], valid=[True, True, False, True])
    out = replay(ModelFree(0.5), trials)
    # Q2(S1): 0, .5, (.75), .75; Q1(L): 0, 0, .25
    assert out["at_reward"].tolist() == pytest.approx([1, 0.5, np.nan, 0.25], nan_ok=True)
    assert out["at_state"].tolist() == pytest.approx([0, 0.5, np.nan, 0.5], nan_ok=True)


def test_eligibility_credits_the_first_choice() -> None:
    agent = ModelFree(0.5, eligibility=1.0)
    agent.start(1)
    row = np.array([0])
    agent.observe(row, {"choice": row + 1, "state": row, "reward": row + 1})
    assert agent.values().tolist() == [[0, 0.5]]


def test_sessions_are_replayed_apart() -> None:
    one = table([0, 1, 0], [0, 1, 1], [1, 0, 1])
    two = table([1, 1], [0, 1], [1, 1]).assign(session=2)
    both = replay(ModelFree(0.3), pd.concat([one, two], ignore_index=True))
    apart = pd.concat([replay(ModelFree(0.3), one), replay(ModelFree(0.3), two)], ignore_index=True)
    pd.testing.assert_frame_equal(both, apart)


@pytest.mark.parametrize("name", ["model-free", "model-based"])
def test_canonical_patterns(name: str) -> None:
    agent = ModelFree(eligibility=1.0) if name == "model-free" else ModelBased(*TASK)
    trials = play(agent, CANONICAL, np.random.default_rng(0), 200, name)
    weights = stay_regression(trials).set_index("term")["weight"]
    if name == "model-free":
        assert weights["reward"] > 1 and abs(weights["reward x transition"]) < 0.2
    else:
        assert weights["reward x transition"] > 2 and abs(weights["reward"]) < 0.2
    assert abs(weights["transition"]) < 0.2


def test_the_published_task_and_its_confound() -> None:
    """There the model-based agent shows the interaction; the model-free one the main effect, and some interaction."""
    task = TwoStep(100, *TASK)
    for agent in (ModelFree(eligibility=1.0), ModelBased(*TASK)):
        weights = stay_regression(play(agent, task, np.random.default_rng(0), 200, "agent")).set_index("term")["weight"]
        if isinstance(agent, ModelFree):
            assert weights["reward"] > 1
        else:
            assert weights["reward x transition"] > 3 and abs(weights["reward"]) < 0.3


def test_a_habit_of_cues_looks_model_based_but_for_its_memory() -> None:
    trials = play(RewardAsCue(), TwoStep(2000, *TASK), np.random.default_rng(0), 20, "agent")
    stay = stay_regression(trials).set_index("term")["weight"]
    assert stay["reward x transition"] > 1.5 and abs(stay["reward"]) < 0.4
    weights = lagged_regression(trials).pivot(index="trial_type", columns="lag", values="weight")
    speak_for = {"common rewarded": 1, "uncommon unrewarded": 1, "common unrewarded": -1, "uncommon rewarded": -1}
    assert all(sign * weights.loc[name, 1] > 0.7 for name, sign in speak_for.items())
    assert (weights[[2, 3, 4, 5]].abs() < 0.3).all(axis=None)


def test_learning_rate_is_recovered() -> None:
    trials = play(ModelFree(0.3), TwoStep(100, *TASK), np.random.default_rng(3), 200, "agent")
    assert fit_model_free(trials) == pytest.approx(0.3, abs=0.05)


def test_planner_earns_more_than_chance() -> None:
    trials = play(ModelBased(*TASK), TwoStep(100, *TASK), np.random.default_rng(0), 200, "agent")
    assert trials["reward"].mean() > 0.6
    assert (stay_probabilities(trials)["n"] > 0).all()
