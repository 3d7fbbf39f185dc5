"""The replicated LSTM against torch.nn.LSTM, and the independence of the replicas."""

import pytest
import torch

from pfc_metarl.lstm import LSTM, State
from pfc_metarl.network import PrefrontalNetwork

INPUTS, UNITS, STEPS, EPISODES = 5, 7, 11, 3


def to_torch_order(weight: torch.Tensor) -> torch.Tensor:
    """Our gates (o, i, f, g) in the order of torch.nn.LSTM (i, f, g, o), output first."""
    o, i, f, g = weight.split(UNITS, -1)
    return torch.cat([i, f, g, o], -1).transpose(-1, -2)


@pytest.fixture
def lstm() -> LSTM:
    lstm = LSTM([3, 4], INPUTS, UNITS).double()
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return lstm


def oracle(lstm: LSTM, network: int) -> torch.nn.LSTM:
    reference = torch.nn.LSTM(INPUTS, UNITS).double()
    with torch.no_grad():
        reference.weight_ih_l0.copy_(to_torch_order(lstm.input_weight[network]))
        reference.weight_hh_l0.copy_(to_torch_order(lstm.hidden_weight[network]))
        reference.bias_ih_l0.copy_(to_torch_order(lstm.bias[network])[:, 0])
        reference.bias_hh_l0.zero_()
    return reference


def test_forward_and_gradients_equal_torch(lstm: LSTM) -> None:
    inputs = torch.randn(STEPS, 2, EPISODES, INPUTS, dtype=torch.double, requires_grad=True)
    error = torch.randn(STEPS, 2, EPISODES, UNITS, dtype=torch.double)
    hidden = lstm(inputs, lstm.initial_state(EPISODES))
    hidden.backward(error)
    for k in range(2):
        reference = oracle(lstm, k)
        its_inputs = inputs.detach()[:, k].clone().requires_grad_()
        start = [
            s[k].detach().expand(EPISODES, -1)[None].clone().requires_grad_()
            for s in (lstm.initial_hidden, lstm.initial_cell)
        ]
        expected, _ = reference(its_inputs, tuple(start))
        expected.backward(error[:, k])
        close = torch.testing.assert_close
        close(hidden[:, k], expected)
        close(inputs.grad[:, k], its_inputs.grad)
        close(to_torch_order(lstm.input_weight.grad[k]), reference.weight_ih_l0.grad)
        close(to_torch_order(lstm.hidden_weight.grad[k]), reference.weight_hh_l0.grad)
        close(to_torch_order(lstm.bias.grad[k])[:, 0], reference.bias_ih_l0.grad)
        close(lstm.initial_hidden.grad[k, 0], start[0].grad.sum((0, 1)))
        close(lstm.initial_cell.grad[k, 0], start[1].grad.sum((0, 1)))


def test_steps_equal_unroll(lstm: LSTM) -> None:
    inputs = torch.randn(STEPS, 2, EPISODES, INPUTS, dtype=torch.double)
    state = lstm.initial_state(EPISODES)
    with torch.no_grad():
        unrolled = lstm(inputs, state)
        for t in range(STEPS):
            state = lstm.step(inputs[t], State(*state))
            torch.testing.assert_close(state.hidden, unrolled[t])


def test_weights_depend_on_own_seed_alone() -> None:
    together, alone = PrefrontalNetwork([1, 2, 3], 4, 3, 8), PrefrontalNetwork([3], 4, 3, 8)
    for all_three, one in zip(together.parameters(), alone.parameters()):
        assert torch.equal(all_three[2:], one)
    assert not torch.equal(together.lstm.input_weight[0], together.lstm.input_weight[1])


def test_inputs_are_observation_reward_action() -> None:
    network = PrefrontalNetwork([1], 2, 3, 4)
    out = torch.zeros(1, 2, network.input_size)
    observation = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    network.write_inputs(out, observation, torch.tensor([[0.5, -1.0]]), torch.tensor([[2, 0]]))
    assert out.tolist() == [[[0, 1, 0.5, 0, 0, 1], [1, 0, -1, 1, 0, 0]]]
