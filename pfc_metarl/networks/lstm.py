"""The LSTM of the paper, with its gradient through time written out."""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pfc_metarl.networks.agent import State
from pfc_metarl.networks.kernels import hear
from pfc_metarl.networks.recurrent import Recurrent, per_network


class LSTM(Recurrent):
    """Replicated LSTM without peepholes; its state is hidden, cell.

    Gates are stored in the order output, input, forget, candidate:

        o, i, f = sigmoid(x W_x + h W_h + b),  g = tanh(x W_x + h W_h + b)
        c' = f c + i g,  h' = o tanh(c')

    The forget gate's bias starts at 1 (the usual default of TensorFlow, which the paper used); else see `Recurrent`.
    """

    gates, states, forget = 4, 2, 2

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        hidden, cell = state
        gates = torch.baddbmm(gates, hidden, self.hidden_weight)
        o, i, f = gates[..., : 3 * self.units].sigmoid().split(self.units, -1)
        cell = torch.addcmul(f * cell, i, gates[..., 3 * self.units :].tanh())
        return o * torch.tanh(cell), cell

    def forward(self, inputs: Tensor, begins: Tensor, state: State) -> Tensor:
        """All steps of an unroll, compiled where no gradient is asked for; see `Recurrent`."""
        if not torch.is_grad_enabled() and inputs.device.type == "cpu" and inputs.dtype == torch.float32:
            return self._hear(inputs, begins, state)
        return _Unroll.apply(inputs, self.input_weight, self.hidden_weight, self.bias, self.initial, begins, *state)

    def _hear(self, inputs: Tensor, begins: Tensor, state: State) -> Tensor:
        steps, networks, episodes, width = inputs.shape
        weights = torch.cat([self.input_weight, self.bias, self.hidden_weight], 1).contiguous().numpy()
        seen = np.empty((networks, steps + 1, episodes, width + 1 + self.units), np.float32)
        seen[:, :-1, :, :width], seen[..., width] = inputs.transpose(0, 1).numpy(), 1
        seen[:, 0, :, width + 1 :] = state[0]
        out = np.empty((networks, steps, episodes, self.units), np.float32)
        cell = np.stack([state[1].numpy()] * 2, axis=1)
        anew, start = begins.transpose(0, 1).contiguous().numpy(), self.initial.contiguous().numpy()
        for n in range(networks):
            hear(seen[n], weights[n], cell[n], anew[n], start[n], out[n])  # type: ignore[call-arg]
        return torch.from_numpy(out).transpose(0, 1)


class _Unroll(torch.autograd.Function):
    """The LSTM through time with its gradient written out (backpropagation through time).

    Autograd over single steps would take several times as long at this size. What does not depend on
    the recursion (input products, local slopes, weight gradients) is done for all time steps at once;
    the tests compare outputs and gradients with torch.nn.LSTM and with autograd over single steps.
    """

    @staticmethod
    def forward(ctx, inputs, input_weight, hidden_weight, bias, initial, begins, hidden0, cell0):
        units = hidden0.shape[-1]
        gates = per_network(inputs, input_weight).add_(bias)
        steps, networks, episodes, _ = gates.shape
        # before and after each step; where an episode begins the two differ
        before = gates.new_empty(2, steps, networks, episodes, units)
        hidden, cell, squashed = (gates.new_empty(steps, networks, episodes, units) for _ in range(3))
        anew = begins.flatten(1).any(1).tolist()  # most steps begin no episode
        h, c = hidden0, cell0
        for t, z in enumerate(gates.unbind()):
            if anew[t]:
                begin = begins[t].unsqueeze(-1)
                h, c = torch.where(begin, initial[:, :1], h), torch.where(begin, initial[:, 1:], c)
            before[0, t], before[1, t] = h, c
            z.baddbmm_(h, hidden_weight)
            o, i, f = z[..., : 3 * units].sigmoid_().split(units, -1)
            g = z[..., 3 * units :].tanh_()
            torch.mul(f, c, out=cell[t]).addcmul_(i, g)
            torch.tanh(cell[t], out=squashed[t])
            torch.mul(o, squashed[t], out=hidden[t])
            h, c = hidden[t], cell[t]
        ctx.anew = anew
        ctx.save_for_backward(inputs, input_weight, hidden_weight, gates, begins, before, squashed)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_hidden):
        inputs, input_weight, hidden_weight, gates, begins, before, squashed = ctx.saved_tensors
        steps, networks, episodes, units = squashed.shape
        o, i, f, g = gates.split(units, -1)
        # d(gate before squashing): slopes first, for all steps; the recursion multiplies in the error
        slope = torch.empty_like(gates)
        slope[..., :units] = squashed * o * (1 - o)
        slope[..., units : 2 * units] = g * i * (1 - i)
        slope[..., 2 * units : 3 * units] = before[1] * f * (1 - f)
        slope[..., 3 * units :] = i * (1 - g * g)
        cell_from_hidden = o * (1 - squashed * squashed)
        back = hidden_weight.transpose(1, 2).contiguous()
        d_hidden, d_cell = grad_hidden[-1], torch.zeros_like(squashed[0])
        d_initial = gates.new_zeros(networks, 2, units)
        for t in range(steps - 1, -1, -1):
            d_cell.addcmul_(d_hidden, cell_from_hidden[t])
            d_gates = slope[t]
            by_gate = d_gates.view(networks, episodes, 4, units)
            by_gate[:, :, 0] *= d_hidden
            by_gate[:, :, 1:] *= d_cell.unsqueeze(2)
            d_cell *= f[t]
            if ctx.anew[t]:  # what comes from before ends here
                d_before, begin = torch.bmm(d_gates, back), begins[t].unsqueeze(-1)
                for k, d in enumerate((d_before, d_cell)):
                    d_initial[:, k] += (d * begin).sum(1)
                    d.masked_fill_(begin, 0)
                d_hidden = d_before + grad_hidden[t - 1] if t else d_before
            else:
                d_hidden = torch.baddbmm(grad_hidden[t - 1], d_gates, back) if t else torch.bmm(d_gates, back)

        def by_network(x: Tensor) -> Tensor:  # (time, network, episode, .) -> (network, time x episode, .)
            return x.transpose(0, 1).reshape(networks, steps * episodes, -1)

        d_gates = by_network(slope)
        d_inputs = per_network(slope, input_weight.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        d_input_weight = torch.bmm(by_network(inputs).transpose(1, 2), d_gates)
        d_hidden_weight = torch.bmm(by_network(before[0]).transpose(1, 2), d_gates)
        d_bias = d_gates.sum(1, keepdim=True)
        return d_inputs, d_input_weight, d_hidden_weight, d_bias, d_initial, None, d_hidden, d_cell
