"""Ideal observers against enumeration, GridNavi's optimum, and networks that are given a belief."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from fakes import SMALL, TWO_STEP, lively, rngs
from playing import begun
from playing import play as play_task

from pfc_metarl.a2c import Learner
from pfc_metarl.agents.beliefs import ideal_beliefs
from pfc_metarl.agents.navigator import best_tour, guessing_returns, neighbours, optimal_returns, random_return
from pfc_metarl.analysis.belief_quality import divergence, read_out_of_beliefs
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import AGENTS, make_agent
from pfc_metarl.networks.belief import BeliefNetwork, latents_by_step
from pfc_metarl.networks.posterior_sampling import SamplingNetwork
from pfc_metarl.networks.varibad import DECODED_FROM, KL_WEIGHT, LATENT, VariationalNetwork, divergences
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.tasks import Bandit, GridNavi, TwoStep
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.grid_navi import GOALS, RIGHT, STAY, UP
from pfc_metarl.tasks.task import Task

CONFIG = Config(units=6, networks=2, episodes=64, episodes_per_update=4, learning_rate=0.01)
PAIR, GRID = Bandit(5, 2, "medium"), GridNavi(episodes=2, horizon=6)


def played(task: Task, agent: str = "prefrontal", episodes: int = 20) -> Trajectory:
    made = lively(make_agent(replace(CONFIG, agent=agent), task, [1, 2]))
    return play(made, task, rngs(1, 2), episodes)


# -- ideal observers


def test_beliefs_about_bandits_are_bayes_rule() -> None:
    """By the probability of all outcomes under each kind."""
    world = played(PAIR).end.episodes
    told = ideal_beliefs(PAIR, world.trials)
    for index in np.ndindex(*world.records.shape):
        own = world.trials[index]
        for t in range(5):
            likely = [
                np.prod([p[now["choice"]] if now["reward"] else 1 - p[now["choice"]] for now in own[:t]])
                for p in ((0.75, 0.25), (0.25, 0.75))
            ]
            np.testing.assert_allclose(told[index][t], np.array(likely) / sum(likely))
    right = told.argmax(-1) == PAIR.latent(world.records, world.trials)
    assert right[..., -1].mean() > right[..., 1].mean() > 0.5


def test_beliefs_in_the_two_step_task_are_those_of_all_courses() -> None:
    """By enumeration of all courses of the better state."""
    task = TwoStep(5, 0.8, 0.9, 0.1, 0.2)
    world = played(task).end.episodes
    told = ideal_beliefs(task, world.trials)
    courses = np.array(np.meshgrid(*[(0, 1)] * 5, indexing="ij")).reshape(5, -1).T
    switches = (np.diff(courses, axis=1) != 0).sum(1)
    prior = 0.2**switches * 0.8 ** (4 - switches)
    for index in np.ndindex(*world.records.shape):
        own = world.trials[index]
        for t in range(5):
            likely = prior.copy()
            for now, good in zip(own[:t], courses.T):
                pays = np.where(good == now["state"], 0.9, 0.1)
                likely *= (pays if now["reward"] else 1 - pays) if now["valid"] else 1.0
            first = likely[courses[:, t] == 0].sum() / likely.sum()
            np.testing.assert_allclose(told[index][t], [first, 1 - first])


def test_beliefs_in_the_grid_are_what_has_not_been_visited() -> None:
    world = played(GRID).end.episodes
    told = ideal_beliefs(GRID, world.trials)
    for index in np.ndindex(*world.records.shape):
        own, possible = world.trials[index], set(GOALS)
        for t in range(12):
            np.testing.assert_allclose(told[index][t], np.isin(GOALS, list(possible)) / len(possible))
            cell = int(own["cell"][t])
            possible = {cell} if own["reward"][t] > 0 else possible - {cell}
    assert (np.take_along_axis(told, GRID.latent(world.records, world.trials)[..., None], -1) > 0).all()


def test_what_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="^no exact belief is known for bandit$"):
        ideal_beliefs(SMALL["bandit"], np.empty(0))
    with pytest.raises(ConfigError, match="^agent belief infers of which kind an instance is; foraging has no kinds$"):
        make_agent(Config(agent="belief"), SMALL["foraging"], [1])


# -- GridNavi


def test_the_grids_rewards_and_moves() -> None:
    world = begun(GridNavi(episodes=2, horizon=4))
    actions = [RIGHT, RIGHT, UP, STAY] * 2
    met = play_task(world, lambda t, _: actions[t])
    assert (world.trials["cell"] == [1, 2, 7, 7] * 2).all()
    np.testing.assert_allclose(
        met.rewards.transpose(1, 2, 0), np.where(world.trials["cell"] == world.records["goal"][..., None], 1, -0.1)
    )
    assert (met.observations[..., 25].transpose(1, 2, 0) == [1, 0, 0, 0] * 2).all()


def test_the_optimum_is_what_the_tour_earns() -> None:
    """Published bounds: 4 in the first episode, 11.0714 in later ones; and the tour is one of moves on the grid."""
    np.testing.assert_allclose(optimal_returns(3), [4, 11.0714286, 11.0714286])
    tour = (0, *best_tour())
    assert all(b in neighbours(a) for a, b in zip(tour, tour[1:])) and len(set(tour)) == 16
    world = begun(GridNavi(1), networks=1, episodes=4_000)
    moved = play_task(world, lambda t, _: np.random.default_rng(t).integers(0, 5, (1, 4_000)))
    earned = moved.rewards.sum(0)
    assert abs(earned.mean() - random_return(1)) < 4 * earned.std() / np.sqrt(4_000)


def test_what_guesses_earn_is_what_all_ways_to_guess_earn() -> None:
    """The first two episodes: all goals, all guesses, all shortest ways."""

    def ways(cell: int) -> list[list[int]]:
        moves = set(permutations([1] * (cell % 5) + [5] * (cell // 5)))
        return [[*np.cumsum(own), *[cell] * (15 - len(own))] for own in moves]

    def mean(cell: int, goal: int) -> float:
        return float(np.mean([[1 if at == goal else -0.1 for at in way] for way in ways(cell)])) * 15

    earns = {(cell, goal): mean(cell, goal) for cell in GOALS for goal in GOALS}
    second = []
    for goal in GOALS:
        for guess in GOALS:
            later = []
            for way in ways(guess):
                left = [goal] if goal in way else [cell for cell in GOALS if cell not in way]
                later.append(np.mean([earns[cell, goal] for cell in left]))
            second.append(np.mean(later))
    told = guessing_returns(2, 4_000, np.random.default_rng(0))
    error = told.std(axis=0) / np.sqrt(4_000)
    assert (np.abs(told.mean(axis=0) - [np.mean(list(earns.values())), np.mean(second)]) < 4 * error).all()
    known = guessing_returns(30, 200, np.random.default_rng(1))[:, -1]
    assert abs(known.mean() - 11.07) < 4 * known.std() / np.sqrt(200)  # in the end all know the goal


# -- networks


def test_the_loss_is_the_cross_entropy_of_the_truth() -> None:
    learner = Learner(replace(CONFIG, agent="belief"), TWO_STEP, CONFIG.seeds)
    network, trajectory = lively(learner.network), learner.play()
    assert isinstance(network, BeliefNetwork)
    network(trajectory.seen, trajectory.start)
    world: Episodes = trajectory.end.episodes
    told, belief = network.auxiliary_loss(world, []), torch.softmax(network.unrolled[1], -1)
    truth, counts = latents_by_step(world, torch.device("cpu"))
    for k in range(2):
        total = 0.0
        for e in range(4):
            for t in range(TWO_STEP.steps):
                good = int(world.trials["good_state"][k, e, t // 3])
                assert truth[t, k, e] == good and counts[t, k, e]
                total -= float(torch.log(belief[t, k, e, good]).detach()) / 4
        assert told[k].item() == pytest.approx(total, rel=1e-4)


def test_a_belief_that_was_learned_is_nearly_bayes() -> None:
    """Two-armed bandits of a known pair: the exact posterior is known; untrained beliefs are far from it."""
    config = replace(CONFIG, agent="belief", units=16, episodes=6_400, episodes_per_update=32, learning_rate=0.01)
    learner, apart = Learner(config, PAIR, config.seeds), []
    for updates in (0, config.updates):
        while learner.update < updates:
            learner.learn()
        met = play(learner.network, PAIR, rngs(1, 2), 200)
        network = learner.network
        assert isinstance(network, BeliefNetwork)
        with torch.no_grad():
            held = network.given(network.infer(met.seen, met.start)).movedim(0, 2).numpy()
        apart.append(divergence(ideal_beliefs(PAIR, met.end.episodes.trials), held).mean())
    assert apart[0] > 0.15 and apart[1] < 0.02


def test_guesses_that_are_drawn_act_as_the_network_says() -> None:
    """Posterior sampling in fact: guesses are drawn and held, and behaviour that went another way is thrown out."""
    network = lively(AGENTS["posterior-sampling"].build(replace(CONFIG, agent="posterior-sampling"), GRID, [1]))
    assert isinstance(network, SamplingNetwork)
    met = play(network, GRID, rngs(1), 1)
    with torch.no_grad():
        doing = network._by_guess(met.seen.observations).exp()[:, 0, 0]
        belief = torch.softmax(network.infer(met.seen, met.start[:2]), -1)[:, 0, 0]
        told = torch.softmax(network(met.seen, met.start).logits, -1)[:, 0, 0]
    for first in (0, 6):
        likely = belief[first].clone()  # of each guess and all that was done since: a product, guess by guess
        for t in range(first, first + 6):
            torch.testing.assert_close(told[t], (likely[:, None] * doing[t]).sum(0) / likely.sum())
            likely = likely * doing[t, :, met.actions[t, 0, 0]]


def test_divergences_are_those_of_pytorch() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(4, 2, 3, LATENT), torch.randn(4, 2, 3, LATENT)
    normal = torch.distributions.Normal
    own = [normal(m, (v / 2).exp()) for m, v in zip(mean, log_variance)]
    before = [normal(torch.zeros_like(mean[0]), torch.ones_like(mean[0])), *own]
    slow = torch.stack([torch.distributions.kl_divergence(p, q).sum(-1) for p, q in zip(own, before)])
    torch.testing.assert_close(divergences(mean, log_variance), slow)


def test_decoding_all_pairs_is_decoding_each() -> None:
    network = lively(VariationalNetwork([1, 2], (3,), 4, 5))
    assert isinstance(network, VariationalNetwork)
    torch.manual_seed(0)
    latents, before, after = torch.randn(2, 2, 3, LATENT), torch.randn(5, 2, 3, 3), torch.randn(5, 2, 3, 3)
    actions = torch.randint(4, (5, 2, 3))
    told = network.decode(latents, before, actions, after)
    for k, t, n, e in np.ndindex(2, 5, 2, 3):
        known = torch.cat([latents[k, n, e], before[t, n, e], torch.eye(4)[actions[t, n, e]], after[t, n, e]])
        hidden = torch.relu(known @ network.decoder[n] + network.decoder_bias[n, 0])
        one = hidden @ network.reward.weight[n, :, 0] + network.reward.bias[n, 0, 0]
        torch.testing.assert_close(told[k, t, n, e], one)


def test_the_variational_loss_is_that_of_a_slow_loop() -> None:
    """Each step's reward told from what was done there, by latents drawn at each of some steps; against records."""
    learner = Learner(replace(CONFIG, agent="varibad", units=6), GRID, [1, 2])
    network, trajectory = lively(learner.network), learner.play()
    assert isinstance(network, VariationalNetwork)
    network(trajectory.seen, trajectory.start)
    world: Episodes = trajectory.end.episodes
    told, (mean, log_variance) = network.auxiliary_loss(world, rngs(1, 2)), network.unrolled[1].split(LATENT, -1)
    rewards = np.where(world.trials["cell"] == world.records["goal"][..., None], 1.0, -0.1)
    steps, episodes, cells = len(mean) - 1, rewards.shape[1], torch.eye(25)
    for k, rng in enumerate(rngs(1, 2)):
        at = rng.integers(0, steps, DECODED_FROM)
        noise = torch.from_numpy(rng.standard_normal((DECODED_FROM, episodes, LATENT), np.float32))
        total = 0.0
        for e in range(episodes):
            for drawn, time in enumerate(at):
                latent = mean[time, k, e] + (log_variance[time, k, e] / 2).exp() * noise[drawn, e]
                for t in range(GRID.steps - 1):  # the last is not seen any more
                    first = t % GRID.horizon == 0
                    here = torch.cat(
                        [cells[0 if first else world.trials["cell"][k, e, t - 1]], torch.tensor([float(first)])]
                    )
                    then = (t + 1) % GRID.horizon == 0
                    there = torch.cat(
                        [cells[0 if then else world.trials["cell"][k, e, t]], torch.tensor([float(then)])]
                    )
                    known = (
                        here[None, None, None],
                        trajectory.actions[t, k, e][None, None, None],
                        there[None, None, None],
                    )
                    shown = [x.expand(1, 2, 1, *x.shape[3:]) for x in known]
                    guess = network.decode(latent.expand(1, 2, 1, LATENT), *shown)[0, 0, k, 0]
                    total += 0.5 * float(guess.detach() - rewards[k, e, t]) ** 2 / DECODED_FROM / episodes
        apart = float(divergences(mean, log_variance)[:, k].mean().detach())
        assert told[k].item() == pytest.approx(total + KL_WEIGHT * apart, rel=1e-4)


def test_variational_networks_learn_to_tell_rewards() -> None:
    config = replace(CONFIG, agent="varibad", units=16, episodes=3_200, episodes_per_update=16)
    learner, losses = Learner(config, PAIR, config.seeds), []
    while learner.update < config.updates:
        trajectory = learner.play()
        learner.network(trajectory.seen, trajectory.start)
        losses.append(learner.network.auxiliary_loss(trajectory.end.episodes, rngs(1, 2)).mean().item())  # type: ignore[union-attr]
        learner.learn()
    assert np.mean(losses[-20:]) < 0.85 * np.mean(losses[:20])


def test_quality_of_beliefs() -> None:
    ideal, held = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(divergence(ideal, held), [0, np.log(4)])
    beliefs = np.random.default_rng(0).dirichlet([1, 1, 1], (1, 12, 6))
    told = read_out_of_beliefs(beliefs @ np.random.default_rng(1).normal(size=(3, 5)), beliefs, [7])
    assert told["subject"].tolist() == [7] and told["r2"][0] > 0.999
    noise = read_out_of_beliefs(np.random.default_rng(2).normal(size=(1, 12, 6, 5)), beliefs, [7])
    assert noise["r2"][0] < 0.2
