"""What simulations make of their networks' steps: values, activity and trials belong together, row by row.

The networks follow a script, so that everything is known beforehand, and found again here by slow, obvious loops.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from scripted import KNOWN, Scripted, known, script, value

from pfc_metarl.agents.playing import replay
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.agents.volatility import beliefs
from pfc_metarl.analysis.blocks import UNTIED
from pfc_metarl.analysis.learning_set import INTACT, REPLACED, RESET
from pfc_metarl.analysis.object_memory import components_by_trial, first_choice_preference, object_code
from pfc_metarl.analysis.read_out import principal_components
from pfc_metarl.analysis.reversal import label_trials
from pfc_metarl.analysis.unit_coding import ACTION, PEARSON, REWARD
from pfc_metarl.networks import make_agent
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Simulation
from pfc_metarl.simulation import Tested as Outcome
from pfc_metarl.tasks.task import CENTRE, NONE, Task
from pfc_metarl.trials import NETWORKS, OBSERVER, trained_on
from simulations import bandits, foraging, harlow, harlow_gaze, inferred_value, optogenetics, two_step, volatility

SEEDS = [3, 4]
CLOSE = {"rtol": 0, "atol": 2e-5}
"""Activity is in single precision."""


class Played(NamedTuple):
    config: Any
    tested: Outcome
    networks: dict[str, Scripted]


def played(simulation: Simulation, **sizes: Any) -> Played:
    """Scripted networks through the test of a simulation; those of each condition have a mark of their own."""
    preset = simulation.config(next(iter(simulation.presets)), quick=True)
    config = replace(preset, networks=len(SEEDS), first_seed=SEEDS[0], units=8, **sizes)
    tasks = simulation.tasks(config).items()
    networks = {name: Scripted(SEEDS, task, 10.0 * i) for i, (name, task) in enumerate(tasks)}
    return Played(config, simulation.test(config, networks), networks)


def sessions(trials: pd.DataFrame) -> Iterator[tuple[int, int, pd.DataFrame]]:
    """Network and episode, both from 0, and the episode's rows."""
    for (subject, session), own in trials.groupby(["subject", "session"]):
        assert own["trial"].tolist() == list(range(1, len(own) + 1))
        yield SEEDS.index(subject), session - 1, own


def actions_of(own: pd.DataFrame) -> list[int]:
    """Step by step."""
    return own[[name for name in own if name.startswith("action_")]].to_numpy().ravel().tolist()


def untrained(config: Any, task: Task, seed: int, seen: Any, actions: Any, rewards: Any) -> np.ndarray:
    """Activity (time, unit) of an untrained network, alone, that sees an episode: step by step."""
    agent, out = make_agent(replace(config, networks=1, first_seed=seed), task, [seed]), []
    state, reward, action = agent.start(1), 0.0, -1
    with torch.no_grad():
        for observation, next_action, next_reward in zip(seen, actions, rewards):
            shown = torch.tensor(observation, dtype=torch.float32).expand(1, 1, -1)
            now = torch.tensor([[float(reward)]]), torch.tensor([[action]])
            step = agent.act(shown, *now, state, torch.zeros(1, 1))
            state, action, reward = step.state, int(next_action), next_reward
            out.append(step.activity[0, 0].numpy())
    return np.stack(out)


# -- simulation 1


@pytest.fixture(scope="module")
def forager() -> Played:
    return played(foraging.SIMULATION, trials=30, shortest_episode=20, test_episodes=8, lags=3)


def foraging_rewards(own: pd.DataFrame) -> list[float]:
    """Step by step, from what was done at each."""
    rewards: list[float] = []
    for trial in own.itertuples():
        rewards += [0 if trial.action_1 == CENTRE else -1, trial.reward if trial.valid else -1]
    return rewards


