"""Where a network's state comes to rest if one event happens again and again (Sussillo & Barak 2013)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pfc_metarl.progress import progress
from pfc_metarl.state_space import Axis, Input, Points, System, drive

SEARCH, RATE = 1_000, 0.02
"""Steps of the search, and their size at first."""


def slow_points(system: System, axis: Axis, points: Points, trial: int, starts: int = 24) -> pd.DataFrame:
    """Where the state comes to rest if the same event happens again and again (Sussillo & Barak 2013).

    From visited states `|F(s) - s|^2` is made small, F being a cycle; of the slowest point of each network and event
    the belief is read out, and the eigenvalues of F's slope there tell how long a difference would last.

    Args:
        system, axis, points: the networks.
        trial: number of trials done, which is held.
        starts: states from which the search begins.

    Returns:
        Table: task, subject, event, speed (of the slowest point, as a share of the median speed at visited states),
        belief (read out), bayes (at which Bayes' update comes to rest), eigenvalue (largest modulus), second (the next
        one's), alignment (of the slowest mode with the direction of belief: the cosine's size).
    """
    held, rows = torch.full((len(system.agent.seeds), starts), float(trial)), []
    for event, (_, cycle) in system.events.items():
        inputs = cycle(held)
        start = points.states[:, :starts]
        at = settle(system, start, inputs)
        speed = (drive(system.agent, at, inputs)[0] - at).norm(dim=-1).detach()
        usual = (drive(system.agent, start, inputs)[0] - start).norm(dim=-1).detach().median(dim=1).values
        best = speed.argmin(dim=1)
        slowest = at[torch.arange(len(best)), best].detach()
        slopes = jacobians(system, slowest, cycle(held[:, :1]))
        beliefs = axis.read(slowest.unsqueeze(1))[:, 0]
        rest = at_rest(system, event, trial)
        for k, subject in enumerate(system.agent.seeds):
            values, vectors = np.linalg.eig(slopes[k])
            order = np.argsort(-np.abs(values))
            slow, along = np.real(vectors[:, order[0]]), axis.direction[k]
            cosine = abs(slow @ along) / (np.linalg.norm(slow) * np.linalg.norm(along))
            share = float(speed[k, best[k]] / usual[k])
            moduli = np.abs(values[order[:2]])
            rows.append((system.name, subject, event, share, beliefs[k], rest, *moduli, cosine))
    columns = ["task", "subject", "event", "speed", "belief", "bayes", "eigenvalue", "second", "alignment"]
    return pd.DataFrame(rows, columns=columns)


def settle(system: System, start: Tensor, inputs: Sequence[Input]) -> Tensor:
    """From each state, one at which a cycle moves as little as can be: first by letting it run, then by descent."""
    with torch.no_grad():
        for _ in range(200):
            start, _ = drive(system.agent, start, inputs)
    at = start.clone().requires_grad_(True)
    descent = torch.optim.Adam([at], RATE)
    for n in progress(range(SEARCH), "slow points"):
        descent.param_groups[0]["lr"] = RATE * (1 - n / SEARCH)
        descent.zero_grad()
        (drive(system.agent, at, inputs)[0] - at).square().sum().backward()
        descent.step()
    return at


def jacobians(system: System, states: Tensor, inputs: Sequence[Input]) -> np.ndarray:
    """Slopes of a cycle at one state of each network: (network, number after, number before)."""
    numbers = states.shape[-1]
    copies = states.unsqueeze(1).repeat(1, numbers, 1).requires_grad_(True)
    after, _ = drive(system.agent, copies, inputs)
    after.diagonal(dim1=1, dim2=2).sum().backward()  # of copy i the i-th number
    assert copies.grad is not None
    return copies.grad.numpy()


def at_rest(system: System, event: str, trial: int) -> float:
    """The belief at which Bayes' update comes to rest if one event happens again and again."""
    belief = np.array([0.5])
    for _ in range(1_000):
        belief = system.bayes(event, belief, np.array([float(trial)]))
    return float(belief[0])
