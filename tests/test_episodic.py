"""Episodic memory: what is stored and recalled, the unroll and its gradients, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import lively
from playing import renew
from playing import rngs as task_rngs

from pfc_metarl.agents.episodic import ContextBayes, SharedContextBayes
from pfc_metarl.agents.playing import lead
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Seen, State
from pfc_metarl.networks.episodic import EpisodicNetwork
from pfc_metarl.networks.episodic_memory import Memory
from pfc_metarl.rollout import Carry, Trajectory, play
from pfc_metarl.tasks import BarcodeBandit, EpisodicTwoStep, TwoStep
from pfc_metarl.tasks.task import Task
from simulations.maml import SIMULATION as MAML

CONFIG = Config(units=5, agent="episodic")
RUNNING = BarcodeBandit(3, 4, 2, 0.9, 0.1, unroll=4)  # epochs of 6 inner episodes, weights updated after 4
TWO_STEP = EpisodicTwoStep(12, 0.9, 0.9, 0.1, 0.1)
close = torch.testing.assert_close


def agent_for(task: Task) -> EpisodicNetwork:
    agent = lively(make_agent(CONFIG, task, [1, 2]))
    assert isinstance(agent, EpisodicNetwork) and not agent.compiled
    return agent


def played(agent: EpisodicNetwork, task: Task, start: Carry | None = None) -> Trajectory:
    return play(agent, task, task_rngs(), 3, start=start, renew=renew)


# -- the memory


def test_memory_is_that_of_a_list() -> None:
    """Few bits, so that some keys are alike, and some contexts all zeros; more is stored than there is room for."""
    rng, entries = torch.Generator().manual_seed(0), 5
    memory = Memory(torch.zeros(2, 3, entries, 4), torch.zeros(2, 3, entries, 2), torch.zeros(2, 3))
    lists: dict[tuple[int, int], list] = {(n, e): [] for n in range(2) for e in range(3)}
    for _ in range(20):
        context, asked = (torch.rand(2, 2, 3, 4, generator=rng) < 0.4).float()
        where, cell = torch.rand(2, 3, generator=rng) < 0.7, torch.randn(2, 3, 2, generator=rng)
        memory = memory.store(where, context, cell)
        told = memory.recall(asked)
        for at, own in lists.items():
            if where[at] and context[at].any():
                own.insert(0, (context[at], cell[at]))
                del own[entries:]
            best, found = -1.0, torch.zeros(2)
            for key, value in own:  # the newest first
                cosine = float(key @ asked[at] / (key.norm() * asked[at].norm()).clamp(min=1e-9))
                if asked[at].any() and cosine > best + 1e-5:
                    best, found = cosine, value
            close(told[at], found)
    assert memory.stored.max() == entries


# -- the unroll


def slowly(agent: EpisodicNetwork, seen: Seen, state: State, n: int, e: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and values of one network in one episode, step by step in the words of the equations."""
    lstm, heads, c = agent.recurrent, agent.heads, agent.contexts
    w_x, w_h, b = lstm.input_weight[n], lstm.hidden_weight[n], lstm.bias[n, 0]
    h, cell, m, shown = (s[n, e] for s in state[:4])
    memory = [(state[4][n, e, i], state[5][n, e, i]) for i in range(int(state[6][n, e]))]
    logits, values = [], []
    for t in range(len(seen.begins)):
        x, reward, action = seen.observations[t, n, e], seen.rewards[t, n, e], seen.actions[t, n, e]
        context = x[c.first : c.first + c.size]
        if seen.begins[t, n, e]:
            (h, cell), m, shown, memory = lstm.initial[n], torch.zeros(agent.units), torch.zeros(c.size), []
        if x[c.begins] == 1:
            if shown.any():
                memory = [(shown, cell.detach()), *memory]
            cosines = [float(torch.cosine_similarity(key, context, 0)) for key, _ in memory]
            m = memory[int(np.argmax(np.round(cosines, 5)))][1] if memory and context.any() else torch.zeros_like(m)
            if c.apart:
                (h, cell), reward, action = lstm.initial[n], torch.tensor(0.0), torch.tensor(-1)
        last = torch.nn.functional.one_hot(action + 1, agent.actions + 1)[1:]
        z = torch.cat([x, reward[None], last]) @ w_x + h @ w_h + b
        o, i, f, g, r = z.chunk(5)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh() + r.sigmoid() * m.tanh()
        h, shown = o.sigmoid() * cell.tanh(), context
        out = h @ heads.weight[n] + heads.bias[n, 0]
        logits.append(out[:-1])
        values.append(out[-1])
    return torch.stack(logits), torch.stack(values)