def test_foraging_activity_is_that_of_the_rows_fixation(forager: Played) -> None:
    trials, fixation = forager.tested.trials, forager.tested.arrays["fixation"]
    assert len(fixation) == len(trials) == len(forager.tested.arrays["fixation_untrained"])
    lengths = trials.groupby(["subject", "session"]).size()
    assert lengths.nunique() > 4 and (trials["action_1"] != CENTRE).any() and (~trials["valid"]).any()
    row = 0
    for k, e, own in sessions(trials):
        expected = script(SEEDS[k], e, actions_of(own), foraging_rewards(own))[::2]
        np.testing.assert_allclose(fixation[row : row + len(own), :KNOWN], expected, **CLOSE)
        row += len(own)


def test_foraging_untrained_networks_see_the_same(forager: Played) -> None:
    config, tested, _ = forager
    own = tested.trials.query("subject == 4 and session == 2")  # after sessions of other lengths
    cues = [(1, 0), (0, 1)] * len(own)
    met = cues, actions_of(own), foraging_rewards(own)
    expected = untrained(config, foraging.make_task(config, True), 4, *met)
    np.testing.assert_allclose(tested.arrays["fixation_untrained"][own.index], expected[::2], **CLOSE)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of units that say nothing, or exactly the factor
def test_foraging_units_that_hold_the_last_action_and_reward(forager: Played) -> None:
    """Units 1 and 2 do, so that their correlation with the previous trial's action and reward is perfect."""
    coding = foraging.analyse(forager.config, forager.tested)["unit_coding"]
    own = coding[(coding["group"] == NETWORKS) & (coding["method"] == PEARSON)]
    r = own.set_index(["factor", "unit", "subject"])["r"]
    np.testing.assert_allclose([r[ACTION, 1, s] for s in SEEDS] + [r[REWARD, 2, s] for s in SEEDS], 1)


# -- simulation 2


@pytest.fixture(scope="module")
def gleaner() -> Played:
    return played(volatility.SIMULATION, trials=40, switch_every=5, test_episodes=20)


def test_volatility_activity_is_that_of_the_choice(gleaner: Played) -> None:
    config, tested, _ = gleaner
    own_trials, scale = tested.trials[tested.trials["group"] == NETWORKS], config.reward_scale
    for k, e, own in sessions(own_trials):
        hidden, first = tested.arrays["hidden"][k, e], e < 10  # sessions of the second order follow
        assert set(own["order"]) == {"low first" if first else "high first"}
        assert own["volatile"].tolist() == [not first] * 20 + [first] * 20
        choices, rewards = own["choice"].tolist(), (scale * own["reward"]).tolist()
        np.testing.assert_allclose(hidden[:, :KNOWN], script(SEEDS[k], e % 10, choices, rewards), **CLOSE)
        magnitudes = scale * own[["magnitude_left", "magnitude_right"]].to_numpy()
        np.testing.assert_allclose(hidden[:, KNOWN : KNOWN + 2], magnitudes, **CLOSE)
        if k == 1 and e in (3, 12):
            task = volatility.tasks(config)[volatility.TIED]
            expected = untrained(config, task, SEEDS[k], magnitudes, choices, rewards)
            np.testing.assert_allclose(tested.arrays["untrained"][k, e], expected, **CLOSE)


def test_volatility_everybody_meets_the_same_schedules(gleaner: Played) -> None:
    """Both conditions, and the observer, who must not be shown other sessions' outcomes."""
    config, tested, _ = gleaner
    tied, untied = (tested.trials[tested.trials["group"] == group] for group in (NETWORKS, UNTIED))
    for column in ("subject", "session", "good_arm", "magnitude_left", "order"):
        assert tied[column].tolist() == untied[column].tolist()
    assert (tied["choice"].to_numpy() != untied["choice"].to_numpy()).any()
    tables = volatility.analyse(config, tested)
    points = tables["earnings"].set_index(["group", "subject"])["points"]
    for seed in SEEDS:
        own = tied[tied["subject"] == seed]
        assert points[NETWORKS, seed] == pytest.approx(own["reward"].mean(), rel=1e-5)
        assert points[OBSERVER, seed] > own["reward"].mean() + 3
    sample, of_first = tables["sample_episode"].set_index("group"), tied[tied["subject"] == SEEDS[0]]
    starts_left = of_first.query("trial == 1 and p_left > 0.5 and order == 'low first'")["session"].min()
    shown = of_first[of_first["session"] == starts_left]
    assert sample.loc[NETWORKS, "choice"].tolist() == shown["choice"].tolist()
    assert sample.loc[OBSERVER, "good_arm"].tolist() == shown["good_arm"].tolist()
    p_left, volatile = (b[:, 0] for b in beliefs(shown["good_arm"].to_numpy()[:, None], volatility.process(config)))
    np.testing.assert_allclose(sample.loc[OBSERVER, "volatility"], volatile)
    right_is_better = p_left * shown["magnitude_left"] < (1 - p_left) * shown["magnitude_right"]
    assert sample.loc[OBSERVER, "choice"].tolist() == right_is_better.astype(int).tolist()


