"""Playing: what is drawn, what is recorded, streams and running episodes, and stimulation."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import SMALL, TWO_STEP, Clockwork, Fixed, Running, agent_of, rngs

from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.led import watch
from pfc_metarl.networks import AGENTS
from pfc_metarl.networks.agent import Agent
from pfc_metarl.rollout import Trajectory, by_episode, play
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.trials import KEYS

every_agent = pytest.mark.parametrize("name", AGENTS)
close = torch.testing.assert_close


# -- what is drawn and recorded


def test_actions_are_drawn_from_the_softmax() -> None:
    """Frequencies within 4 s.d. of the binomial distribution, at every step and for every network."""
    logits = (0.0, 1.0, -1.0)
    p = np.exp(logits) / np.exp(logits).sum()
    played = play(Fixed([1, 2], logits), Bandit(4, 3, "independent"), rngs(1, 2), 2_000)
    for action in range(3):
        frequency = (played.actions == action).float().mean(-1).numpy()  # (time, network)
        assert (abs(frequency - p[action]) < 4 * np.sqrt(p[action] * (1 - p[action]) / 2_000)).all()
    pairs = (played.actions[1:] == played.actions[:-1]).float().mean().item()  # steps are drawn apart
    assert pairs == pytest.approx((p**2).sum(), abs=0.02)
    close(played.probabilities, torch.tensor(p, dtype=torch.float32)[played.actions])


def test_networks_with_the_same_weights_draw_apart() -> None:
    played = play(Fixed([1, 2], (0.0, 0.0)), Bandit(50, 2, "independent"), rngs(1, 2), 20)
    assert (played.actions[:, 0] == played.actions[:, 1]).float().mean().item() == pytest.approx(0.5, abs=0.06)
    again = play(Fixed([1, 2], (0.0, 0.0)), Bandit(50, 2, "independent"), rngs(1, 2), 20)
    assert torch.equal(played.actions, again.actions)


def test_what_is_seen_is_what_was_done_before() -> None:
    """Last reward and last action belong to the step before, 0 and -1 at the start; the value to before the action."""
    task = Bandit(6, 2, "independent")
    played = play(Fixed([1, 2], (0.0, 0.0)), task, rngs(1, 2), 7)
    seen = played.seen
    assert torch.equal(seen.actions[1:], played.actions[:-1]) and (seen.actions[0] == -1).all()
    assert torch.equal(seen.rewards[1:], played.rewards[:-1]) and not seen.rewards[0].any()
    assert seen.begins[0].all() and not seen.begins[1:].any()
    assert played.active.all()
    assert (played.values == torch.arange(6.0).view(-1, 1, 1)).all()
    close(played.activity, torch.cat([seen.observations, seen.rewards[..., None], seen.actions[..., None]], -1))
    table = played.table()
    assert table["subject"].tolist() == [1] * 42 + [2] * 42
    assert table["session"].tolist() == 2 * [e for e in range(1, 8) for _ in range(6)]
    assert (table["choice"] == by_episode(played.actions).reshape(-1)).all()
    assert (table["reward"] == by_episode(played.rewards).reshape(-1)).all()
    assert (table["probability"] == by_episode(played.probabilities).reshape(-1)).all()
    (total,), count = played.end.episodes.by_trial(["reward"])
    assert (count == 7).all() and (total == played.rewards.sum(2).T.numpy()).all()
    assert np.array_equal(played.field("choice"), by_episode(played.actions))
    assert played.field("p_0").shape == (2, 7)


def test_the_probability_of_a_choice_is_that_of_its_step_and_its_network() -> None:
    """Also where networks do not stand in the order of their seeds."""
    played = play(agent_of("prefrontal", TWO_STEP, 5, 3), TWO_STEP, rngs(5, 3), 4)
    at_choice = by_episode(played.probabilities[1::3])  # (network, episode, trial)
    by_row = played.table().set_index(["subject", "session", "trial"])["probability"]
    for k, seed in enumerate((5, 3)):
        assert (by_row[seed].to_numpy() == at_choice[k].reshape(-1)).all()


def test_episodes_that_end_early_are_not_active_after() -> None:
    task = SMALL["foraging"]
    played = play(agent_of("prefrontal", task, 1, 2), task, rngs(1, 2), 30)
    trials = torch.from_numpy(played.field("trials").copy())
    assert set(trials.unique().tolist()) == {4, 5, 6, 7, 8}
    assert torch.equal(played.active, torch.arange(task.steps).view(-1, 1, 1) < 2 * trials)
    assert not played.rewards[~played.active].any()
    assert not played.seen.observations[~played.active].any()
    assert len(played.table()) == trials.sum()
    _, count = played.end.episodes.by_trial()
    assert (count == [[(own > t).sum().item() for t in range(8)] for own in trials]).all()


@pytest.mark.parametrize("task", ["two_step", "inferred_value"])
def test_nothing_that_is_given_is_changed(task: str) -> None:
    own = SMALL[task]
    agent = agent_of("actor-critic-rpe", own, 1, 2)
    before = copy.deepcopy(own.__dict__)
    first = play(agent, own, rngs(1, 2), 3)
    carry = copy.deepcopy(first.end)
    play(agent, own, rngs(1, 2, number=1), 3, start=first.end)
    assert own.__dict__ == before
    for one, other in zip((*first.end.state, *first.end[1:4]), (*carry.state, *carry[1:4])):
        assert torch.equal(one, other)
    for key, value in carry.episodes.__dict__.items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(first.end.episodes.__dict__[key], value), key


# -- streams and running episodes


class NoChance:
    """In place of a generator: the most probable action is taken."""

    def standard_exponential(self, size: tuple[int, ...], dtype: type) -> np.ndarray:
        return np.ones(size, dtype)


NO_CHANCE: Any = [NoChance(), NoChance()]


@every_agent
def test_two_stretches_of_a_stream_equal_one_long_one(name: str) -> None:
    """Without chance: only what is carried over can make a difference (the rewarded cue: three reversals in each)."""
    short, long = Clockwork(3, 2, 0.5), Clockwork(6, 2, 0.5)
    agent = agent_of(name, short, 1, 2)
    whole = play(agent, long, NO_CHANCE, 3)
    first = play(agent, short, NO_CHANCE, 3)
    second = play(agent, short, NO_CHANCE, 3, start=first.end)
    joined = [torch.cat([getattr(first, k), getattr(second, k)]) for k in ("actions", "rewards", "logits", "values")]
    for part, expected in zip(joined, (whole.actions, whole.rewards, whole.logits, whole.values)):
        assert torch.equal(part, expected)
    assert first.seen.rewards.shape[0] == short.steps + 1  # one step more is seen: what follows the last action
    for a, b in zip(first.seen, second.seen):
        assert torch.equal(a[-1], b[0])
    assert second.field("rewarded_cue").tolist() != first.field("rewarded_cue").tolist()
    assert not second.seen.begins.any()


def renew(agent: Agent) -> Callable[[int, int, int], np.random.Generator]:
    return lambda network, slot, number: np.random.default_rng([agent.seeds[network], slot, number])


def running(steps: int, stretches: int) -> tuple[Agent, list[Trajectory]]:
    agent = Fixed([1, 2], (0.0, 0.0), observations=2)
    played: list[Trajectory] = []
    for i in range(stretches):
        start = played[-1].end if played else None
        played.append(play(agent, Running(steps), rngs(1, 2, number=i), 3, start=start, renew=renew(agent)))
    return agent, played


def test_running_episodes_follow_each_other() -> None:
    _, stretches = running(20, 2)
    for played in stretches:
        seen, begins = played.seen, played.seen.begins
        assert torch.equal(begins, seen.observations[..., 1] == 0)  # it shows the time in the episode
        assert (seen.actions[begins] == -1).all() and not seen.rewards[begins].any()
        went_on = ~begins[1:]
        assert torch.equal(seen.actions[1:][went_on], played.actions[went_on])
        assert torch.equal(seen.rewards[1:][went_on], played.rewards[went_on])
        assert played.active.all()
        assert torch.equal(played.values, seen.observations[:-1, ..., 1])  # the agent counts steps from the start
        assert begins[1:].sum() > 30
    assert stretches[0].seen.begins[0].all() and not stretches[1].seen.begins[0].all()


def test_the_record_of_running_episodes_is_complete() -> None:
    """All episodes that ended, once each, with the trials that were played in an earlier stretch."""
    agent, stretches = running(20, 3)
    table = pd.concat([played.table() for played in stretches], ignore_index=True)
    assert not table.duplicated(KEYS).any()
    played = {k: torch.cat([getattr(p, k) for p in stretches]) for k in ("actions", "rewards")}
    label = torch.cat([p.seen.observations[:-1, ..., 0] for p in stretches])
    begins = torch.cat([p.seen.begins[:-1] for p in stretches])
    expected = []
    for k, seed in enumerate(agent.seeds):
        for slot in range(3):
            starts = [*begins[:, k, slot].nonzero().flatten().tolist(), len(label)]
            if stretches[-1].seen.begins[-1, k, slot]:
                starts.append(len(label))  # the last one ended with the last step
            for number, (first, last) in enumerate(zip(starts[:-2], starts[1:-1])):
                of_its_own = renew(agent)(k, slot, number).integers(0, 10**6, 2)
                assert (label[first:last, k, slot] == np.float32(of_its_own[0])).all()
                assert last - first == of_its_own[1] % 3 + 1
                for trial, action in enumerate(played["actions"][first:last, k, slot].tolist()):
                    expected.append((seed, number * 3 + slot + 1, trial + 1, action, of_its_own[0] % 2))
    got = table[["subject", "session", "trial", "choice", "rewarded_side"]].itertuples(index=False, name=None)
    assert sorted(got) == sorted(expected)
    assert (table["correct"] == (table["choice"] == table["rewarded_side"])).all()
    counts = sum(p.end.episodes.by_trial(["correct"])[1] for p in stretches)
    assert counts.sum() == len(expected)


def test_a_stretch_in_which_no_episode_ends() -> None:
    agent = Fixed([1, 2], (0.0, 0.0), observations=2)
    long = next(i for i in range(99) if np.random.default_rng(i).integers(0, 10**6, 2)[1] % 3 == 2)
    played = play(agent, Running(2), rngs(1, 2), 3, renew=lambda *_: np.random.default_rng(long))
    (total,), count = played.end.episodes.by_trial(["correct"])
    assert not count.any() and not total.any() and played.table().empty


def test_running_episodes_need_generators() -> None:
    with pytest.raises(ConfigError, match="renew"):
        play(Fixed([1], (0.0, 0.0), 2), Running(5), rngs(1), 1)


# -- lesion of memory


@every_agent
def test_without_memory_every_trial_is_the_first(name: str) -> None:
    played = play(agent_of(name, TWO_STEP, 1, 2), TWO_STEP, rngs(1, 2), 5, forget=True)
    begins = torch.zeros(TWO_STEP.steps, dtype=torch.bool)
    begins[::3] = True
    assert torch.equal(played.seen.begins, begins.view(-1, 1, 1).expand_as(played.seen.begins))
    assert (played.seen.actions[::3] == -1).all() and not played.seen.rewards[::3].any()
    for what in (played.logits, played.values, played.activity):
        assert torch.equal(what[::3], what[:1].expand_as(what[::3]))  # at the fixation cue
    if name == "feedforward":
        return  # it has no memory to lose
    kept = play(agent_of(name, TWO_STEP, 1, 2), TWO_STEP, rngs(1, 2), 5)
    assert torch.equal(kept.actions[:3], played.actions[:3])  # within the trial nothing is forgotten
    assert not torch.isclose(kept.logits[3], played.logits[3]).all()


def test_without_memory_a_stream_begins_anew_at_its_next_stretch_too() -> None:
    task = SMALL["inferred_value"]
    agent = agent_of("prefrontal", task, 1)
    first = play(agent, task, rngs(1), 4, forget=True)
    second = play(agent, task, rngs(1, number=1), 4, start=first.end, forget=True)
    assert second.seen.begins[0].all() and (second.seen.actions[0] == -1).all()
    assert torch.equal(second.logits[0], first.logits[0])


# -- stimulation of the prediction error


def stimulated(stimulation: Stimulation | None, episodes: int = 60) -> tuple[Trajectory, torch.Tensor, torch.Tensor]:
    """A play; the errors that the actor saw, and the natural ones: both (time, network, episode)."""
    task = SMALL["optogenetics"]
    agent = agent_of("actor-critic-rpe", task, 1, 2)
    inputs, step = [], agent.actor.step

    def record(x: torch.Tensor, state: tuple) -> tuple:
        inputs.append(x)
        return step(x, state)

    agent.actor.step = record
    agent.play_plainly = True  # compiled loops do the same (test_compiled.py)
    played = play(agent, task, rngs(1, 2), episodes, stimulation=stimulation)
    natural = torch.zeros_like(played.values)
    natural[1:] = played.rewards[:-1] + 0.9 * played.values[1:] - played.values[:-1]
    return played, torch.stack(inputs)[..., task.observations[0]], natural


def test_the_actor_sees_the_prediction_error() -> None:
    played, seen, natural = stimulated(None)
    assert not seen[0].any() and not played.seen.added.any()
    close(seen, natural)
    assert seen[1:].std() > 0.5


@pytest.mark.parametrize("event, size", [("risky_reward", -4.0), ("safe_reward", -1.0), ("risky_loss", 1.0)])
def test_the_right_event_is_stimulated_with_the_right_size(event: str, size: float) -> None:
    played, seen, natural = stimulated(Stimulation(event, size))
    table = played.table()
    risky, paid = table["risky"] == 1, table["reward"] > 0
    occurs = {"risky_reward": risky & paid, "safe_reward": table["risky"] == 0, "risky_loss": risky & ~paid}[event]
    occurs = torch.tensor(occurs.to_numpy().reshape(2, 60, -1)).permute(2, 0, 1)  # (trial, network, episode)
    expected = torch.zeros_like(seen)
    expected[2::2] = occurs[:-1] * size  # the step after a choice is the next trial's fixation
    assert 10 < expected.count_nonzero() < expected.numel() / 3
    close(seen - natural, expected, rtol=0, atol=1e-5)


def test_stimulation_of_size_zero_changes_nothing() -> None:
    without, stimulator_off = stimulated(None), stimulated(Stimulation("risky_reward", 0.0))
    assert torch.equal(without[0].actions, stimulator_off[0].actions) and torch.equal(without[1], stimulator_off[1])


def test_stretch_and_probability_of_stimulation() -> None:
    def count(**options: float) -> tuple[int, torch.Tensor]:
        added = stimulated(Stimulation("safe_reward", -1.0, **options), 400)[0].seen.added  # type: ignore[arg-type]
        return added.count_nonzero().item(), added.flatten(1).any(1)

    (early, at_early), (late, at_late) = count(last_step=3), count(first_step=8)
    assert at_early.nonzero().flatten().tolist() == [2, 4]  # after the choices at steps 1 and 3
    assert at_late.nonzero().flatten().tolist() == [10, 12, 14, 16]
    assert early > 200 and late > 200
    (half, _), (whole, _) = count(last_step=3, probability=0.5), count(last_step=3)
    assert half == pytest.approx(whole / 2, abs=4 * (whole / 4) ** 0.5)


def test_bad_stimulation() -> None:
    task = SMALL["optogenetics"]
    with pytest.raises(ConfigError, match="only agents named actor-critic-rpe"):
        play(agent_of("prefrontal", task, 1), task, rngs(1), 2, stimulation=Stimulation("risky_loss", 1.0))
    with pytest.raises(ConfigError, match="unknown event jackpot; choose one of: safe_reward"):
        play(agent_of("actor-critic-rpe", task, 1), task, rngs(1), 2, stimulation=Stimulation("jackpot", 1.0))
    with pytest.raises(ConfigError, match="unknown event jackpot; choose one of: none in this task"):
        play(agent_of("actor-critic-rpe", TWO_STEP, 1), TWO_STEP, rngs(1), 2, stimulation=Stimulation("jackpot", 1.0))


# -- watching


def test_watching_others_play() -> None:
    """Agents that see the same as themselves have their own activity; others another; in parts as at once."""
    task = SMALL["foraging"]
    agent, other = agent_of("prefrontal", task, 1, 2), agent_of("prefrontal", task, 3, 4)
    played = play(agent, task, rngs(1, 2), 5)
    close(watch(agent, played)[played.active], played.activity[played.active])
    close(watch(other, played, at_once=2), watch(other, played))
    assert not torch.isclose(watch(other, played), played.activity).all()
