"""What the README and the pages say of relatives of the theory, and of worlds, is what their tables say."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.agents.alchemy import HEURISTIC, ORACLE, PUBLICATION, RANDOM
from pfc_metarl.agents.many_arms import optimal_total_reward
from pfc_metarl.claims import reference
from pfc_metarl.comparison import EQUIVALENT, compare
from pfc_metarl.published import DATA, published_number
from pfc_metarl.trials import NETWORKS, OBSERVER, UNTRAINED
from simulations import maml
from simulations.bandits import OPTIMUM, THOMPSON, distribution_quantities
from simulations.episodic import gates_compared

DOCS = Path(__file__).parent.parent / "docs"


def short(x: float) -> str:
    """Two decimals, without a leading 0."""
    return f"{x:.2f}".removeprefix("0")


IN_WORDS: dict[str, dict[str, Callable[[float], str]]] = {
    "informative_bandit": {
        "informative arm first, share of episodes": lambda x: f"in {100 * x:.1f} %",
        "regret (exact optimum 4.45), networks": lambda x: f"regret {x:.2f}, optimum 4.45",
    },
    "restless_bandits": {
        "learning rate, high less low volatility, networks": lambda x: f"higher by {short(x)}",
        "regret, networks, beside Thompson": lambda x: f"regret {x:.1f}",
        "regret, exact optimum": lambda x: f"optimum {x:.1f}",
    },
    "modules": {
        "lesion index, modules": lambda x: f"index {short(x)}",
        "lesion index, undivided, beside shuffled contexts": lambda x: f"undivided {short(x)}",
    },
    "distributional": {"asymmetry with reversal point, two halves of the trials, R": lambda x: f"R {short(x)}"},
    "rl2_bandits": {
        "reward, 10 arms, 10 pulls: networks": lambda x: f"{x:.2f} with 10 pulls (RL2 6.7",
        "reward, 10 arms, 100 pulls: networks": lambda x: f"{x:.1f} with 100 (83.5)",
    },
    "maml": {
        "reward, 50 arms, 10 pulls: MAML after one update": lambda x: f"after one update {x:.2f} with 50 arms",
        "reward, tabular MDP: MAML after one update": lambda x: f"MDPs {x:.0f} (117;",
    },
    "cartpole": {
        "reward, last episode: memory": lambda x: f"one {x:.1f} steps of 100",
        "reward, first episode: memory": lambda x: f"first {x:.1f}",
        "reward, last episode: no memory": lambda x: f"without memory {x:.0f}",
    },
    "task_inference": {
        "learned: reward, GridNavi: LSTM": lambda x: f"plain network {x:.1f} of 37.2",
        "learned: reward, GridNavi: belief": lambda x: f"given a belief {x:.1f}",
        "learned: reward, GridNavi: VariBAD": lambda x: f"VariBAD {x:.1f}",
    },
    "tabular_mdps": {
        "reward, 10 episodes: networks": lambda x: f"10 episodes: {x:.0f}, less than RL2 (156)",
        "reward, 10 episodes: UCRL2": lambda x: f"as UCRL2 ({x:.0f})",
    },
    "alchemy": {
        "score: networks": lambda x: f"networks earn {x:.1f} (V-MPO 155.4)",
        "score: ideal observer": lambda x: f"ideal observer {x:.1f} (284.4)",
    },
    "metaworld": {
        "return, last episode: memory": lambda x: f"third episode {x:.1f} of 100",
        "return, last episode: no memory": lambda x: f"without memory {x:.1f}",
    },
    "episodic": {
        "reward, first pull in an old context: episodic": lambda x: f"earns {short(x)}",
        "stay, episodic, cued: interaction of reward and transition": lambda x: f"recalls {x:.2f} (.91)",
    },
}
"""What the README says of relatives of the theory, in the row of each, by quantity."""


@pytest.mark.parametrize("name", IN_WORDS)
def test_what_the_readme_says_of_relatives(name: str) -> None:
    text = (DOCS.parent / "README.md").read_text()
    (row,) = [line for line in text.splitlines() if f"| `{name}` (on request)" in line]
    ours = reference("related")[name].set_index("quantity")["ours"]
    for quantity, words in IN_WORDS[name].items():
        assert words(ours[quantity]) in row, quantity


def stay_table() -> str:
    """Stay probabilities of episodic networks and of others, beside the published ones, as the page has them."""
    stay = pd.read_csv(DATA / "reference_runs" / "episodic" / "stay.csv")
    by = stay.set_index(["group", "kind", "rewarded", "common"])["stay"]
    lines = ["| trials | after | episodic (s.d.) | published | LSTM | planner |", "|---|---|---|---|---|---|"]
    for kind in ("incremental, uncued", "incremental, cued", "episodic, cued"):
        for rewarded, common in ((1, 1), (1, 0), (0, 1), (0, 0)):
            after = ("unrewarded ", "rewarded ")[rewarded] + ("uncommon", "common")[common]
            own = by["episodic", kind, rewarded, common]
            others = [by[group, kind, rewarded, common].mean() for group in ("LSTM", "planner, remembers")]
            paper = published_number("Ritter 2018", series=kind, condition=after).value
            ours = f"{own.mean():.2f} ({own.std():.2f})"
            lines.append(f"| {kind} | {after} | {ours} | {paper:.2f} | {others[0]:.2f} | {others[1]:.2f} |")
    return "\n".join(lines) + "\n"


def test_stay_probabilities_of_the_episodic_two_step_task() -> None:
    assert stay_table() in (DOCS / "simulations" / "episodic.md").read_text()


def test_what_the_page_of_many_arms_says() -> None:
    text = " ".join((DOCS / "simulations" / "rl2_bandits.md").read_text().split())
    table = reference("related")["rl2_bandits"].set_index("quantity")
    networks = table.loc[[name for name in table.index if name.endswith(": networks")]]
    few, many = (networks.filter(like=pulls, axis=0) for pulls in (" 10 pulls", " 100 pulls"))
    assert " and ".join([", ".join(f"{x:.2f}" for x in few["ours"][:2]), f"{few['ours'].iloc[2]:.2f}"]) in text
    assert f"{many['ours'].iloc[0]:.1f} and {many['ours'].iloc[1]:.1f} with 100 pulls" in text
    assert (networks["verdict"] == EQUIVALENT).all() and "all five are equivalent" in text
    p = networks["p"].round(2).tolist()
    assert max(p[0], p[1], p[4]) <= 0.01 and f"50 arms (p = {short(p[2])})" in text
    assert f"5 arms with 100 pulls (p = {short(p[3])})" in text
    above = [f"{n:.0f}" for n in networks["networks_in_direction"]]
    assert f"are {', '.join(above[:4])} and {above[4]} of 8" in text
    best = [f"{optimal_total_reward(arms, 10):.2f}" for arms in (5, 10, 50)]
    assert f"({', '.join(best)}; the published 6.8" in text
    gittins = table.loc[[f"reward, {arms} arms, 100 pulls: Gittins" for arms in (5, 10)], "ours"]
    assert f"Gittins indices ({gittins.iloc[0]:.1f}, {gittins.iloc[1]:.1f})" in text
    known = table.drop(networks.index)
    known = known[~known.index.str.startswith("learned")]
    equal = (known["verdict"] == EQUIVALENT).sum()
    assert f"Of the {len(known)} rows of known algorithms {equal} are equivalent" in text
    ucb = "reward, 10 arms, 100 pulls: UCB1"
    assert known[known["verdict"] != EQUIVALENT].index.tolist() == [ucb]
    assert f"UCB1 earns {known.loc[ucb, 'ours']:.1f} of 10 arms and 100 pulls" in text


def test_what_the_page_of_maml_says() -> None:
    text = " ".join((DOCS / "simulations" / "maml.md").read_text().split())
    table = reference("related")["maml"].set_index("quantity")
    own, right = table["ours"], table["networks_in_direction"]
    after, second = "reward, {}: MAML after one update", "reward, {}: recurrent, second block"
    learned = [right[f"learned: reward after one update, {n}"] for n in ("5 arms, 10 pulls", "10 arms, 10 pulls")]
    assert f"{learned[0]:.0f} of 8 networks do on 5 arms with 10 pulls, {learned[1]:.0f} of 8 on 10 arms" in text
    for name in ("50 arms, 10 pulls", "5 arms, 100 pulls", "10 arms, 100 pulls"):
        assert right[f"learned: reward after one update, {name}"] == 8
    assert f"{own[after.format('50 arms, 10 pulls')]:.2f} with 50 arms (6.6)" in text
    many = [f"{own[after.format(f'{arms} arms, 100 pulls')]:.1f}" for arms in (5, 10)]
    assert f"{many[0]} and {many[1]} with 100 pulls of 5 and 10 arms" in text
    assert f"MDPs they earn {own[after.format('tabular MDP')]:.0f} (published 117)" in text
    bandit, mdp = (second.format(name) for name in ("5 arms, 10 pulls", "tabular MDP"))
    assert f"(second block {own[bandit]:.2f}; better than MAML's in {right[bandit]:.0f} of 8 networks" in text
    assert f"p = {short(table['p'][bandit])}, which" in text
    assert f"On MDPs they earn less ({own[mdp]:.0f}; p = {table['p'][mdp]:.2f} for more)" in text
    assert right["learned: reward after one update, 2-D navigation"] == 7
    assert right["learned: reward after one update, tabular MDP"] == 0  # by the bound, which its rule tells
    assert re.match(r"> (159[.][5-9]|160[.][0-4])", table["direction"]["learned: reward after one update, tabular MDP"])
    adaptation = pd.read_csv(DATA / "reference_runs" / "maml" / "adaptation.csv")
    mean = adaptation.groupby(["problem", "method", "block"])["reward"].mean()
    assert f"({mean['5 arms, 10 pulls', 'MAML, biases from 0', 1]:.2f} in the mean, chance 5)" in text
    assert f"less far on MDPs ({mean['tabular MDP', 'MAML, first order', 1]:.0f})" in text
    of_maml = mean.xs("MAML", level="method").unstack().drop("2-D navigation")
    assert (np.diff(of_maml, axis=1) > 0).all()  # further updates help on
    lost = adaptation.query("problem == '2-D navigation' and block == 1 and reward < -100")
    assert lost["method"].tolist() == ["MAML"]
    walks = mean["2-D navigation", "MAML, first order"]
    assert (
        f"none is ({walks[1]:.1f}). " in text
        and f"(first-order form {walks[2]:.1f}), a third back ({walks[3]:.1f})" in text
    )
    assert "({:.1f}, {:.1f}, {:.1f}) show little".format(*mean["2-D navigation", "recurrent"]) in text
    own = adaptation.query("method == 'recurrent' and block == 1").set_index("problem")["reward"]
    assert (own["2-D navigation"] < -19.44).sum() == 5 and (own["2-D navigation"] < -38).sum() == 1
    assert (own["5 arms, 10 pulls"] < 5.2).sum() == 2  # the others learn
    config, millions = maml.PRESETS["fast"], []
    for name in ("5 arms, 10 pulls", "tabular MDP", "2-D navigation"):  # two blocks of MAML, four of recurrent networks
        own = config.problems()[name]
        both = config.episodes * 2 * own.rollouts * own.rollout.steps, config.recurrent_episodes * own.whole.steps
        millions.append([round(steps / 1e6, 1) for steps in both])
    assert millions == [[0.2, 1.9], [2, 19.2], [40, 19.2]]
    assert "10 pulls .2 million (recurrent 1.9), on MDPs 2 (19), in navigation 40 (19)" in text
    steps = adaptation.query("block == 1 and problem == '2-D navigation'").groupby("method")["steps"].first()
    assert steps["MAML"] == 20 * steps["recurrent"]


def test_the_table_of_the_other_librarys_agent() -> None:
    text = (DOCS / "gymnasium.md").read_text()
    for row in pd.read_csv(DATA / "reference_runs" / "stable_baselines.csv").itertuples():
        reward, error = f"{row.reward:.3f}".removeprefix("0"), f"{row.standard_error:.3f}".removeprefix("0")
        assert f"| {row.agent} | {row.seconds:g} | {reward} ({error}) |" in text
        assert f"`--episodes {row.episodes}`" in text


def test_what_pages_say_of_relatives_beyond_their_comparison() -> None:
    """From further tables of the same runs."""

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(DATA / "reference_runs" / f"{name}.csv")

    episodic, inference, cartpole = (
        " ".join((DOCS / "simulations" / f"{name}.md").read_text().split())
        for name in ("episodic", "task_inference", "cartpole")
    )
    first, meetings = (
        table("episodic/first_pulls").groupby("group").mean(numeric_only=True),
        table("episodic/by_meeting"),
    )
    together, apart, alone, memory = "Bayes, contexts together", "Bayes, contexts apart", "Bayes, no memory", "episodic"
    old, reward = first["old"].map(short), first["reward"]
    assert f"(at most .9; Bayes with contexts together {old[together]}, apart {old[apart]}; the" in episodic
    assert f"earns {old[memory]} (at most" in episodic and f"plain network {old['LSTM']}, which is chance" in episodic
    assert (
        f"together earn {reward[memory]:.2f}, of at most 9.0 (contexts together {reward[together]:.2f}, apart"
        in episodic
    )
    assert f"apart {reward[apart]:.2f}, without memory {reward[alone]:.2f}, plain {reward['LSTM']:.2f};" in episodic
    at_once = meetings[meetings["pull"] == 1].groupby(["group", "met"])["reward"].mean().map(short)
    assert f"from {at_once[memory, 2]} at the second meeting to {at_once[memory, 10]} at the tenth" in episodic
    assert f"(contexts apart {at_once[apart, 2]}, {at_once[apart, 10]})" in episodic
    new = meetings[meetings["met"] == 1].groupby(["group", "subject"])["reward"].sum().groupby("group").mean()
    assert f"such networks earn {new[memory]:.1f}, less than the plain ones ({new['LSTM']:.1f})" in episodic
    assert f"which arms are left ({new[together]:.1f})" in episodic and new[memory] < new[together] / 2
    gate = reference("related")["episodic"].set_index("quantity").filter(like="reinstatement gate", axis=0)
    assert gate["networks_in_direction"].tolist() == [4, 8, 8]  # first pulls, all, those of the same number
    assert f"the same number (by {short(gate['ours'].iloc[2])}; 8 of 8" in episodic
    assert gates_compared(table("episodic/gates"))["pulls alike"].mean() == pytest.approx(
        gate["ours"].iloc[2], abs=1e-3
    )
    cued = table("episodic/rewards").groupby(["group", "cued"])["reward"].mean().map(short)
    assert f"(the planner {cued['planner, remembers', True]}, plain networks {cued['LSTM', True]})" in episodic
    steps = table("task_inference/learning").set_index(["problem", "method"])["steps"].fillna(np.inf)  # never
    median = steps.groupby(["problem", "method"]).median().round(-3)
    for problem, words in (("bandit", "on bandits after {} steps"), ("two-step", "two-step task after {} (")):
        assert words.format(f"{median[problem, 'belief']:,.0f}") in inference
    assert f"the plain network {median['bandit', 'LSTM']:,.0f}, one of eight never)" in inference
    assert f"({median['two-step', 'LSTM']:,.0f})" in inference
    assert np.isinf(steps["bandit", "LSTM"]).sum() == 1 and np.isinf(steps["GridNavi", "belief"]).all()
    assert f"optimum after {median['GridNavi', 'LSTM']:,.0f} steps" in inference
    told = reference("related")["task_inference"].set_index("quantity")["ours"]
    stated = told[told.index.str.startswith("belief, stated") & told.index.str.endswith(": belief")]
    assert f"no more than {stated.max() + 0.0005:.3f}".replace(" 0.", " .") in inference
    told_of = [
        short(told[f"belief, read out: r2, {of}"]) for of in ("bandit: LSTM", "bandit: VariBAD", "GridNavi: LSTM")
    ]
    assert (
        "(r2 {}), which does not tell who learned: in VariBAD's networks on bandits it is {}".format(*told_of)
        in inference
    )
    assert f"elsewhere (r2 {told_of[2]})" in inference
    guessing = table("task_inference/optima").set_index("problem")["guessing"]["GridNavi"]
    assert f"exact posterior sampling earns {guessing:.1f} there" in inference
    assert f"costs {told['regret, two-step: posterior sampling']:.1f} points in the two-step task" in inference
    assert all(told[f"regret, {problem}: belief"] < 0.3 for problem in ("bandit", "two-step"))
    assert f"way in GridNavi ({told['learned: reward, GridNavi: VariBAD']:.1f})" in inference
    earned = table("task_inference/rewards").groupby(["problem", "method"])["reward"].mean()
    assert f"and is bad in GridNavi ({earned['GridNavi', 'posterior sampling']:.1f})" in inference
    regret = table("task_inference/rewards").query("method == 'LSTM' and problem != 'GridNavi'")["regret"]
    assert (regret > 2).sum() == 1  # of bandits, that never learned
    scores = table("cartpole/scores").groupby(["condition", "episode"])["reward"].mean()
    assert set(scores["no memory"].round()) <= {92, 93}
    velocity = table("cartpole/velocity").pivot(index=["condition", "subject"], columns="reversed", values="velocity")
    apart = (velocity[True] - velocity[False]).abs().groupby("condition").mean()
    told = f"{apart['memory']:.1f}".removeprefix("0")
    assert f"differs by {apart['no memory']:.1f} m/s between the two; {told} with memory" in cartpole


def test_what_the_page_of_alchemy_says() -> None:
    """Reference agents are within two standard errors of what is published (of the difference of two means)."""
    text = " ".join((DOCS / "simulations" / "alchemy.md").read_text().split())
    scores, by_trial, knowledge = (
        pd.read_csv(DATA / "reference_runs" / "alchemy" / f"{name}.csv") for name in ("scores", "by_trial", "knowledge")
    )
    own = scores.groupby("group")["score"].agg(["mean", "sem"])
    for group, words in ((ORACLE, "oracle"), (OBSERVER, "ideal observer"), (HEURISTIC, "heuristic"), (RANDOM, "")):
        paper = published_number(PUBLICATION, condition="episode", series=group)
        assert abs(own["mean"][group] - paper.value) <= 2 * np.hypot(own["sem"][group], paper.error), group
        assert f"{words or 'random actions'} {own['mean'][group]:.1f}" in text
    assert f"Networks earn {own['mean'][NETWORKS]:.1f} (V-MPO 155.4), all eight more" in text
    table = reference("related")["alchemy"].set_index("quantity")
    assert table["networks_in_direction"]["learned: score"] == 8
    trials = by_trial.groupby(["group", "trial"])["score"].mean()
    assert f"{trials[OBSERVER, 1]:.1f} in the first (25.83), {trials[OBSERVER, 2]:.1f} in the second" in text
    assert f"{trials[NETWORKS, 1]:.1f} in the first trial, {trials[NETWORKS, 10]:.1f} in the last" in text
    known = knowledge.groupby("group")["r2"].max()
    assert known[NETWORKS] < -0.02 and short(known[UNTRAINED]) == ".01"


def test_what_the_page_of_metaworld_says() -> None:
    text, readme = (
        " ".join(path.read_text().split())
        for path in (DOCS / "simulations" / "metaworld.md", DOCS.parent / "README.md")
    )
    scores = pd.read_csv(DATA / "reference_runs" / "metaworld" / "scores.csv")
    reward, success = (scores.groupby(["condition", "episode"])[column].mean() for column in ("reward", "success"))
    last = reward.xs(3, level="episode")
    assert f"earn {last['memory']:.1f} of 100 in the third episode" in text
    assert f"than random actions ({last['random actions']:.1f}) and than networks without" in text
    assert f"without memory ({last['no memory']:.1f}), but less" in text
    assert f"the middle of the goals ({last['to the middle']:.1f}), and much" in text
    assert f"that is told ({last['told the goal']:.1f})" in text
    assert f"than in the first ({reward['memory', 1]:.1f}), and succeed in" in text
    assert f"first {reward['memory', 1]:.1f}; without memory" in readme
    assert f"middle of the goals {last['to the middle']:.1f} |" in readme
    same = {f"{success[who, 3]:.3f}" for who in ("memory", "to the middle")}
    assert same == {"0.125"} and "succeed in .125 of them, as does" in text


def test_what_the_page_of_bandits_says() -> None:
    page = (DOCS / "simulations" / "bandits.md").read_text()
    own = pd.read_csv(DATA / "reference_runs" / "bandits" / "generalisation.csv")
    wide = own.pivot_table(index="training", columns="test", values="regret", sort=False)
    tests = ["independent", "correlated", "easy", "medium", "hard"]
    names = {THOMPSON: "(Thompson sampling)", OPTIMUM: "(exact optimum)"}
    for training, regrets in wide[tests].iterrows():
        assert f"| {names.get(str(training), training)} | {' | '.join(f'{x:.2f}' for x in regrets)} |" in page
    told = compare(distribution_quantities(own))
    assert told["networks_in_direction"].tolist() == [5, 8, 8, 8, 8] and f"p = {short(told['p'][0])})" in page
    networks = wide.drop(index=list(names))[tests]
    assert networks.gt(wide.loc[OPTIMUM, tests]).all(axis=None)  # none comes to the optimum
    assert (networks.sum(axis=1).idxmin(), networks.sum(axis=1).idxmax()) == ("medium", "hard")
    assert wide.loc["hard", "easy"] > wide.loc[THOMPSON, "easy"]


def test_what_the_page_of_restless_bandits_says() -> None:
    page = " ".join((DOCS / "simulations" / "restless_bandits.md").read_text().split())
    own = pd.read_csv(DATA / "reference_runs" / "restless_bandits" / "regrets.csv")
    wide = own.pivot_table(index="group", columns="condition", values="regret")
    for group, low, high in wide[["low", "high"]].itertuples():
        assert f"| {group} | {low:.2f} | {high:.2f} |" in page
    networks, ucb = (own.query("group == @g and condition == 'high'") for g in ("networks, mixed", "UCB"))
    less = (networks.set_index("subject")["regret"] < ucb.set_index("subject")["regret"]).sum()
    means = f"{networks['regret'].mean():.2f} and {ucb['regret'].mean():.2f}"
    assert f"the lead over UCB is small ({means}; {less} of 8 networks)" in page
    at = {(g.split(", ")[-1], "optimum" in g, c): f"{wide.loc[g, c]:.2f}" for g in wide.index for c in wide}
    other = f"({at['low', False, 'high']} in high volatility after low, {at['high', False, 'low']} in low after high)"
    assert f"{other}, as the exact optimum for the wrong one does" in page
    assert f"({at['low', True, 'high']}, {at['high', True, 'low']})" in page
    low, high = (f"{at[v, False, v]} and {at[v, True, v]} in {v}" for v in ("low", "high"))
    assert f"({low}, {high} volatility)" in page
    told = reference("related")["restless_bandits"].set_index("quantity")
    assert told.filter(regex="beside|learning rate|BIC", axis=0)["networks_in_direction"].eq(8).all()


def test_what_the_page_of_the_informative_bandit_says() -> None:
    page = " ".join((DOCS / "simulations" / "informative_bandit.md").read_text().split())
    told = reference("related")["informative_bandit"].set_index("quantity")["ours"]
    first, target, regret, thompson = told.iloc[:4]
    assert f"first in {100 * first:.1f} % of episodes, then the target alone in {100 * target:.1f} %" in page
    assert f"and lose {regret:.2f} (optimum 4.45; Thompson sampling {thompson:.1f}, UCB more)" in page


def test_what_the_page_of_modules_says() -> None:
    page = " ".join((DOCS / "simulations" / "modules.md").read_text().split())
    told = reference("related")["modules"].set_index("quantity")
    index = told.filter(regex="^lesion index", axis=0)
    ours, all_active, undivided = (
        short(index["ours"][f"lesion index, {who}"])
        for who in ("modules", "all active", "undivided, beside shuffled contexts")
    )
    assert f"one context (index {ours})," in page and f"of undivided networks ({undivided})" in page
    assert f"all active ({all_active})" in page
    assert index.filter(regex="shuffled", axis=0)["networks_in_direction"].eq(8).all()
    adds = index.loc[["lesion index, modules", "lesion index, modules beside all active"]]
    tests = told.filter(regex="^(?!learned)", axis=0)
    assert (adds["networks_in_direction"] == 7).all() and (adds["p"] > 0.05 / len(tests)).all()
    assert f"p = {short(adds['p'].iloc[0])} and {short(adds['p'].iloc[1])}), but of {len(tests)} such tests" in page
    for quantity, words in (
        ("bits of context in a module's being active", "no more than before training"),
        ("accuracy of modules, longer episodes", "longer episodes"),
        ("accuracy of modules, changing episodes", "changes half-way"),
    ):
        assert f"{words} (p = {short(told['p'][quantity])})" in page
    right = [f"{told['ours'][f'learned: accuracy, {who}']:.3f}"[1:] for who in ("modules", "undivided", "all active")]
    assert "({} right; undivided {}, all active {}, the most .903)".format(*right) in page


def test_what_the_page_of_the_distribution_of_values_says() -> None:
    page = " ".join((DOCS / "simulations" / "distributional.md").read_text().split())
    told = reference("related")["distributional"].set_index("quantity")["ours"]
    off = [
        short(told[f"learned: values off the expectiles, {of}, in s.d."])
        for of in ("variable magnitude", "chance of 50 %")
    ]
    assert "({} s.d. off them for variable magnitudes, {} for the chance of".format(*off) in page
    folder = DATA / "reference_runs" / "distributional"
    values = pd.read_csv(folder / "values.csv").query("kind == 'distributional' and cue > 0")
    away = (values["value"] - values["exact"]).abs()
    worst = values.loc[away.idxmax()]
    assert worst["cue"] != 2 and worst["tau"] in (0.025, 0.975) and f"by {short(away.max())} at most" in page
    means = pd.read_csv(folder / "correlations.csv").groupby("kind").mean(numeric_only=True)
    for column, words in (
        ("reversal point with itself", "R {}, in classical networks with the same noise {}."),
        ("asymmetry with reversal point", "R {} (classical {}), as in neurons"),
    ):
        ours, control = means.loc[["distributional", "classical"], column]
        assert words.format(short(ours), f"{control:.2f}".replace("0.", ".")) in page


def test_what_the_page_of_tabular_mdps_says() -> None:
    text = " ".join((DOCS / "simulations" / "tabular_mdps.md").read_text().split())
    table = reference("related")["tabular_mdps"].set_index("quantity")
    for episodes, rl2, words in (
        (10, " (RL2 156, UCRL2 {:.0f}, PSRL {:.0f}; greedy {:.0f})", "earn {:.0f} in 10 episodes"),
        (25, " (446, {:.0f}, {:.0f}; {:.0f})", "and {:.0f} in 25"),
    ):
        own = {who: f"reward, {episodes} episodes: {who}" for who in (NETWORKS, "UCRL2", "PSRL", "greedy")}
        networks, *others = table.loc[list(own.values()), "ours"]
        assert words.format(networks) + rl2.format(*others) in text
        assert table["networks_in_direction"][f"{own[NETWORKS]}, beside SNAIL"] == 4
    known = table[table["published"].notna() & ~table.index.str.contains(NETWORKS)]
    equal = known["verdict"] == EQUIVALENT
    assert f"Of the {len(known)} rows of known algorithms {equal.sum()} are equivalent" in text
    greedy = [f"reward, 25 episodes: {who}" for who in ("epsilon-greedy", "greedy")]
    assert known[~equal].index.tolist() == greedy
    (first, at_first), (second, at_second) = known.loc[greedy, ["ours", "published"]].to_numpy()
    assert (
        f"earn {first:.1f}, where {at_first:.1f} is published, and greedy ones {second:.1f} ({at_second:.1f})" in text
    )
    curves = pd.read_csv(DATA / "reference_runs" / "tabular_mdps" / "by_episode.csv").query(
        "condition == '25 episodes'"
    )
    at = curves.set_index(["group", "episode"])["reward"]
    assert f"({at[NETWORKS, 2]:.1f} in the second of 25 episodes, where UCRL2 earns {at['UCRL2', 2]:.1f})" in text
    assert f"({at[NETWORKS, 25]:.1f} in the last, {at['UCRL2', 25]:.1f})" in text