# -- simulation 3


@pytest.fixture(scope="module")
def stream() -> Played:
    return played(inferred_value.SIMULATION, test_blocks=36, test_streams=3)


def told_rewards(own: pd.DataFrame) -> list[float]:
    """Of the reversal task's steps, from what was done at each."""
    rewards = []
    for trial in own.itertuples():
        right = [trial.action_1 == CENTRE, trial.action_2 == CENTRE, trial.action_3 == trial.cue]
        pays = float(trial.cue == trial.rewarded_cue)
        rewards += [0.0 if right[0] else -1, 0.0 if right[1] else -1, pays if right[2] else -1]
        rewards.append(0.0 if trial.action_4 == CENTRE else -1)
    return rewards


def slow_errors(stream: Played) -> list[list[float]]:
    """Prediction errors when fixation cue, stimulus and saccade target appear, in the rows of the trial table."""
    rows, gamma = [], stream.config.discount
    for k, e, own in sessions(stream.tested.trials):
        rewards, values = told_rewards(own), value(np.arange(4 * len(own)), SEEDS[k], e)
        for trial in range(len(own)):
            row = []
            for t in (4 * trial, 4 * trial + 1, 4 * trial + 2):  # when it appears
                row.append(rewards[t - 1] + gamma * values[t] - values[t - 1] if t else np.nan)
            rows.append(row)
    return rows


def test_inferred_value_arrays(stream: Played) -> None:
    arrays = stream.tested.arrays
    for k, e, own in sessions(stream.tested.trials):
        rewards = told_rewards(own)
        np.testing.assert_array_equal(arrays["rewards"][k, e], rewards)
        np.testing.assert_allclose(arrays["values"][k, e], value(np.arange(240), SEEDS[k], e), **CLOSE)
        expected = script(SEEDS[k], e, actions_of(own), rewards)
        np.testing.assert_allclose(arrays["hidden"][k, e, :, :KNOWN], expected, **CLOSE)
    assert arrays["rewards"].shape == (2, 3, 240) and (arrays["rewards"] == -1).any()


def test_inferred_value_errors_at_each_event(stream: Played) -> None:
    errors = slow_errors(stream)
    np.testing.assert_allclose(inferred_value.event_errors(stream.config, stream.tested), errors, **CLOSE)
    sums: dict[tuple, list[float]] = {}
    for trial, row in zip(label_trials(stream.tested.trials.drop(columns=["valid", "reward"])).itertuples(), errors):
        for event, error in zip(("fixation", "stimulus", "saccade"), row):
            sums.setdefault((trial.subject, trial.comparison, trial.cue_rewarded, event), []).append(error)
    table = inferred_value.analyse(stream.config, stream.tested)["prediction_errors"]
    assert (table["n"] > 0).sum() == sum(key[1] != "" for key in sums) >= 30 and len(table) == 18 * len(SEEDS)
    for row in table[table["n"] > 0].itertuples():
        own = sums[row.subject, row.comparison, row.cue_rewarded, row.event]
        assert row.n == len(own) and row.prediction_error == pytest.approx(np.mean(own), abs=1e-5)


