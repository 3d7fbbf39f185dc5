"""Episodic memory: what is stored and recalled, gradients, tasks whose contexts come again, those who know them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import lively
from playing import begun, renew
from playing import play as play_task
from playing import rngs as task_rngs

from pfc_metarl.agents.episodic import ContextBayes, RecallingPlanner
from pfc_metarl.agents.playing import lead
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.recall import CUED, EPISODIC, UNCUED, by_meeting, cued_stay, first_pulls
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Seen, State
from pfc_metarl.networks.episodic import EpisodicNetwork
from pfc_metarl.networks.episodic_memory import Memory
from pfc_metarl.rollout import Carry, Trajectory, play
from pfc_metarl.tasks import ContextualBandit, EpisodicTwoStep, TwoStep
from pfc_metarl.tasks.contextual_bandit import BARCODE, BITS
from pfc_metarl.tasks.task import Task
from simulations.maml import SIMULATION as MAML

CONFIG = Config(units=5, agent="episodic")
RUNNING = ContextualBandit(3, 4, 2, 0.9, 0.1, unroll=4)  # epochs of 6 inner episodes, weights updated after 4
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
        ContextualBandit(1, 10, 10, 0.9, 0.1)
    with pytest.raises(ConfigError, match="^high and low must lie between 0 and 1, high above low, not 0.1 and 0.9$"):
        ContextBayes(10, 0.1, 0.9)


# -- the contextual bandit

EPOCH = ContextualBandit(10, 10, 10, 0.9, 0.1)


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


def test_ideal_learners_go_by_bayes_rule() -> None:
    """Against the product of all outcomes' probabilities; who remembers counts those of earlier episodes too."""
    task = ContextualBandit(3, 4, 3, 0.8, 0.3)
    for remembers in (True, False):
        agent = ContextBayes(3, 0.8, 0.3, remembers)
        table = play_agent(agent, task, np.random.default_rng(0), 5, "ideal")
        told = lead(agent, table)
        for _, own in table.groupby("session"):
            for at, now in own.iterrows():
                same = own[(own["barcode"] == now["barcode"]) & (own["trial"] < now["trial"])]
                same = same if remembers else same[same["inner"] == now["inner"]]
                p = np.where(same["choice"].to_numpy()[:, None] == np.arange(3), 0.8, 0.3)
                likely = np.where(same["reward"].to_numpy()[:, None] == 1, p, 1 - p).prod(axis=0)
                best = np.isclose(likely, likely.max())
                assert best[int(now["choice"])] and told[at] == pytest.approx(1 / best.sum())


def test_memory_pays_where_contexts_come_again() -> None:
    tables = [
        play_agent(ContextBayes(10, 0.9, 0.1, remembers), EPOCH, np.random.default_rng(1), 30, name)
        for name, remembers in (("remembers", True), ("forgets", False))
    ]
    own = first_pulls(pd.concat(tables)).set_index("group")
    assert own.loc["remembers", "old"] > 0.85 and own.loc["remembers", "reward"] > 8.2
    assert abs(own["new"] - 0.18).max() < 0.09 and abs(own.loc["forgets", "old"] - 0.18) < 0.03
    assert own.loc["forgets", "reward"] == pytest.approx(4.45, abs=0.15)
    pulls = by_meeting(tables[0])
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
