"""Modules: side by side they are separate LSTMs; those whose attention is weak keep their state."""

import numpy as np
import pytest
import torch
from fakes import TWO_STEP, agent_of
from test_agents_contract import EPISODES, SEEDS, anything_seen, on_the_way

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import last_seen
from pfc_metarl.networks.lesioned import silence
from pfc_metarl.networks.modules import ACTIVE, MODULES, ModularLSTM, ModularNetwork

UNITS, SIZE = 4 * MODULES, 4
close = torch.testing.assert_close


def modular() -> ModularNetwork:
    network = agent_of("modules", TWO_STEP, *SEEDS, units=UNITS)
    assert isinstance(network, ModularNetwork)
    return network


def inputs_of(network: ModularNetwork) -> torch.Tensor:
    seen = anything_seen()
    return last_seen(seen.observations, seen.rewards, seen.actions, network.action_policy)


def test_all_active_and_silent_they_are_separate_lstms() -> None:
    """Side by side: PyTorch's own, each with its module's weights, which hear the input as far as it is attended to."""
    network = modular()
    layer, inputs = network.recurrent, inputs_of(network)
    layer.active = MODULES
    layer.reading_weight[..., 2 * SIZE :] = 0  # values: nothing is read
    state = on_the_way(network)
    order = [1, 2, 3, 0]  # PyTorch's gates: input, forget, candidate, output
    for k, module in np.ndindex(len(SEEDS), MODULES):
        own = slice(module * SIZE, (module + 1) * SIZE)

        def by_gate(weight: torch.Tensor, at: slice = own) -> torch.Tensor:
            return weight.unflatten(-1, (-1, UNITS))[..., order, at].flatten(-2)

        cell = torch.nn.LSTMCell(inputs.shape[-1], SIZE)
        cell.weight_ih.data = by_gate(layer.input_weight[k][:, : 4 * UNITS]).T
        cell.weight_hh.data = layer.hidden_weight[k, own].unflatten(-1, (4, SIZE))[:, order].flatten(1).T
        cell.bias_ih.data = by_gate(layer.bias[k, 0, : 4 * UNITS])
        cell.bias_hh.data.zero_()
        query = layer.input_weight[k][:, 4 * UNITS :][:, own]
        alone, all_of = tuple(s[k, :, own] for s in state), state
        for x in inputs:
            keys = x[k] @ query + layer.bias[k, 0, 4 * UNITS :][own]
            attention = torch.sigmoid((keys * (alone[0] + layer.offset[k, 0, own])).sum(-1) / SIZE**0.5)
            alone = cell(attention.unsqueeze(-1) * x[k], alone)
            all_of = layer.step(x, all_of)
            for one, other in zip(alone, all_of):
                close(one, other[k, :, own])


def test_active_are_those_that_attend_most_and_the_others_keep_their_state() -> None:
    network = modular()
    layer, before = network.recurrent, on_the_way(network)
    for x in inputs_of(network):
        after = layer.step(x, before)
        keys = (x @ layer.input_weight + layer.bias)[..., 4 * UNITS :]
        attention = layer.attention(keys, before[0])
        by_rank = attention.argsort(-1, descending=True)
        active = torch.zeros_like(attention, dtype=torch.bool).scatter(-1, by_rank[..., :ACTIVE], True)
        for old, new in zip(before, after):
            moved = (old != new).unflatten(-1, (MODULES, SIZE))
            assert (moved.all(-1) == active).all() and (moved.any(-1) == active).all()
        told = ModularLSTM.were_active(after[0].unsqueeze(0), before)
        assert torch.equal(told[0], active)
        before = after
    assert active.float().mean() == ACTIVE / MODULES and len(active.flatten(0, 1).unique(dim=0)) > 1


def test_attention_to_a_null_input_is_the_rest_of_a_softmax() -> None:
    """Key and value of a null input are 0."""
    network = modular()
    hidden, keys = torch.randn(len(SEEDS), EPISODES, UNITS), torch.randn(len(SEEDS), EPISODES, UNITS)
    query = (hidden + network.recurrent.offset).unflatten(-1, (MODULES, SIZE))
    scores = torch.stack([(keys.unflatten(-1, (MODULES, SIZE)) * query).sum(-1), torch.zeros(2, 3, MODULES)], -1)
    close(network.recurrent.attention(keys, hidden), torch.softmax(scores / SIZE**0.5, -1)[..., 0])


def test_reading_is_attention_to_the_outputs_of_all() -> None:
    network = modular()
    hidden = torch.randn(len(SEEDS), EPISODES, UNITS)
    read = network.recurrent.read(hidden)
    for k, e in np.ndindex(len(SEEDS), EPISODES):
        outputs = hidden[k, e].view(MODULES, SIZE)
        weight = network.recurrent.reading_weight[k].view(MODULES, SIZE, 3, SIZE)
        query, key, value = torch.einsum("mi,mipo->pmo", outputs, weight)
        told = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        close(read[k, e].view(MODULES, SIZE), told)


def test_of_a_silent_module_nobody_hears() -> None:
    """Whatever its state is, policy, value and the other modules are the same."""
    network = modular()
    units = np.zeros((len(SEEDS), UNITS), bool)
    units[:, 2 * SIZE : 3 * SIZE] = True
    silent, seen = silence(network, units), anything_seen()
    state = network.start(EPISODES)
    other = tuple(torch.where(torch.from_numpy(units).unsqueeze(1), s + 1, s) for s in state)
    assert not torch.isclose(network(seen, state).values[0], network(seen, other).values[0]).all()
    one, two = (silent(seen._replace(begins=torch.zeros_like(seen.begins)), s) for s in (state, other))
    close(one.logits[0], two.logits[0])
    for unit in range(UNITS):
        alike = torch.equal(one.activity[0, ..., unit], two.activity[0, ..., unit])
        assert alike or units[0, unit]


def test_how_many_are_active_is_a_setting_and_units_must_fit() -> None:
    class Own(Config):
        active_modules = 2

    made = make_agent(Own(agent="modules", units=UNITS), TWO_STEP, [1])
    assert isinstance(made, ModularNetwork) and made.recurrent.active == 2
    with pytest.raises(ConfigError, match="^units must be a multiple of the 6 modules, not 50$"):
        make_agent(Config(agent="modules", units=50), TWO_STEP, [1])