def test_inferred_value_states_belong_to_the_step(stream: Played) -> None:
    components = [principal_components(own)[0] for own in stream.tested.arrays["hidden"]]
    labelled = label_trials(stream.tested.trials.drop(columns=["valid", "reward"]))
    labelled["reversed"] &= labelled["trial_in_block"] <= 2
    rows = [
        (seed, trial.trial_in_block, trial.cue, trial.rewarded_cue, step)
        + tuple(components[k][trial.session - 1, 4 * (trial.trial - 1) + step])
        for k, seed in enumerate(SEEDS)
        for step in range(4)
        for trial in labelled[(labelled["subject"] == seed) & labelled["reversed"]].itertuples()
    ]
    table = inferred_value.analyse(stream.config, stream.tested)["state_pca"]
    columns = ["subject", "trial_in_block", "cue", "rewarded_cue", "step", "pc1", "pc2"]
    np.testing.assert_allclose(table[columns].to_numpy(float), rows, **CLOSE)


# -- simulation 4


@pytest.fixture(scope="module")
def planner() -> Played:
    return played(two_step.SIMULATION, trials=30, test_episodes=6, analysed_episodes=4)


def two_step_rewards(own: pd.DataFrame) -> list[float]:
    """Step by step, from what was done at each."""
    rewards = []
    for trial in own.itertuples():
        rewards += [0 if trial.action_1 == CENTRE else -1, 0 if trial.action_2 != CENTRE else -1]
        rewards.append(trial.reward if trial.action_3 != CENTRE else -1)
    return rewards


def test_two_step_arrays(planner: Played) -> None:
    arrays = planner.tested.arrays
    for k, e, own in sessions(planner.tested.trials):
        rewards = two_step_rewards(own)
        np.testing.assert_array_equal(arrays["rewards"][k, e], rewards)
        np.testing.assert_allclose(arrays["values"][k, e], value(np.arange(90), SEEDS[k], e), **CLOSE)
        if e < planner.config.analysed_episodes:
            expected = script(SEEDS[k], e, actions_of(own), rewards)
            np.testing.assert_allclose(arrays["hidden"][k, e, :, :KNOWN], expected, **CLOSE)
    assert arrays["hidden"].shape[:3] == (2, 4, 90)
    assert (planner.tested.trials["choice"] == NONE).any() and (arrays["rewards"][..., ::3] == -1).any()


def test_two_step_errors_at_state_and_reward(planner: Played) -> None:
    table = two_step.analyse(planner.config, planner.tested)["prediction_errors"]
    expected, gamma = {}, planner.config.discount
    for k, e, own in sessions(planner.tested.trials):
        if e >= planner.config.analysed_episodes:
            continue
        rewards, values = two_step_rewards(own), value(np.arange(90), SEEDS[k], e)
        for trial in own[own["valid"]].itertuples():
            for event, t in (("state", 3 * trial.trial - 2), ("reward", 3 * trial.trial - 1)):
                if t < 89:  # no value follows an episode's last step
                    error = rewards[t] + gamma * values[t + 1] - values[t]
                    expected[trial.subject, trial.session, trial.trial, event] = error
    got = table.set_index(["subject", "session", "trial", "event"])
    assert set(got.index) == set(expected) and len(table) == len(expected)
    np.testing.assert_allclose(got["network"], [expected[key] for key in got.index], **CLOSE)


def test_two_step_reference_agents_met_the_same_trials(planner: Played) -> None:
    table, trials = two_step.analyse(planner.config, planner.tested)["prediction_errors"], planner.tested.trials
    assert table.groupby("subject")["learning_rate"].nunique().tolist() == [1, 1]
    assert table["learning_rate"].nunique() == 2
    for (subject, session), errors in table.groupby(["subject", "session"]):
        own = trials[(trials["subject"] == subject) & (trials["session"] == session)]
        agents = {"model_based": two_step.planner(planner.config)}
        agents["model_free"] = ModelFree(learning_rate=errors["learning_rate"].iloc[0])
        for name, agent in agents.items():
            alone = replay(agent, own).set_axis(own["trial"])
            for event, of_event in errors.groupby("event"):
                expected = alone.loc[of_event["trial"], f"at_{event}"]
                np.testing.assert_allclose(of_event[name], expected, rtol=0, atol=1e-9)


