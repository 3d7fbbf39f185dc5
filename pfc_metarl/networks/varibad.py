"""A policy that is given a belief, which a variational encoder learns to hold by predicting rewards (VariBAD, Zintgraf
et al. 2020): a normal distribution of a few numbers, from which the rewards of the whole episode are to be told, those
that have been met and those to come."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.networks.belief import InferringNetwork
from pfc_metarl.networks.recurrent import Head, per_network, random_weights
from pfc_metarl.tasks.episodes import Episodes

LATENT, DECODER_UNITS, KL_WEIGHT, DECODED_FROM = 5, 32, 0.01, 16
"""Numbers of the latent, units of the decoder, weight of the divergence (all as published for GridNavi); and from how
many steps of an episode, drawn at random, its rewards are decoded (our choice: all would take minutes)."""


class VariationalNetwork(InferringNetwork):
    """What is inferred are means and logs of variances; the policy is given both.

    The loss, less a constant, is minus the evidence lower bound (their Eq. 8): squared errors of the decoded rewards,
    halved and summed over the episode, and the divergence of each step's distribution from the one before (at first
    from the standard normal), both means over the steps at which they are taken.
    """

    def __init__(self, seeds: Sequence[int], observations: tuple[int, ...], actions: int, units: int) -> None:
        super().__init__(seeds, observations, actions, units, 0, (2 * LATENT, 2 * LATENT))
        inputs = LATENT + 2 * observations[0] + actions
        self.decoder = nn.Parameter(random_weights(seeds, 3, (inputs, DECODER_UNITS), inputs**-0.5))
        self.decoder_bias = nn.Parameter(torch.zeros(len(seeds), 1, DECODER_UNITS))
        self.reward = Head(len(seeds), DECODER_UNITS, 1)

    def decode(self, latents: Tensor, before: Tensor, actions: Tensor, after: Tensor) -> Tensor:
        """Rewards of all transitions of an episode, by each of several latents.

        Args:
            latents: (latent, network, episode, number).
            before, actions, after: observations, actions and next observations (time, network, episode, ...).

        Returns:
            (latent, time, network, episode)
        """
        known = torch.cat([before, self.action_policy.shown(actions), after], -1)
        of_latents, of_known = (
            per_network(x, weight)
            for x, weight in ((latents, self.decoder[:, :LATENT]), (known, self.decoder[:, LATENT:]))
        )
        hidden = torch.relu(of_latents.unsqueeze(1) + of_known + self.decoder_bias)
        return (hidden @ self.reward.weight + self.reward.bias).squeeze(-1)

    def auxiliary_loss(self, episodes: Episodes, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Minus the evidence lower bound, mean over episodes; see `Agent`. (The last reward is not seen any more.)"""
        seen, inferred = self.unrolled
        steps = len(inferred) - 1
        mean, log_variance = inferred.split(LATENT, -1)
        own = episodes.records["trials"] * max(1, episodes.task.steps_per_trial)
        counts = torch.from_numpy(np.arange(steps) < own[..., None] - 1).movedim(-1, 0).to(self.device)
        drawn = [
            (
                rng.integers(0, steps, DECODED_FROM),
                rng.standard_normal((DECODED_FROM, own.shape[1], LATENT), np.float32),
            )
            for rng in rngs
        ]
        at, noise = (torch.from_numpy(np.stack(x, 1)).to(self.device) for x in zip(*drawn))
        network = torch.arange(len(rngs), device=self.device)
        latents = mean[at, network] + (log_variance[at, network] / 2).exp() * noise
        told = self.decode(latents, seen.observations[:-1], seen.actions[1:], seen.observations[1:])
        errors = (0.5 * (told - seen.rewards[1:]).square() * counts).sum(1)
        return errors.mean((0, -1)) + KL_WEIGHT * divergences(mean, log_variance).mean((0, -1))


def divergences(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback and Leibler's, of each step's normal distribution from that before, at first from the standard one.

    Args:
        mean, log_variance: (time, ..., number).

    Returns:
        (time, ...)
    """
    nothing = torch.zeros_like(mean[:1])
    mean_before, log_before = (torch.cat([nothing, x[:-1]]) for x in (mean, log_variance))
    apart = (mean - mean_before).square() + log_variance.exp()
    return 0.5 * (log_before - log_variance + apart / log_before.exp() - 1).sum(-1)
