"""Recurrent layers against those of PyTorch and against autograd over single steps."""

import pytest
import torch

from pfc_metarl.networks.gru import GRU
from pfc_metarl.networks.lstm import LSTM
from pfc_metarl.networks.recurrent import Head, Recurrent
from pfc_metarl.networks.rnn import RNN

INPUTS, UNITS, STEPS, EPISODES = 5, 7, 11, 3
LAYERS = [LSTM, GRU, RNN]
TORCH = {LSTM: torch.nn.LSTM, GRU: torch.nn.GRU, RNN: torch.nn.RNN}
close = torch.testing.assert_close


def layer_of(kind: type[Recurrent]) -> Recurrent:
    layer = kind([3, 4], INPUTS, UNITS).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    return layer


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.double, generator=torch.Generator().manual_seed(sum(shape)))


def in_order_of_torch(weight: torch.Tensor, kind: type[Recurrent]) -> torch.Tensor:
    """Our gates (LSTM: o, i, f, g) in the order of PyTorch (i, f, g, o), output first."""
    gates = weight.split(UNITS, -1)
    return torch.cat([gates[k] for k in ((1, 2, 3, 0) if kind is LSTM else range(len(gates)))], -1).transpose(-1, -2)


def torch_layer(layer: Recurrent, network: int) -> torch.nn.RNNBase:
    """PyTorch's layer with a network's weights; our one bias is that of its inputs."""
    kind = type(layer)
    reference = TORCH[kind](INPUTS, UNITS).double()
    with torch.no_grad():
        reference.weight_ih_l0.copy_(in_order_of_torch(layer.input_weight[network], kind))
        reference.weight_hh_l0.copy_(in_order_of_torch(layer.hidden_weight[network], kind))
        reference.bias_ih_l0.copy_(in_order_of_torch(layer.bias[network], kind)[:, 0])
        reference.bias_hh_l0.zero_()
    return reference


@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_and_gradients_equal_those_of_torch(kind: type[Recurrent]) -> None:
    layer = layer_of(kind)
    inputs = drawn(STEPS, 2, EPISODES, INPUTS).requires_grad_()
    begins = torch.zeros(STEPS, 2, EPISODES, dtype=torch.bool)
    begins[0] = True
    error = drawn(STEPS, 2, EPISODES, UNITS)
    out = layer(inputs, begins, layer.start(EPISODES))
    out.backward(error)
    for k in range(2):
        reference = torch_layer(layer, k)
        its_inputs = inputs.detach()[:, k].clone().requires_grad_()
        initial = layer.initial.detach()[k].clone().requires_grad_()
        start = [s.expand(1, EPISODES, -1) for s in initial]
        expected, _ = reference(its_inputs, tuple(start) if kind is LSTM else start[0])
        expected.backward(error[:, k])
        close(out[:, k], expected)
        close(inputs.grad[:, k], its_inputs.grad)
        close(in_order_of_torch(layer.input_weight.grad[k], kind), reference.weight_ih_l0.grad)
        close(in_order_of_torch(layer.hidden_weight.grad[k], kind), reference.weight_hh_l0.grad)
        close(in_order_of_torch(layer.bias.grad[k], kind)[:, 0], reference.bias_ih_l0.grad)
        close(layer.initial.grad[k], initial.grad)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("at_once", [False, True], ids=["some episodes begin at the first step", "all do"])
def test_an_unroll_with_episodes_that_begin_in_it_equals_single_steps(kind: type[Recurrent], at_once: bool) -> None:
    """All gradients too: of inputs, weights, the learned initial state, and the state that came before."""
    unrolled, stepped = layer_of(kind), layer_of(kind)
    begins = torch.rand(STEPS, 2, EPISODES, generator=torch.Generator().manual_seed(2)) < 0.25
    begins[0, 0] = True
    begins[0, 1:] = at_once
    begins[4], begins[5] = True, False  # steps at which all begin, and none
    error, results = drawn(STEPS, 2, EPISODES, UNITS), []
    for layer in (unrolled, stepped):
        inputs = drawn(STEPS, 2, EPISODES, INPUTS).requires_grad_()
        before = tuple(drawn(2, EPISODES, UNITS).add(i).requires_grad_() for i in range(layer.states))
        if layer is unrolled:
            out = layer(inputs, begins, before)
        else:
            state, outs = before, []
            for x, begin in zip(inputs, begins.unsqueeze(-1)):
                state = tuple(torch.where(begin, s0, s) for s0, s in zip(layer.start(EPISODES), state))
                state = layer.step(x, state)
                outs.append(state[0])
            out = torch.stack(outs)
        out.backward(error)
        results.append([out, inputs.grad, *(s.grad for s in before), *(p.grad for p in layer.parameters())])
    for one, other in zip(*results, strict=True):
        assert one.abs().sum() > 0 or at_once  # where all begin anew, no gradient reaches what came before
        close(one, other)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_start_that_is_not_learned_gets_no_gradient(kind: type[Recurrent]) -> None:
    layer = kind([1], INPUTS, UNITS, learned_start=False)
    begins = torch.ones(2, 1, EPISODES, dtype=torch.bool)
    layer(torch.randn(2, 1, EPISODES, INPUTS), begins, layer.start(EPISODES)).sum().backward()
    assert layer.initial.grad is None and not layer.initial.any()
    assert layer.input_weight.grad.any()


@pytest.mark.parametrize("kind", LAYERS)
def test_weights_at_the_start(kind: type[Recurrent]) -> None:
    """Standard normal inputs, recurrent weights of s.d. 1 / sqrt(units), no biases but the forget gate's 1."""
    layer = kind([1, 2], 40, 30)
    assert layer.input_weight.std().item() == pytest.approx(1, rel=0.05)
    assert layer.hidden_weight.std().item() == pytest.approx(30**-0.5, rel=0.05)
    bias = torch.zeros(2, 1, layer.gates * 30)
    if kind is LSTM:
        bias[..., 60:90] = 1
    assert torch.equal(layer.bias, bias)
    other = kind([1, 2], 40, 30, layer=1)
    assert not torch.isclose(layer.input_weight, other.input_weight).any()  # drawn anew
    assert not torch.isclose(layer.hidden_weight, other.hidden_weight).any()


def test_read_out_is_linear_and_starts_at_nothing() -> None:
    head = Head(2, UNITS, 3)
    assert not head(torch.randn(STEPS, 2, EPISODES, UNITS)).any()
    with torch.no_grad():
        head.weight.normal_(), head.bias.normal_()
    hidden = torch.randn(STEPS, 2, EPISODES, UNITS)
    for k in range(2):
        expected = torch.nn.functional.linear(hidden[:, k], head.weight[k].T, head.bias[k, 0])
        close(head(hidden)[:, k], expected)
        close(head.step(hidden[3])[k], expected[3])


def test_what_is_heard_in_compiled_loops_is_the_same() -> None:
    """Without a gradient, also where episodes begin on the way, and of a state that is no start."""
    layer = layer_of(LSTM).float()
    inputs, begins = drawn(STEPS, 2, EPISODES, INPUTS).float(), drawn(STEPS, 2, EPISODES) > 0.5
    state = tuple(drawn(2, EPISODES, UNITS + k)[..., :UNITS].float() for k in range(2))
    with torch.no_grad():
        heard = layer(inputs, begins, state)
    close(heard, layer(inputs, begins, state).detach(), rtol=1e-4, atol=1e-5)
    assert begins.any() and not begins.all() and not heard.requires_grad