# -- simulation 5


@pytest.fixture(scope="module")
def learner() -> Played:
    return played(harlow.SIMULATION, test_episodes=40, analysed_episodes=30, features=3)


def test_harlow_arrays(learner: Played) -> None:
    config, tested, _ = learner
    for condition, mark in ((INTACT, 0), (REPLACED, 10)):
        own_trials = tested.trials[tested.trials["condition"] == condition]
        hidden, rewarded, pair = (tested.arrays[f"{name}_{condition}"] for name in ("hidden", "rewarded", "first_pair"))
        assert hidden.shape[:3] == (2, 30, 12) and rewarded.shape == (2, 30, 3) and pair.shape == (2, 30, 2, 3)
        for k, e, own in sessions(own_trials):
            if e >= config.analysed_episodes:
                continue
            rewards = []
            for trial in own.itertuples():
                rewards += [config.fixation_reward if trial.action_1 == CENTRE else 0, 1 if trial.correct else -1]
            expected = script(SEEDS[k], e, actions_of(own), rewards, mark)
            np.testing.assert_allclose(hidden[k, e, :, :KNOWN], expected, **CLOSE)
            seen = hidden[k, e, :, KNOWN : KNOWN + 7]  # fixation cue, left object, right object
            assert seen[::2, 0].all() and not seen[1::2, 0].any()
            np.testing.assert_array_equal(seen[1, 1:], pair[k, e].ravel())
            for trial in own.itertuples():
                shown = seen[2 * trial.trial - 1, 1:].reshape(2, 3)
                np.testing.assert_array_equal(rewarded[k, e], shown[trial.rewarded_side])


def test_harlow_without_memory_every_trial_begins_anew(learner: Played) -> None:
    """The script's choice follows from the step, which is then the same on every trial."""
    tested = learner.tested
    different = {
        condition: own.groupby(["subject", "session"])["choice"].nunique()
        for condition, own in tested.trials.groupby("condition")
    }
    assert (different[RESET] == 1).all() and (different[INTACT] > 1).mean() > 0.8


def test_harlow_tables_are_of_the_right_steps(learner: Played) -> None:
    config, tested, _ = learner
    learning = pd.DataFrame(
        [(INTACT, s, episode, trial, 0.5) for s in SEEDS for episode in (32, 64) for trial in range(1, 7)],
        columns=["condition", "subject", "episode", "trial", "correct"],
    )
    tables = harlow.analyse(config, replace(tested, learning=learning))
    for condition in (INTACT, REPLACED):
        hidden, rewarded, pair = (tested.arrays[f"{name}_{condition}"] for name in ("hidden", "rewarded", "first_pair"))
        own_trials = tested.trials[tested.trials["condition"] == condition]
        for k, seed in enumerate(SEEDS):
            choice = np.empty((30, 6), int)
            for row in own_trials[(own_trials["subject"] == seed) & (own_trials["session"] <= 30)].itertuples():
                choice[row.session - 1, row.trial - 1] = row.choice
            at_fixation, at_choice = hidden[k, :, [0, 2, 4, 6, 8, 10]], hidden[k, :, [1, 3, 5, 7, 9, 11]]
            code = tables["object_code"].query("condition == @condition and subject == @seed")
            expected = object_code(at_fixation.swapaxes(0, 1), rewarded[k], seed)
            np.testing.assert_allclose(code["r2"], expected["r2"])
            predicted = first_choice_preference(pair[k, :, 0], pair[k, :, 1], choice[:, 0])
            told = tables["first_choices"].query("condition == @condition and subject == @seed")["predicted"].item()
            assert told == pytest.approx(predicted, nan_ok=True)
            if condition == INTACT:
                path = components_by_trial(at_choice.swapaxes(0, 1), choice, seed)
                got = tables["components"].query("subject == @seed")
                pd.testing.assert_frame_equal(got.reset_index(drop=True), path)


