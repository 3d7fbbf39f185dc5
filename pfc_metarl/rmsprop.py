"""The optimiser (Methods, "Architecture and training": "RMSProp"), and clipping."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class RMSProp:
    """Gradient descent with every gradient divided by its root mean square.

    As PyTorch's: epsilon is added to the root of the mean square, which starts at 0. (TensorFlow's, which the paper
    used, adds it inside the root and starts at 1; the paper gives neither decay nor epsilon.) Summed losses give
    gradients far larger than sqrt(epsilon), so that the place of epsilon makes no difference; a mean square that
    starts at 0 makes the first updates larger. Written out here because loading PyTorch's takes seconds.

    The networks' weights are laid side by side in one tensor, so that an update is a few calls and not a few for each
    parameter; parameters become views of it. (Compiled loops do the same in `pfc_metarl.networks.updates`.)

    Args:
        parameters: what is learned, in the order in which it is laid; each has the network as its leading axis.
        decay: of the mean square.
        epsilon: added to its root.
        fixed: where nothing is learned (see `Agent.fixed`): the mean square is infinite there, so that the step is 0.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        decay: float,
        epsilon: float,
        fixed: Mapping[nn.Parameter, Tensor] | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.decay, self.epsilon = decay, epsilon
        self.weights = torch.cat([p.detach().flatten(1) for p in self.parameters], 1)
        self.mean_square = torch.zeros_like(self.weights)
        for p, own in zip(self.parameters, self.of_parameters(self.weights)):
            p.data = own
        for p, own in zip(self.parameters, self.of_parameters(self.mean_square)):
            if fixed and p in fixed:
                own[fixed[p]] = torch.inf

    def of_parameters(self, numbers: Tensor) -> list[Tensor]:
        """Weights, or mean squares, (network, number), as views in the parameters' shapes."""
        own = numbers.split([p[0].numel() for p in self.parameters], 1)
        return [x.view(p.shape) for x, p in zip(own, self.parameters)]

    def gradient(self) -> Tensor:
        """That of all parameters, (network, weight); 0 where none was computed. They give it away."""
        told = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        for p in self.parameters:
            p.grad = None
        return torch.cat([g.flatten(1) for g in told], 1)

    def step(self, gradient: Tensor, learning_rate: float) -> None:
        """One update of the weights by their gradient."""
        self.mean_square.mul_(self.decay).addcmul_(gradient, gradient, value=1 - self.decay)
        self.weights.addcdiv_(gradient, self.mean_square.sqrt().add_(self.epsilon), value=-learning_rate)


def clip(gradient: Tensor, largest: float) -> Tensor:
    """Scale each network's gradient (network, weight) down to a norm of at most `largest`; returns the norms before."""
    norm = torch.linalg.vector_norm(gradient, dim=1)
    if norm.isinf().any():  # in single precision squares overflow where numbers do not yet
        norm = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64).to(gradient.dtype)
    gradient *= (largest / norm).clamp(max=1.0).unsqueeze(1)
    return norm
