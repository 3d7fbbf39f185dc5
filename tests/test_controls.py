"""Controls: every table is made by its quick form; what is not changed is as it was; what is lost is lost."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from figures import controls as figure
from pfc_metarl.analysis.prediction_errors import compare_prediction_errors
from pfc_metarl.config import STAGES
from pfc_metarl.controls import (
    ACTIVITY,
    CUT,
    FROZEN,
    LACKING,
    LEARNING,
    UNTRAINED,
    WEIGHTS,
    further_test,
    still_learning,
    values_along,
)
from pfc_metarl.controls_summary import in_markdown
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.gru import GRUNetwork
from pfc_metarl.networks.lesioned import WithoutMemory, WithoutReward, lesion, silence
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import by_episode, play
from simulations import controls

FEW = {
    "bandits": {"trials": 10, "episodes": 16, "test_episodes": 10, "read_out_episodes": 15},
    "two_step": {"episodes": 16, "test_episodes": 12, "analysed_episodes": 6},
    "harlow": {"episodes": 320, "test_episodes": 10, "analysed_episodes": 10},
}
"""Simulations that are run here, smaller still than in their quick form."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[controls.Bench]:
    """One set of quick networks for all tests here."""
    path = tmp_path_factory.mktemp("controls") / "quick" / "controls" / "fast_101"
    small = {name: (s, always | FEW.get(name, {})) for name, (s, always) in controls.SIMULATIONS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controls, "SIMULATIONS", small)
        yield controls.Bench(controls.Choice(), True, path)


@pytest.fixture(scope="module")
def two_step(bench: controls.Bench) -> controls.Run:
    return bench.run("two_step")