def test_harlow_gaze_shapes() -> None:
    config, tested, _ = played(harlow_gaze.SIMULATION)
    view, trials = config.task.view, tested.trials
    assert {"group", "subject", "session", "trial", "choice", "rewarded_side", "correct", "condition"} <= set(trials)
    assert set(trials["subject"]) == set(SEEDS) and trials["condition"].nunique() == 3
    views, rewards = tested.arrays["views"], tested.arrays["rewards"]
    assert views.shape[1:] == (view, view, 3) and views.dtype == np.uint8
    assert rewards.shape == views.shape[:1] and 0 < len(rewards) <= 200


# -- simulation 6


@pytest.fixture(scope="module")
def stimulated() -> Played:
    own = {"event": "risky_loss", "size": 2.5, "first_trial": 12, "last_trial": 20}
    return played(optogenetics.SIMULATION, test_episodes=5, dose_episodes=6, **own)


def test_stimulation_is_seen_on_the_step_after_its_event(stimulated: Played) -> None:
    config, tested, networks = stimulated
    plays = networks[optogenetics.UNSTIMULATED].plays
    sizes = {"control": ("", 0), "block risky reward": ("risky_reward", -4), "block safe reward": ("safe_reward", -1)}
    sizes |= {"block risky loss": ("risky_loss", 1), "own protocol": ("risky_loss", 2.5)}
    assert ["control", *optogenetics.protocols(config)] == list(sizes)
    for (condition, (event, size)), of_play in zip(sizes.items(), plays):
        added = np.stack(of_play)  # (time, network, episode)
        expected = np.zeros_like(added)
        for k, e, own in sessions(tested.trials[tested.trials["condition"] == condition]):
            for trial in own.itertuples():
                name = {0: "safe_reward", 1: "risky_reward" if trial.reward > 0 else "risky_loss"}.get(trial.risky)
                on = condition != "own protocol" or 12 <= trial.trial <= 20
                if name == event and on and trial.trial < 30:
                    expected[2 * trial.trial, k, e] = size  # at fixation: the choice was on the step before
        np.testing.assert_array_equal(added, expected)
        assert (condition == "control") == (not added.any())


def test_axes_of_the_dose_response_curves(stimulated: Played) -> None:
    """The script's choices follow from all that was added, so that every cell has a share of its own."""
    config, tested, networks = stimulated
    task, agent = optogenetics.make_task(config), networks[optogenetics.UNSTIMULATED]
    table = optogenetics.analyse(config, tested)["dose_response"]
    expected = {}
    for name, protocol in optogenetics.protocols(config).items():
        for dose in optogenetics.DOSES:
            own = protocol._replace(size=dose * protocol.size)
            trials = play(agent, task, generators(TEST, SEEDS, 1), 6, stimulation=own).table()
            for seed in SEEDS:
                for p in (0.125, 0.5):
                    rows = trials[(trials["subject"] == seed) & (trials["p_risky"] == p)]
                    use = [row.risky for row in rows.itertuples() if row.free and row.valid]
                    expected[name, dose, seed, p] = sum(use) / len(use)
    got = table.set_index(["condition", "dose", "subject", "p_risky"])["risky"].to_dict()
    assert got == pytest.approx(expected) and len(set(got.values())) > 40
    assert tested.arrays["dose_risky"].shape == (4, 7, 2, 2)


# -- bandits


@pytest.fixture(scope="module")
def gambler() -> Played:
    sizes = {"trials": 12, "test_episodes": 10, "read_out_episodes": 10}
    return played(bandits.SIMULATION, distributions=("independent", "correlated"), **sizes)


