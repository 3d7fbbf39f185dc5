"""Specialised modules: information beside scikit-learn's, lesions of known networks, tables of known arrays."""

from dataclasses import replace
from itertools import product
from math import comb

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import lively
from sklearn.metrics import mutual_info_score

from pfc_metarl.analysis.specialisation import information, shuffled_contexts, specialisation
from pfc_metarl.comparison import OPPOSITE
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.modules import MODULES, ModularNetwork
from simulations import modules

CONFIG = replace(modules.SIMULATION.config("fast", quick=True), networks=2, test_episodes=40)
EPISODES, TRIALS = CONFIG.test_episodes, CONFIG.trials


def test_information_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    contexts = rng.integers(0, 2, 60)
    active = rng.random((60, 5, 4)) < np.array([0.5, 0.1, 0.0, 0.3]) + 0.4 * contexts[:, None, None]
    active[..., 2] = True
    bits = information(active, contexts)
    for part in range(4):
        told = mutual_info_score(np.repeat(contexts, 5), active[..., part].ravel()) / np.log(2)
        assert bits[part] == pytest.approx(told, abs=1e-9)
    assert bits[2] == 0 and information(np.repeat(contexts[:, None, None], 3, 1) > 0, contexts)[0] == pytest.approx(
        information(contexts[:, None, None] > 0, contexts)[0]
    )


def test_specialists_and_others() -> None:
    contexts = np.array([0, 0, 1, 1])
    one_each = np.array([[0.3, 0.0], [0.1, 0.0], [0.0, 0.4], [0.0, 0.0]])
    assert specialisation(one_each, contexts) == 1
    assert specialisation(np.full((4, 2), 0.2), contexts) == 0
    assert specialisation(np.array([[0.3], [0.3], [0.1], [0.1]]), contexts) == pytest.approx(0.2 / 0.4)
    assert np.isnan(specialisation(np.zeros((4, 2)), contexts))
    anew = shuffled_contexts(contexts, np.random.default_rng(1))
    assert (anew.sum(axis=1) == 2).all() and len(np.unique(anew, axis=0)) == 6


def test_the_best_accuracy_is_that_of_all_sequences() -> None:
    """Which of the outcomes' sequences speak for the right arm; chance at first, and where they are as many."""
    by_hand = []
    for n in range(6):
        right = 0.0
        for outcomes in product((0, 1), repeat=n):
            speak = sum(outcomes)
            p = 0.7**speak * 0.3 ** (n - speak)
            right += p * (0.5 if 2 * speak == n else 2 * speak > n)
        by_hand.append(right)
    assert modules.best_accuracy(6, 0.7) == pytest.approx(np.mean(by_hand))
    assert comb(4, 2) * 0.7**2 * 0.3**2 / 2 + comb(4, 3) * 0.7**3 * 0.3 + 0.7**4 == pytest.approx(by_hand[4])


def test_a_lesion_is_felt_of_the_module_that_chooses() -> None:
    """Policy linear in the outputs of module 3 alone, and nobody reads: no other lesion changes a choice."""
    own = CONFIG.for_condition(modules.COMPETING)
    network = lively(make_agent(own, modules.tests(CONFIG)[modules.USUAL], CONFIG.seeds))
    assert isinstance(network, ModularNetwork)
    size = network.units // MODULES
    with torch.no_grad():
        network.recurrent.reading_weight[:] = 0
        network.heads.weight[:, : 2 * size] = 0
        network.heads.weight[:, 3 * size :] = 0
        network.heads.weight *= 20
    whole = modules.correct(modules.plays(CONFIG, network, modules.USUAL))
    without = modules.lesioned(CONFIG, network)
    changed = (without != whole[..., None]).any(axis=(0, 1, 2))
    assert changed.tolist() == [module == 2 for module in range(MODULES)]


def known_arrays() -> dict[str, np.ndarray]:
    """Modules 1 and 2 are needed in one context each; of all active ones all in both; of undivided ones none."""
    rng = np.random.default_rng(2)
    contexts = np.repeat(np.tile([0, 1], EPISODES // 2)[None, :, None], 2, 0)
    arrays = {}
    for name, task in modules.tests(CONFIG).items():
        arrays[f"context: {name}"] = np.broadcast_to(contexts, (2, EPISODES, task.trials))
        for kind in (modules.COMPETING, modules.ALL_ACTIVE, modules.UNDIVIDED):
            arrays[f"{kind}: {name}"] = np.full((2, EPISODES, task.trials), name != modules.LONGER)
    for kind, needed in ((modules.COMPETING, 1), (modules.ALL_ACTIVE, 2), (modules.UNDIVIDED, 0)):
        without = np.ones((2, EPISODES, TRIALS, MODULES), bool)
        for module, context in ((0, 0), (1, 1)):
            there = contexts[..., 0] == context
            without[..., module][there if needed == 1 else np.full_like(there, needed == 2)] = False
        arrays[f"{kind}: without"] = without
        for group in (modules.NETWORKS, modules.UNTRAINED):
            arrays[f"{kind}: output, {group}"] = rng.random((2, EPISODES, TRIALS, MODULES))
    told = np.broadcast_to(contexts[..., None] > 0, (2, EPISODES, TRIALS, MODULES))
    arrays[f"{modules.COMPETING}: active, {modules.NETWORKS}"] = told
    arrays[f"{modules.COMPETING}: active, {modules.UNTRAINED}"] = rng.random(told.shape) < 0.5
    return arrays


def test_tables_of_known_arrays() -> None:
    tables = modules.analyse(CONFIG, modules.Tested(pd.DataFrame(), known_arrays()))
    index = tables["specialisation"].groupby("kind")["index"].mean()
    assert index[modules.COMPETING] == 1 and index[modules.ALL_ACTIVE] == 0 and np.isnan(index[modules.UNDIVIDED])
    lesions = tables["lesions"].query("kind == 'modules' and subject == 1")
    assert lesions["loss_stays"].tolist() == [1, 0, 0, 0, 0, 0]
    assert lesions["loss_alternates"].tolist() == [0, 1, 0, 0, 0, 0]
    bits = tables["information"].query("measure == 'active'").groupby("group")[["bits", "shuffled"]].mean()
    assert bits["bits"][modules.NETWORKS] == pytest.approx(1) and (bits["shuffled"] < 0.1).all()
    assert bits["bits"][modules.UNTRAINED] < 0.05
    accuracy = tables["accuracy"].groupby("test")["accuracy"].mean()
    assert accuracy.to_dict() == {modules.USUAL: 1, modules.LONGER: 0, modules.CHANGING: 1}
    verdicts = modules.compare_kinds(tables).set_index("quantity")
    row = verdicts.loc["bits of context in a module's being active"]
    assert row["networks_in_direction"] == 2 and row["verdict"] != OPPOSITE


def test_only_networks_of_one_layer_are_laid_beside_modules() -> None:
    with pytest.raises(
        ConfigError, match="^agent must be one undivided recurrent layer, to be laid beside modules, not actor"
    ):
        replace(CONFIG, agent="actor-critic-rpe").for_condition(modules.UNDIVIDED)
    assert replace(CONFIG, agent="gru").for_condition(modules.UNDIVIDED).agent == "gru"
    assert CONFIG.for_condition(modules.ALL_ACTIVE).active_modules == MODULES  # type: ignore[attr-defined]