def test_variants(bench: controls.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim of every simulation, for each variant; those that are trained as usual are the usual ones."""
    own = {name: controls.SIMULATIONS[name] for name in ("two_step", "optogenetics")}
    monkeypatch.setattr(controls, "SIMULATIONS", own)
    monkeypatch.setattr(controls, "VARIANTS", {k: v for k, v in controls.VARIANTS.items() if k in ("as usual", "GRU")})
    table = controls.variants(bench)
    assert set(table["simulation"]) == {"two_step"} and table["n"].eq(2).all()
    wide = table.pivot(index="quantity", columns="variant", values="ours")
    assert len(wide) == 5 and (wide["GRU"] != wide["as usual"]).all()
    usual = bench.run("two_step").comparison.set_index("quantity")["ours"]
    pd.testing.assert_series_equal(wide["as usual"], usual[wide.index], check_names=False)
    assert bench.run("two_step", "GRU", agent="gru").config.agent == "gru"


def test_lost_after_training(bench: controls.Bench) -> None:
    table = controls.lost_after_training(bench)
    assert set(table["simulation"]) == set(FEW) and set(table["lacking"]) == set(LACKING)
    harlow = table[table["simulation"] == "harlow"]
    assert len(harlow.groupby(["trained", "tested"])) == 4
    keys = ["simulation", "trained", "tested", "lacking", "subject", "trial"]
    assert not table.duplicated(keys).any() and table["value"].between(0, 1).all()
    run = bench.run("two_step")
    own = further_test(run.networks, run.task, run.config.test_episodes).table()
    told = table[(table["simulation"] == "two_step") & (table["lacking"] == "nothing")]
    assert told["value"].mean() == pytest.approx(own["reward"].mean())


def test_learning_left_on(bench: controls.Bench) -> None:
    """Untrained, frozen, cut and still learning networks; those that are tested here are not changed by it."""
    run = bench.run("two_step")
    before = [p.clone() for p in run.networks.parameters()]
    table = controls.learning_left_on(bench)
    assert all(torch.equal(p, q) for p, q in zip(before, run.networks.parameters()))
    sizes = table.groupby(["simulation", "group"])[["subject", "trial"]].nunique()
    assert set(sizes.index.levels[1]) == {UNTRAINED, FROZEN, CUT, LEARNING}
    assert sizes.loc["two_step"].eq([2, 20]).all(axis=None) and sizes.loc["bandits"].eq([2, 10]).all(axis=None)
    assert table["value"].notna().all()


def test_still_learning_goes_on_from_the_trained_weights(two_step: controls.Run) -> None:
    learner = still_learning(two_step, 3)
    assert learner.config.updates == 3 and learner.config.learning_rate == 7e-4
    for p, q in zip(learner.network.parameters(), two_step.networks.parameters()):
        assert torch.equal(p, q)
    learner.learn()
    moved = [not torch.equal(p, q) for p, q in zip(learner.network.parameters(), two_step.networks.parameters())]
    assert all(moved)


def test_learning_rates(bench: controls.Bench) -> None:
    wide = controls.learning_rates(bench).pivot(index=["simulation", "subject"], columns="by", values="change")
    assert (wide[[ACTIVITY, WEIGHTS]] > 0).all(axis=None) and len(wide) == 4


def test_transitions(bench: controls.Bench) -> None:
    table = controls.transitions(bench)
    assert not table.duplicated(["networks", "tested", "subject", "quantity"]).any() and len(table) == 2 * 2 * 2 * 4
    varying = bench.run("two_step", controls.VARYING, reversed_transitions=0.5)
    told = varying.trials.groupby(["subject", "session"])["reversed"].nunique()
    assert (told == 1).all() and 0.2 < varying.trials["reversed"].mean() < 0.8
    assert not bench.run("two_step").trials["reversed"].any()


def test_errors_withheld(bench: controls.Bench) -> None:
    table = controls.errors_withheld(bench)
    assert list(table["withheld"].unique()) == ["none", "positive", "negative", "all"]
    wide = table.pivot(index=["subject", "quantity"], columns="withheld", values="value")
    assert wide.loc[(101, "reward per trial")].nunique() > 1


def test_lesions_of_units(bench: controls.Bench, two_step: controls.Run) -> None:
    """No lesion, no change; without any unit there is one value and one policy, whatever happened."""
    table = controls.lesions_of_units(bench)
    wide = table.pivot(index=["lesion", "subject"], columns="quantity", values="value")
    assert len(wide) == (len(controls.SILENT) + 1) * 2
    config = two_step.config
    intact = further_test(two_step.networks, two_step.task, config.analysed_episodes)
    delta = controls.network_errors(by_episode(intact.rewards), by_episode(intact.values), config.discount)
    errors = controls.prediction_error_table(intact.table(), delta, controls.two_step.planner(config))
    fits = compare_prediction_errors(errors).set_index("subject")["r2_model_based"]
    pd.testing.assert_series_equal(wide.loc["0% of units"]["r2_model_based"], fits, check_names=False, rtol=1e-4)


def test_silent_units_are_heard_by_nobody(two_step: controls.Run) -> None:
    networks = two_step.networks
    assert isinstance(networks, PrefrontalNetwork)
    units = np.zeros((2, 48), bool)
    units[0, :10] = True
    silenced = silence(networks, units)
    played = further_test(networks, two_step.task, 5)
    same = torch.equal(
        silenced(played.seen, played.start).logits[:, 1], networks(played.seen, played.start).logits[:, 1]
    )
    assert same and not torch.equal(silenced.heads.weight[0], networks.heads.weight[0])
    state = silenced.start(1)
    pushed = tuple(s + torch.from_numpy(units)[:, None] * 5.0 for s in state)
    nothing, none = torch.zeros(2, 1), torch.full((2, 1), -1)
    seen = torch.zeros(2, 1, 4)
    steps = [silenced.act(seen, nothing, none, s, nothing) for s in (state, pushed)]
    others = ~torch.from_numpy(units)
    assert torch.equal(steps[0].logits, steps[1].logits)
    assert torch.equal(steps[0].activity[:, 0][others], steps[1].activity[:, 0][others])
    all_silent = silence(networks, np.ones((2, 48), bool))
    logits = all_silent(played.seen, played.start).logits
    assert torch.equal(logits, logits[:1].expand_as(logits))
    with pytest.raises(ConfigError, match="truth values"):
        silence(networks, np.ones((2, 47), bool))


def test_what_is_lost_bears_on_nothing(two_step: controls.Run) -> None:
    networks = two_step.networks
    assert isinstance(networks, PrefrontalNetwork)
    seen, start = further_test(networks, two_step.task, 5)[:2]
    deaf, without_memory = lesion(networks, WithoutReward), lesion(networks, WithoutMemory)
    assert torch.equal(deaf(seen, start).logits, deaf(seen._replace(rewards=seen.rewards + 2), start).logits)
    assert not torch.equal(deaf(seen, start).logits, networks(seen, start).logits)
    first = without_memory(
        seen._replace(observations=seen.observations.clone().index_fill_(0, torch.tensor([0]), 2)), start
    )
    assert torch.equal(first.logits[1:], without_memory(seen, start).logits[1:])
    other = GRUNetwork([1], (4,), 3, 8)
    with pytest.raises(ConfigError, match="WithoutReward is a lesion of networks with LSTMs, not of GRUNetwork"):
        lesion(other, WithoutReward)


def test_values_along(two_step: controls.Run) -> None:
    """Of the same networks the same; with their memory cut, those of play that forgets, step by step."""
    rngs = generators(TEST, two_step.config.seeds, 7)
    whole = play(two_step.networks, two_step.task, rngs, 4)
    np.testing.assert_allclose(values_along(two_step.networks, whole, False), by_episode(whole.values), atol=1e-5)
    rngs = generators(TEST, two_step.config.seeds, 7)
    cut = play(two_step.networks, two_step.task, rngs, 4, forget=True)
    np.testing.assert_allclose(values_along(two_step.networks, cut, True), by_episode(cut.values), atol=1e-5)


def test_at_rest(bench: controls.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """All simulations whose policy at rest can be computed are laid beside it."""
    assert {name for name, (s, _) in controls.SIMULATIONS.items() if s.stationary} == {
        "bandits", "foraging", "two_step", "optogenetics",
    }  # fmt: skip
    monkeypatch.setattr(
        controls, "SIMULATIONS", {name: controls.SIMULATIONS[name] for name in ("two_step", "foraging")}
    )
    table = controls.at_rest(bench).set_index("quantity")
    assert {"choice weight, lag 1", "stay after rewarded common"} <= set(table.index)
    assert table.loc["stay after rewarded common", "stationary"] > 0.9


def test_the_command(bench: controls.Bench, two_step: controls.Run) -> None:
    """Tables of controls that are not asked for stay; other networks' do not. And their figure."""
    results = str(bench.folder.parent.parent.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controls, "SIMULATIONS", {name: controls.SIMULATIONS[name] for name in FEW})
        patch.setattr(controls, "VARIANTS", {controls.USUAL: {}})
        folder = controls.prepare(["--quick", "--results", results])()
    told, lesions = folder.read_table("summary.csv"), folder.read_table("lesions_of_units.csv")
    assert set(told["control"]) == {name.replace("-", "_") for name in controls.CONTROLS} - {"variants", "at_rest"}
    assert told["n"].eq(2).all() and not told.duplicated(["control", "simulation", "condition", "quantity"]).any()
    cut = lesions[(lesions["lesion"] == CUT) & (lesions["quantity"] == "reward")]["value"].mean()
    own = told[(told["condition"] == CUT) & (told["quantity"] == "reward")]
    assert own["mean"].item() == pytest.approx(cut)
    text = in_markdown(
        {name.removesuffix(".csv"): folder.read_table(name) for name in [*folder.files("analyse"), "summary.csv"]}
    )
    assert "| errors withheld | two step | withheld: all | reward per trial | " in text and "; 0/2 |" in text
    figure.draw(Path(results), quick=True)
    for name in ("controls", "controls_variants"):
        assert (Path(results) / "quick" / "figures" / f"{name}.png").exists()
    for name in ("learning-rates", "transitions"):
        folder = controls.prepare([name, "--quick", "--results", results, "--first-seed", "101"])()
    assert len(folder.files("analyse")) == len(controls.CONTROLS)
    folder = controls.prepare(["learning-rates", "--quick", "--results", results, "--first-seed", "5"])()
    assert folder.files("analyse") == ["learning_rates.csv"]
    assert RunFolder(folder.path, "").finished and all(folder.done(stage) for stage in STAGES)
    with pytest.raises(ConfigError, match="no control nothing; there are: variants, "):
        controls.prepare(["nothing"])
    for networks in ("fast_101", "fast_5"):
        assert Path(folder.path / networks / "as_usual" / "two_step" / "checkpoint.pt").exists()