def test_bandits_belief_is_that_of_the_outcomes_seen(gambler: Played) -> None:
    """After n trials: step n, whose units hold how often each arm was pulled and what it has paid."""
    arrays, after = gambler.tested.arrays, bandits.read_out_trials(gambler.config)
    state, belief = arrays["belief_state"], arrays["belief"]
    assert state.shape[:3] == belief.shape[:3] == arrays["untrained_state"].shape[:3] == (2, 10, len(after))
    for k, e, i in np.ndindex(state.shape[:3]):
        t, action, reward, *_ = own = state[k, e, i]
        np.testing.assert_allclose(own[:KNOWN], known(after[i], SEEDS[k], e, action, reward), **CLOSE)
        pulls, wins = own[-4:-2], own[-2:]
        assert pulls.sum() == after[i] == t
        a, b = 1 + wins, 1 + pulls - wins
        sd = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
        np.testing.assert_allclose(belief[k, e, i], [*(a / (a + b)), *sd], **CLOSE)


def test_bandits_untrained_networks_see_the_same(gambler: Played) -> None:
    config, arrays = gambler.config, gambler.tested.arrays
    held = arrays["belief_state"][1, 7, :2, 1:3]  # last action and reward, after trials 1 and 2
    met = [[0], [1 / 12], [2 / 12]], [*held[:, 0], 0], [*held[:, 1], 0]
    expected = untrained(config, bandits.tasks(config)["independent"], SEEDS[1], *met)
    np.testing.assert_allclose(arrays["untrained_state"][1, 7, :2], expected[1:], **CLOSE)


def test_bandits_regret_by_training_and_test(gambler: Played) -> None:
    trials, regret = gambler.tested.trials, gambler.tested.arrays["regret"]
    trainings, tests = ["independent", "correlated"], ["(.25, .75)", "(.6, .4)", "independent", "correlated"]
    assert gambler.tested.arrays["trainings"].tolist() == trainings and gambler.tested.arrays["tests"].tolist() == tests
    generalisation = bandits.generalisation(gambler.config, gambler.tested)
    means = generalisation.set_index(["training", "test", "subject"])["regret"]
    for (group, test), rows in trials.groupby(["group", "condition"], observed=True):
        training = next(name for name in trainings if trained_on(name) == group)
        of_test = regret[trainings.index(training), tests.index(str(test))]
        for k, e, own in sessions(rows):
            best = max(own["p_0"].iloc[0], own["p_1"].iloc[0])
            lost = sum(best - (row.p_1 if row.choice else row.p_0) for row in own.itertuples())
            assert of_test[k, e] == pytest.approx(lost, abs=1e-5)
        for k, seed in enumerate(SEEDS):
            assert means[training, test, seed] == pytest.approx(of_test[k].mean())
    assert means.nunique() == len(means) == 2 * 4 * 2
    curves = bandits.regret(gambler.config, gambler.tested)
    last = curves[(curves["group"] == trained_on("independent")) & (curves["trial"] == 12)].set_index("subject")
    assert last["regret"].tolist() == pytest.approx([means["independent", tests[0], seed] for seed in SEEDS], rel=1e-5)


def test_bandits_states_belong_to_their_sessions(gambler: Played) -> None:
    trials, state = gambler.tested.trials, gambler.tested.arrays["state"]
    own = trials[(trials["group"] == trained_on("correlated")) & (trials["condition"] == "correlated")]
    own = own[own["subject"] == SEEDS[0]]
    table = bandits.state_pca(gambler.tested)
    for column, theirs in (("session", "session"), ("trial", "trial"), ("p_left", "p_0"), ("choice", "choice")):
        np.testing.assert_array_equal(table[column], own[theirs])
    components, _ = principal_components(state)
    for row in table.itertuples():
        assert (row.pc1, row.pc2) == pytest.approx(tuple(components[row.session - 1, row.trial - 1]))
    for _, e, rows in sessions(own):
        expected = script(SEEDS[0], e, rows["choice"].tolist(), rows["reward"].tolist(), mark=10)
        np.testing.assert_allclose(state[e, :, :KNOWN], expected, **CLOSE)