@pytest.mark.parametrize("task", [RUNNING, TWO_STEP])
def test_unroll_and_gradients_are_those_of_the_equations(task: Task) -> None:
    """Where epochs run on, in a second update, in the midst of which the next epoch begins."""
    agent = agent_for(task)
    own = played(agent, task, played(agent, task).end if task.running else None)
    rng, (n, e) = torch.Generator().manual_seed(1), (1, 2)
    out = agent(own.seen, own.start)
    assert len(own.seen.begins) > 16 and own.seen.begins[1:].any() == task.running
    weights = torch.randn(out.logits.shape, generator=rng), torch.randn(out.values.shape, generator=rng)
    ((out.logits * weights[0])[:, n, e].sum() + (out.values * weights[1])[:, n, e].sum()).backward()
    gradients = [p.grad[n].clone() for p in agent.parameters() if p.grad is not None]
    agent.zero_grad()
    logits, values = slowly(agent, own.seen, own.start, n, e)
    close(out.logits[:, n, e], logits)
    close(out.values[:, n, e], values)
    ((logits * weights[0][:, n, e]).sum() + (values * weights[1][:, n, e]).sum()).backward()
    assert len(gradients) == len(list(agent.parameters())) and all(g.abs().max() > 0.01 for g in gradients)
    for fast, p in zip(gradients, agent.parameters()):
        assert p.grad is not None
        close(fast, p.grad[n], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("task", [RUNNING, TWO_STEP])
@torch.no_grad()
def test_the_unroll_equals_play(task: Task) -> None:
    agent, start = agent_for(task), None
    for _ in range(4):
        own = played(agent, task, start)
        again = agent(own.seen, own.start)
        close(again.logits[: task.steps], own.logits)
        close(again.values[: task.steps], own.values)
        start = own.end if task.running else None
    assert own.logits.std() > 0.05


@torch.no_grad()
def test_memory_is_kept_within_an_epoch_alone() -> None:
    agent = agent_for(RUNNING)
    first = played(agent, RUNNING)
    second = played(agent, RUNNING, first.end)
    begins = int(second.seen.begins[:, 0, 0].nonzero()[0])  # of the second epoch
    assert begins == 8 and first.end.state[6].eq(3).all()  # the fourth inner episode is stored where the next begins
    before, after = (Seen(*(x[part] for x in second.seen)) for part in (slice(begins), slice(begins, None)))
    logits = agent(second.seen, second.start).logits
    close(agent(after, agent.start(3)).logits, logits[begins:])  # nothing of what was before
    forgotten = agent(before, (*second.start[:4], *agent.start(3)[4:])).logits
    assert (forgotten - logits[:begins]).abs().amax((0, 3)).gt(1e-3).all()  # but here much
    assert second.end.state[6].eq(1).all()


@torch.no_grad()
def test_the_reinstatement_gate() -> None:
    """By its equation, from what units put out the step before (at an inner episode's start: what they start with)."""
    agent = agent_for(RUNNING)
    own = played(agent, RUNNING)
    told = agent.reinstatement(own.seen, own.start)
    t, n, e = 5, 1, 0  # not where an inner episode begins
    seen = own.seen
    action = torch.nn.functional.one_hot(seen.actions[t, n, e], 3)
    x = torch.cat([seen.observations[t, n, e], seen.rewards[t, n, e, None], action])
    z = x @ agent.recurrent.input_weight[n] + own.activity[t - 1, n, e] @ agent.recurrent.hidden_weight[n]
    close(told[t, n, e], (z + agent.recurrent.bias[n, 0])[-5:].sigmoid().mean())
    x = torch.cat([seen.observations[4, n, e], torch.zeros(4)])
    z = x @ agent.recurrent.input_weight[n] + agent.recurrent.initial[n, 0] @ agent.recurrent.hidden_weight[n]
    close(told[4, n, e], (z + agent.recurrent.bias[n, 0])[-5:].sigmoid().mean())


# -- what is refused


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="^agent episodic recalls by contexts that come again; two_step shows none$"):
        make_agent(CONFIG, TwoStep(10, 0.8, 0.9, 0.1, 0.02), [1])
    with pytest.raises(ConfigError, match="^agent must be feedforward: .*, not episodic$"):
        replace(MAML.config("fast"), agent="episodic")
    with pytest.raises(ConfigError, match="^trials must be a multiple of 4, below 1024, not 50$"):
        EpisodicTwoStep(50, 0.9, 0.9, 0.1, 0.1)
    with pytest.raises(ConfigError, match="^arms must be from 2 to 100, not 1$"):
        BarcodeBandit(1, 10, 10, 0.9, 0.1)
    with pytest.raises(ConfigError, match="^high and low must lie between 0 and 1, high above low, not 0.1 and 0.9$"):
        ContextBayes(10, 0.1, 0.9)
    with pytest.raises(ConfigError, match="^arms are shared out exactly for up to 12 of them, not for 13$"):
        SharedContextBayes(13, 0.9, 0.1)
    with pytest.raises(TableError, match="^a session has 3 barcodes; 2 arms are shared out$"):
        lead(
            SharedContextBayes(2, 0.9, 0.1), play_agent(ContextBayes(3, 0.9, 0.1), RUNNING, task_rngs()[0], 1, "other")
        )
