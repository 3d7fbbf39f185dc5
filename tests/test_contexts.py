"""Tasks whose contexts come again, and ideal learners, planners and analyses that know of contexts."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from playing import begun
from playing import play as play_task

from pfc_metarl.agents.episodic import ContextBayes, RecallingPlanner, SharedContextBayes
from pfc_metarl.agents.playing import lead
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.recall import CUED, EPISODIC, UNCUED, by_meeting, cued_stay, first_pulls
from pfc_metarl.tasks import BarcodeBandit, EpisodicTwoStep
from pfc_metarl.tasks.barcode_bandit import BARCODE, BITS

RUNNING = BarcodeBandit(3, 4, 2, 0.9, 0.1, unroll=4)
"""Epochs of 6 inner episodes, in stretches of 4."""


# -- the barcode bandit

EPOCH = BarcodeBandit(10, 10, 10, 0.9, 0.1)


def test_an_epoch_is_as_published() -> None:
    world = begun(EPOCH, episodes=40)
    for own in world.trials.reshape(-1, 100, 10)[:20]:
        assert all((own[name] == own[name][:, :1]).all() for name in ("barcode", "good_arm", "met", "inner"))
        first = own[:, 0]
        contexts, counts = np.unique(first["barcode"], return_counts=True)
        assert len(contexts) == 10 and (counts == 10).all() and contexts.min() > 0 and contexts.max() < 2**BITS
        pairs = {(now["barcode"], now["good_arm"]) for now in first}
        assert len(pairs) == 10 and {arm for _, arm in pairs} == set(range(10))
        for barcode in contexts:
            assert first["met"][first["barcode"] == barcode].tolist() == list(range(1, 11))
        assert first["inner"].tolist() == list(range(1, 101)) and own["pull"].tolist() == [[*range(1, 11)]] * 100
    pays = world.trials["pays"].reshape(-1, 10)
    good = np.arange(10) == world.trials["good_arm"].reshape(-1, 1)
    assert abs(pays[good].mean() - 0.9) < 0.005 and abs(pays[~good].mean() - 0.1) < 0.005
    barcode, arm = world.trials["barcode"].ravel()[::10], world.trials["good_arm"].ravel()[::10]
    assert abs(np.corrcoef(barcode, arm)[0, 1]) < 0.15  # barcodes are in no order
    assert len(np.unique(world.trials["barcode"][0, :, 0])) > 20  # and those of epochs differ


def test_what_the_bandit_shows() -> None:
    met = play_task(begun(EPOCH), lambda t, world: 0, steps=30)
    now = met.world.trials[:, :, :30].transpose(2, 0, 1)
    np.testing.assert_array_equal(met.observations[..., 0] == 1, now["pull"] == 1)
    bits = now["barcode"][..., None] >> np.arange(BITS) & 1
    np.testing.assert_array_equal(met.observations[..., BARCODE:], bits)


def test_bounds_of_the_bandit() -> None:
    """Always right 9.0, the same arm throughout 1.8 in an inner episode (each within 4 s.e.)."""
    for choose, mean in ((lambda t, world: world.trials["good_arm"][:, :, t], 9.0), (lambda t, world: 3, 1.8)):
        rewards = play_task(begun(EPOCH, episodes=10), choose).rewards
        per_pull = rewards.mean()
        assert abs(per_pull - mean / 10) < 4 * np.sqrt(per_pull * (1 - per_pull) / rewards.size)


def test_epochs_follow_each_other() -> None:
    world = begun(RUNNING)
    met = play_task(world, lambda t, world: 0, steps=60)
    which, number, _, trials = world.ended()
    assert len(which) == 12 and set(number) == set(range(6)) and trials.shape == (12, 24)
    assert (trials["pull"] == np.arange(24) % 4 + 1).all()
    assert met.active.all() and not np.array_equal(met.observations[:24], met.observations[24:48])


@pytest.mark.parametrize("kind", [SharedContextBayes, ContextBayes, partial(ContextBayes, remembers=False)])
def test_ideal_learners_go_by_bayes_rule(kind: Callable[..., ContextBayes]) -> None:
    """Against the product of all outcomes' probabilities, summed over all ways to share out the arms where that is
    used; who remembers counts those of earlier episodes too."""
    task = BarcodeBandit(4, 4, 3, 0.8, 0.3)
    agent = kind(4, 0.8, 0.3)
    table = play_agent(agent, task, np.random.default_rng(0), 5, "ideal")
    told = lead(agent, table)
    for _, own in table.groupby("session"):
        for at, now in own.iterrows():
            before = own[own["trial"] < now["trial"]]
            before = before if agent.remembers else before[before["inner"] == now["inner"]]
            p = np.where(before["choice"].to_numpy()[:, None] == np.arange(4), 0.8, 0.3)
            likely = np.where(before["reward"].to_numpy()[:, None] == 1, p, 1 - p)
            by_context = [likely[before["barcode"] == barcode].prod(axis=0) for barcode in own["barcode"].unique()]
            this = own["barcode"].unique().tolist().index(now["barcode"])
            weights = by_context[this]
            if isinstance(agent, SharedContextBayes):
                weights = np.zeros(4)
                for arms in permutations(range(4)):
                    weights[arms[this]] += np.prod([ways[arm] for ways, arm in zip(by_context, arms)])
            best = np.isclose(weights, weights.max(), atol=0)
            assert best[int(now["choice"])] and told[at] == pytest.approx(1 / best.sum())


def test_memory_pays_where_contexts_come_again() -> None:
    chances = 10, 0.9, 0.1
    agents = {
        "together": SharedContextBayes(*chances),
        "remembers": ContextBayes(*chances),
        "forgets": ContextBayes(*chances, remembers=False),
    }
    tables = [play_agent(agent, EPOCH, np.random.default_rng(1), 30, name) for name, agent in agents.items()]
    own = first_pulls(pd.concat(tables)).set_index("group")
    assert (
        own.loc["remembers", "old"] > 0.85 and 9 > own.loc["together", "reward"] > own.loc["remembers", "reward"] > 8.2
    )
    assert abs(own.drop("together")["new"] - 0.18).max() < 0.09 and abs(own.loc["forgets", "old"] - 0.18) < 0.03
    known = 0.1 + 0.8 * np.mean([1 / left for left in range(1, 11)])  # who has found out the arms of those before
    assert own.loc["together", "new"] == pytest.approx(known, abs=0.06)
    assert own.loc["forgets", "reward"] == pytest.approx(4.45, abs=0.15)
    pulls = by_meeting(tables[1])
    late = pulls[pulls["met"] == 10].set_index("pull")
    assert late["correct"].min() > 0.97 and len(pulls) == 100


# -- the episodic two-step task

CUES = EpisodicTwoStep(100, 0.9, 0.9, 0.1, 0.1)


def test_cues_and_what_they_bring() -> None:
    world = begun(CUES, networks=1, episodes=200)
    met = play_task(world, lambda t, world: np.random.default_rng(t).integers(0, 2, world.reward.shape))
    own = world.trials[0]
    assert not own["source"][:, :50].any() and not own["cue"][:, :50].any()
    for part, low, high in ((slice(50, 75), 1, 25), (slice(75, 100), 26, 50)):
        assert set(np.unique(own["source"][:, part])) == set(range(low, high + 1))
    cued, earlier = own[:, 50:], np.take_along_axis(own, own["source"][:, 50:].astype(int) - 1, axis=1)
    np.testing.assert_array_equal(cued["cue"], earlier["context"])
    again = cued["state"] == earlier["state"]
    assert again.mean() == pytest.approx(0.5, abs=0.03)
    assert (cued["reward"] == earlier["reward"])[again].all() and (cued["context"] == cued["cue"])[again].all()
    fresh = cued[~again]
    assert (fresh["reward"] == np.take_along_axis(fresh["pays"], fresh["state"][:, None].astype(int), 1)[:, 0]).all()
    assert (fresh["context"] != fresh["cue"]).all() and all(len(set(x)) == 50 for x in own["context"][:, :50])
    np.testing.assert_array_equal(own["state"], np.where(own["common"], own["choice"], 1 - own["choice"]))
    shown = met.observations[:, 0]
    assert (shown[::2, :, 0] == 1).all() and not shown[1::2, :, 0].any() and not shown[:100:2, :, 1:].any()
    np.testing.assert_array_equal(shown[1::2, :, 1:3], (own["state"].T[..., None] == (0, 1)))
    bits = np.stack([own["cue"], own["context"]], axis=2)[..., None] >> np.arange(BITS) & 1
    np.testing.assert_array_equal(shown[..., 3:], bits.reshape(200, 200, BITS).transpose(1, 0, 2))
    np.testing.assert_array_equal(met.rewards[::2, 0].T, own["reward"])
    assert not met.rewards[1::2].any()
    switches = (own["good_state"][:, 1:] != own["good_state"][:, :-1]).mean()
    assert abs(switches - 0.1) < 0.01 and abs(own["common"].mean() - 0.9) < 0.01
    pays = own["pays"][np.arange(2) == own["good_state"][..., None]].mean()
    assert abs(pays - 0.9) < 0.01


def test_a_planner_that_remembers_stays_with_what_paid() -> None:
    planner = RecallingPlanner(0.9, 0.9, 0.1, 0.1, inverse_temperature=1e6)
    table = play_agent(planner, CUES, np.random.default_rng(0), 300, "planner")
    stay = cued_stay(table).set_index(["kind", "rewarded", "common"])["stay"]
    assert stay[EPISODIC, 1, 1] > 0.99 and stay[EPISODIC, 1, 0] < 0.01  # what paid is worth more than any belief
    assert stay[EPISODIC, 0, 1] < 0.3 and stay[EPISODIC, 0, 0] > 0.7
    assert stay[UNCUED, 1, 1] > 0.95 and stay[UNCUED, 1, 0] < 0.1
    contrast = stay.unstack(["rewarded", "common"]) @ pd.Series({(1, 1): 1, (1, 0): -1, (0, 1): -1, (0, 0): 1})
    assert contrast[CUED] < contrast[EPISODIC] and contrast[CUED] < contrast[UNCUED]
    earned = table.groupby(table["source"] > 0)["reward"].mean()
    assert earned[True] > earned[False] > 0.7


def test_staying_by_hand() -> None:
    """Six trials, of which the last two are cued from the first and the second."""
    columns = {
        "choice": [0, 0, 1, 1, 0, 1],
        "reward": [1, 0, 1, 0, 1, 0],
        "common": [True, False, True, True, False, True],
        "source": [0, 0, 0, 0, 1, 2],
    }
    own = pd.DataFrame({"group": "g", "subject": 1, "session": 1, "trial": range(1, 7), **columns})
    both = pd.concat([own, own.assign(subject=2, choice=1 - own["choice"])])
    told = cued_stay(both).set_index(["subject", "kind", "rewarded", "common"])
    for subject in (1, 2):
        expected = {
            (UNCUED, 1, 1): (1.0, 2),  # trial 2 stays with the first, trial 4 with the third
            (UNCUED, 0, 0): (0.0, 1),
            (CUED, 0, 1): (0.0, 1),
            (CUED, 1, 0): (0.0, 1),
            (EPISODIC, 1, 1): (1.0, 1),
            (EPISODIC, 0, 0): (0.0, 1),
        }
        assert {key: tuple(row) for key, row in told.loc[subject][["stay", "n"]].iterrows()} == expected
