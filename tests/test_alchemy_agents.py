"""Reference agents of Alchemy: beliefs and searches against slow and obvious ones, scores beside the published ones."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from playing import at_random, play, rngs
from scipy import stats

from pfc_metarl.agents.alchemy import (
    AGENTS,
    HEURISTIC,
    OBSERVER,
    ORACLE,
    PUBLICATION,
    RANDOM,
    IdealObserver,
    Planner,
    SearchOracle,
    room,
    sell,
)
from pfc_metarl.agents.alchemy_belief import Belief, as_seen, beliefs, potion_used
from pfc_metarl.agents.alchemy_bounds import ABSENT, STILL, bound, tables, total, update, words
from pfc_metarl.agents.alchemy_search import search
from pfc_metarl.agents.playing import lead
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.published import published_number
from pfc_metarl.tasks import Alchemy
from pfc_metarl.tasks.alchemy import POTIONS, STONES, action, digits
from pfc_metarl.tasks.alchemy_chemistry import PLACES, VALUES, graphs, looks, transitions
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.trials import trial_table

PRIOR = np.broadcast_to(graphs().prior / 48, (48, 109))


def table_of_random_play(task: Alchemy, sessions: int, key: int) -> pd.DataFrame:
    world = Episodes(task, 1, sessions)
    world.begin(rngs(1, key))
    play(world, at_random(task))
    return trial_table(task.name, world.records[0], world.trials[0], np.ones(sessions, int), range(1, sessions + 1))


def slow_beliefs(session: pd.DataFrame, rotations: bool) -> dict[str, np.ndarray]:
    """By trying every chemistry: what it says that one sees is compared with what is seen."""
    shape = (4 if rotations else 1, 8, 48, 109)
    p = np.broadcast_to(graphs().prior, shape).copy()
    told: dict[str, list[np.ndarray]] = {"rotation": [], "stone_map": [], "potion_map": [], "graph": []}
    chemistry = session.iloc[0]
    stones, potions = digits(session["stones"].to_numpy(), STONES), digits(session["potions"].to_numpy(), POTIONS)
    seen = [as_seen(own, chemistry["rotation"], chemistry["stone_map"]) for own in stones]
    place = {
        (r, s, tuple(look)): k for r, s in product(range(shape[0]), range(8)) for k, look in enumerate(looks()[r, s])
    }
    inner, choice = session["inner"].to_numpy(), session["choice"].to_numpy()
    for t in range(len(session)):
        for r, s in product(range(shape[0]), range(8)):
            for stone in np.flatnonzero(stones[t] > 0):
                now = place.get((r, s, tuple(seen[t][0][stone])))
                if now is None or VALUES[now] != seen[t][1][stone]:
                    p[r, s] = 0
            used = potion_used(stones[t - 1], potions[t - 1], choice[t - 1]) if t else None
            if used and inner[t - 1] == inner[t]:
                before, after = (place.get((r, s, tuple(seen[at][0][used[0]]))) for at in (t - 1, t))
                if before is None or after is None:
                    p[r, s] = 0
                else:
                    p[r, s] *= transitions()[:, :, before, used[1]] == after
        for i, (name, own) in enumerate(told.items()):
            marginal = p.sum(tuple(k for k in range(4) if k != i)) / p.sum()
            own.append(np.pad(marginal, (0, 3 if name == "rotation" and not rotations else 0)))
    return {name: np.stack(own) for name, own in told.items()}


@pytest.mark.parametrize("rotations", [False, True])
def test_beliefs_are_those_of_trying_every_chemistry(rotations: bool) -> None:
    table = table_of_random_play(Alchemy(2, 18, rotations), 2, key=5)
    fast = beliefs(table, rotations)
    slow = [slow_beliefs(own, rotations) for _, own in table.groupby("session")]
    for part, found in fast.items():
        np.testing.assert_allclose(found, np.concatenate([own[part] for own in slow]), atol=1e-6)
        truth = table[part].to_numpy()
        assert (found[np.arange(len(table)), truth] > 0).all()  # nothing true is ruled out
        last, first = found[17::36].max(1), found[::36].max(1)
        assert (last >= first - 1e-6).all()


def test_what_others_do_not_see_is_not_used() -> None:
    """Chemistries that look the same throughout give the same belief."""
    table = table_of_random_play(Alchemy(1, 15), 1, key=6)
    other = table.assign(graph=(table["graph"] + 1) % 109, potion_map=(table["potion_map"] + 7) % 48)
    for part, found in beliefs(table, False).items():
        np.testing.assert_array_equal(found, beliefs(other, False)[part])


def slow_search(worlds: np.ndarray, stones: tuple[int, ...], potions: tuple[int, ...], s: int) -> float:
    """Best expected earnings, by trying everything; worlds: weight of each (potion map, graph); s: the stone map."""
    best = float(sum(max(VALUES[place ^ 7 ^ s], 0) for place in stones))
    for colour, i in product(set(potions), range(len(stones))):
        rest = list(potions)
        rest.remove(colour)
        value, to = 0.0, transitions()[:, :, stones[i], colour]
        for after in np.unique(to[worlds > 0]):
            left = np.where(to == after, worlds, 0)
            moved = (*stones[:i], int(after), *stones[i + 1 :])
            value += left.sum() / worlds.sum() * slow_search(left, moved, tuple(rest), s)
        best = max(best, value)
    return best


def fast_search(
    worlds: np.ndarray, stones: tuple[int, ...], potions: tuple[int, ...], stone_maps: int, *ahead: int
) -> float:
    known = room()
    known.keys[:] = 0
    known.beliefs[0] = words(worlds > 0)
    known.stones[0] = sorted([*stones, *[ABSENT] * (3 - len(stones))])
    return search(tables(), known, 0, np.bincount(potions, minlength=6), stone_maps, *(ahead or (12, 12)), -np.inf)[0]


def any_state(rng: np.random.Generator, stones: int, potions: int) -> tuple[np.ndarray, tuple, tuple, int]:
    """Some of the worlds, stones, potions and the stone map."""
    worlds = np.where(rng.random((48, 1)) < rng.choice([0.1, 1]), PRIOR, 0) * (rng.random(109) < rng.choice([0.3, 1]))
    worlds[rng.integers(48), rng.integers(109)] += 1e-9
    worlds = np.where(worlds > 0, PRIOR, 0)
    return worlds, tuple(rng.integers(0, 8, stones)), tuple(rng.integers(0, 6, potions)), int(rng.integers(8))


@pytest.mark.parametrize("stones, potions, times", [(1, 1, 10), (3, 2, 6), (2, 3, 3)])
def test_the_search_finds_what_trying_everything_finds(stones: int, potions: int, times: int) -> None:
    rng = np.random.default_rng(stones)
    for _ in range(times):
        worlds, at, colours, s = any_state(rng, stones, potions)
        assert fast_search(worlds, at, colours, 1 << s) == pytest.approx(slow_search(worlds, at, colours, s), abs=1e-5)


def test_known_chemistries_are_searched_to_the_end_however_far_one_looks() -> None:
    rng = np.random.default_rng(4)
    for _ in range(8):
        worlds, at, colours, s = any_state(rng, 2, 4)
        known = np.zeros_like(worlds)
        known[tuple(rng.permutation(np.argwhere(worlds > 0))[0])] = 1
        assert fast_search(known, at, colours, 1 << s, 1, 1) == pytest.approx(
            slow_search(known, at, colours, s), abs=1e-5
        )


def test_without_the_stone_map_it_is_the_mean_over_stone_maps_if_no_more_is_told() -> None:
    """One potion, one stone of worth 1: of three stone maps each with its own outcomes, none of which is acted on."""
    place, maps = 0b011, [s for s in range(8) if VALUES[0b011 ^ 7 ^ s] == 1]
    value = 0.0
    for s, (potion_map, graph) in product(maps, np.ndindex(48, 109)):
        value += (
            PRIOR[potion_map, graph] * max(VALUES[transitions()[potion_map, graph, place, 2] ^ 7 ^ s], 0) / len(maps)
        )
    found = fast_search(PRIOR, (place,), (2,), sum(1 << s for s in maps))
    assert found == pytest.approx(max(value, 1), abs=1e-5)


def test_looking_some_potions_ahead() -> None:
    """It is exact once few enough are left; and its bound is none that could be exceeded."""
    rng = np.random.default_rng(8)
    for _ in range(4):
        worlds, at, colours, s = any_state(rng, 2, 5)
        exact = fast_search(worlds, at, colours, 1 << s)
        assert fast_search(worlds, at, colours, 1 << s, 2, 3) == pytest.approx(exact, abs=1e-9)
        room().beliefs[0] = words(worlds > 0)
        own, counts = np.sort([*at, ABSENT]), np.bincount(colours, minlength=6)
        top = bound(tables(), room().beliefs[0], total(room().beliefs[0]), 1 << s, own, counts, -1, -1)
        assert top >= exact and fast_search(worlds, at, colours, 1 << s, 1, 1) <= top


def test_names_of_colours_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    for _ in range(5):
        _, at, colours, s = any_state(rng, 3, 4)
        swapped = tuple((colour ^ 1) if colour < 4 else colour for colour in colours)
        turned = tuple((colour + 2) % 6 for colour in colours)
        value = fast_search(PRIOR, at, colours, 1 << s)
        assert fast_search(PRIOR, at, swapped, 1 << s) == pytest.approx(value, abs=1e-9)
        assert fast_search(PRIOR, at, turned, 1 << s) == pytest.approx(value, abs=1e-9)


def test_the_belief_of_the_search_after_outcomes_that_cannot_be() -> None:
    after = np.empty((48, 2), np.uint64)
    belief = words(PRIOR > 0)
    weights = [update(tables(), belief, 5, 3, axis, after) for axis in range(STILL + 1)]
    assert sum(weights) == total(belief) == 48 * 192
    update(tables(), belief, 5, 3, 1, after)
    assert update(tables(), after.copy(), 5, 3, 0, after) == 0


def test_what_they_do() -> None:
    assert sell(np.array([-1, 15, 1])) == action(1, 0) and sell(np.array([-3, np.nan, -1])) == 0
    for kind in AGENTS.values():
        agent = kind()
        agent.start(1)
        shown = {"stones": 781, "potions": 10, "inner": 1, "rotation": 0, "stone_map": 7, "potion_map": 7, "graph": 0}
        p = agent.probabilities({name: np.array([value]) for name, value in shown.items()})
        assert p.shape == (1, 40) and p.sum() == pytest.approx(1)
        if kind is AGENTS[RANDOM]:
            assert np.ptp(p) == 0
        elif kind is AGENTS[HEURISTIC]:  # stones 0 and 2 are not the best; of the potions, number 11 is left
            assert np.flatnonzero(p).tolist() == [action(0, 11), action(2, 11)]
        else:  # of colour 0: of no use to them, as the oracle knows
            assert kind is not SearchOracle or np.flatnonzero(p).tolist() == [action(0, 0)]


def per_session(table: pd.DataFrame) -> pd.Series:
    return table.groupby("session")["reward"].sum()


@pytest.mark.parametrize("name, episodes", [(RANDOM, 200), (HEURISTIC, 60), (ORACLE, 60)])
def test_scores_are_the_published_ones(name: str, episodes: int) -> None:
    """Within 3 s.e. of both means; published are those of 1,000 episodes."""
    score = per_session(play_agent(AGENTS[name](), Alchemy(), np.random.default_rng(11), episodes, name))
    paper = published_number(PUBLICATION, series=name, condition="episode")
    assert abs(score.mean() - paper.value) < 3 * np.sqrt(score.sem() ** 2 + score.var() / 1_000)


def test_the_ideal_observer_earns_less_than_the_oracle_by_as_much_as_published() -> None:
    """In the same episodes, as there: within 3 s.e. of both mean differences."""
    agents = {name: AGENTS[name]() for name in (ORACLE, OBSERVER)}
    told = {name: play_agent(a, Alchemy(), np.random.default_rng(11), 40, name) for name, a in agents.items()}
    less = per_session(told[ORACLE]) - per_session(told[OBSERVER])
    paper = [published_number(PUBLICATION, series=name, condition="episode").value for name in agents]
    assert abs(less.mean() - (paper[0] - paper[1])) < 3 * less.std() * np.sqrt(1 / 40 + 1 / 1_000)


def test_the_ideal_observer_earns_nearly_as_much_as_the_oracle_and_more_as_it_learns() -> None:
    """On the same few episodes; and whoever is led along somebody's actions learns as one who did them."""
    task, sessions = Alchemy(3), 12
    played = {
        kind: play_agent(kind(), task, np.random.default_rng(12), sessions, "agent")
        for kind in (IdealObserver, SearchOracle)
    }
    scores = {kind: per_session(table) for kind, table in played.items()}
    assert scores[SearchOracle].mean() >= scores[IdealObserver].mean() > 0.7 * scores[SearchOracle].mean()
    table = played[IdealObserver]
    assert (lead(IdealObserver(), table) == 1).all()
    found = beliefs(table, False)
    entropy = stats.entropy(found["potion_map"], axis=1).reshape(sessions, 3, 20)[:, :, -1]
    assert (np.diff(entropy, axis=1) <= 1e-9).all() and entropy[:, -1].mean() < 0.3 * np.log(48)


def test_turned_looks_are_seen_through() -> None:
    task = Alchemy(2, rotations=True)
    table = play_agent(IdealObserver(rotations=True), task, np.random.default_rng(13), 6, "agent")
    found = beliefs(table, True)
    assert (found["rotation"][np.arange(len(table)), table["rotation"]][39::40] == 1).all()
    assert per_session(table).mean() > 30


def test_a_belief_at_its_start() -> None:
    belief = Belief(rotations=True)
    for part, p in belief.marginals().items():
        assert p == pytest.approx(graphs().prior if part == "graph" else np.full(len(p), 1 / len(p)))
    belief.see(looks()[2, 7][:3], np.array([np.nan, VALUES[1], VALUES[2]]))
    assert belief.rotation()[0] == 0 and belief.places[2].tolist() == [ABSENT, 1, 2] and PLACES == ABSENT
    assert issubclass(IdealObserver, Planner)
