"""Looking at states: networks whose state is the ideal observer's belief are found to be just that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from figures import hidden_state as figure
from pfc_metarl.finished_run import Run
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Options, run
from pfc_metarl.slow_points import jacobians, slow_points
from pfc_metarl.state_space import PUSHES, System, belief_axis, held_out_points, pushed, update_field, visited_states
from simulations import bandits, hidden_state, two_step

TRIALS, SEEDS, SURE, FADES = 20, [3, 4], 6.0, 0.5


class Observer(Agent):
    """It keeps the posterior mean of the left arm's probability, and beside it a trace of what it did."""

    def __init__(self) -> None:
        super().__init__(SEEDS, (1,), 2, units=2)
        self.nothing = torch.nn.Parameter(torch.zeros(len(SEEDS)))

    def start(self, episodes: int) -> State:
        """Either arm may be the better one."""
        return (torch.tensor([0.5, 0.0]).expand(len(SEEDS), episodes, 2),)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """Count the last outcome, if there is one."""
        belief, trace = state[0].unbind(-1)
        done = observation[..., 0] * TRIALS
        for_left = torch.where(action == 0, reward, 1 - reward)
        belief = torch.where(action < 0, belief, (belief * (done + 1) + for_left) / (done + 2))
        trace = FADES * trace + 0.1 * (action + 1)
        logits = torch.stack([SURE * belief, SURE * (1 - belief)], -1)
        new = torch.stack([belief, trace], -1)
        return Step(logits, belief, new, (new,))

    def forward(self, seen: Seen, state: State) -> Unroll:
        """Not needed."""
        raise NotImplementedError


@pytest.fixture(scope="module")
def system() -> System:
    config = replace(bandits.SIMULATION.presets["fast"], trials=TRIALS)
    agent, task = Observer(), bandits.tasks(config)["correlated"]
    played = play(agent, task, generators(TEST, SEEDS, 0), 30)
    made = Run(bandits.SIMULATION, RunFolder(Path("nowhere"), ""))
    made.__dict__["config"] = config
    return hidden_state.bandit_system(made, agent, played)


def rngs(index: int) -> list[np.random.Generator]:
    return generators(TEST, SEEDS, index)


def test_belief_is_read_out_and_updated_as_bayes_has_it(system: System) -> None:
    np.testing.assert_allclose(system.states[..., 0], system.beliefs, atol=1e-5)
    axis = belief_axis(system.states, system.beliefs)
    assert (axis.r2 > 0.999).all()
    np.testing.assert_allclose(axis.direction[:, 0], 1, atol=1e-3)
    curves, fits = update_field(system, axis, held_out_points(system, rngs(1)))
    np.testing.assert_allclose(fits["slope"], 1, atol=0.01)
    assert (fits["r2"] > 0.999).all() and (fits["r2_by_event"] < 0.9).all()
    np.testing.assert_allclose(curves["update"], curves["bayes"], atol=0.003)
    likely = fits.set_index(["subject", "likely"]).index
    assert set(likely) == {(seed, made) for seed in SEEDS for made in (True, False)}
    off = curves[~curves["likely"] & curves["event"].str.startswith("left")]
    assert (off["belief"] < 0.5).all()  # left is hardly ever chosen there
    assert curves.groupby(["subject", "event"])["n"].sum().eq(200).all() and len(system.events) == 4


def test_pushes_move_policy_and_value_as_belief_does(system: System) -> None:
    axis = belief_axis(system.states, system.beliefs)
    table = pushed(system, axis, held_out_points(system, rngs(2)), rngs(3)).set_index(["direction", "subject", "push"])
    for size in PUSHES:
        for seed in SEEDS:
            along, observed = (table.loc[(name, seed, size)] for name in ("belief", "observed"))
            assert along["log_odds"] == pytest.approx(observed["log_odds"], rel=0.02)
            assert along["value"] == pytest.approx(observed["value"], rel=0.02)
            assert along["belief"] == pytest.approx(observed["belief"], rel=0.02) != 0
            assert abs(table.loc[("other", seed, size), "size"]) < 0.4 * abs(
                along["log_odds"]
            )  # not at right angles to the read-out


def test_slow_points_are_where_bayes_comes_to_rest(system: System) -> None:
    axis, points = belief_axis(system.states, system.beliefs), held_out_points(system, rngs(4))
    table = slow_points(system, axis, points, trial=4, starts=5)
    np.testing.assert_allclose(table["belief"], table["bayes"], atol=0.01)
    assert set(table["bayes"].round(6)) == {0.0, 1.0} and (table["speed"] < 1e-3).all()
    np.testing.assert_allclose(table["eigenvalue"], 6 / 7, atol=1e-5)  # of (b (n + 2) + o) / (n + 3)
    np.testing.assert_allclose(table["second"], FADES, atol=1e-5)
    assert (table["alignment"] > 0.95).all()  # its trace goes with belief a little


def test_jacobians_are_those_of_small_differences(system: System) -> None:
    state = system.states[:, 0, 5]
    inputs = next(iter(system.events.values())).cycle(torch.full((2, 1), 5.0))
    np.testing.assert_allclose(jacobians(system, state, inputs), [[[7 / 8, 0], [0, FADES]]] * 2, atol=1e-6)


def test_visited_states_are_those_of_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of trained LSTMs: hidden state is the activity that was kept. And the whole command, on quick runs."""
    monkeypatch.setattr("pfc_metarl.slow_points.SEARCH", 20)  # slow points are tested above
    for simulation, small in (
        (bandits.SIMULATION, {"trials": 12, "read_out_episodes": 20, "distributions": ("independent", "correlated")}),
        (two_step.SIMULATION, {"episodes": 16, "test_episodes": 10}),
    ):
        run(simulation, replace(simulation.config("fast", quick=True), **small), Options(True, results=tmp_path))  # type: ignore[type-var]
    folder = hidden_state.prepare(["--quick", "--results", str(tmp_path), "--episodes", "20"])()
    tables = {name: folder.read_table(name) for name in folder.files("analyse")}
    assert set(tables) == {"update_field.csv", "updates.csv", "pushes.csv", "slow_points.csv"}
    for name, table in tables.items():
        assert set(table["task"]) == {"bandits", "two-step"} and set(table["subject"]) == {1, 2}, name
        assert table.select_dtypes("number").notna().all(axis=None), name
    figure.draw(tmp_path, quick=True)
    assert (tmp_path / "quick" / "figures" / "hidden_state.png").exists()
    assert len(tables["updates.csv"].query("likely")) == 8 and len(tables["slow_points.csv"]) == 2 * (4 + 8)
    made = Run(two_step.SIMULATION, RunFolder(tmp_path / "quick" / "two_step", ""))
    played = play(made.networks, made.task, generators(TEST, [1, 2], 9), 3)
    states = visited_states(made.networks, played, 1)
    np.testing.assert_allclose(states[..., :48], played.activity[1::3].movedim(0, 2), atol=1e-5)
    system = hidden_state.two_step_system(made, made.networks, played)
    planner_of_one = hidden_state.updated(two_step.planner(made.config), np.array([0.5]), 0, 0, 1)
    assert system.bayes("left, common, rewarded", np.array([0.5]), np.zeros(1)) == planner_of_one > 0.8
