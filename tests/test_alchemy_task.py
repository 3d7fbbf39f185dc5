"""Symbolic Alchemy: its chemistries, counted, and what stones and potions do, by the rules told with coordinates."""

from itertools import product

import numpy as np
import pytest
from playing import Met, at_random, play, rngs

from pfc_metarl.tasks import Alchemy
from pfc_metarl.tasks.alchemy import GONE, POTIONS, STONES, action, digits, number
from pfc_metarl.tasks.alchemy_chemistry import AXES, CORNERS, VALUES, graphs, looks, transitions
from pfc_metarl.tasks.episodes import Episodes

PLACE = {tuple(corner): place for place, corner in enumerate(CORNERS)}


def chemistry(world: Episodes, **fixed: int) -> dict[str, int]:
    """That of the first episode, of which some is fixed before it begins anew."""
    own = {name: int(world.records[name][0, 0]) for name in ("graph", "potion_map", "stone_map", "rotation")} | fixed
    table = {name: np.full(world.task.trials, value) for name, value in own.items()}
    table |= {name: world.trials[name][0, 0] for name in ("inner", "stones", "potions")}
    world.task.lead(world.records[0, :1], world.trials[0, 0], table)
    world.look()
    return own


def begun(trials: int = 2, steps: int = 20, key: int = 3, episodes: int = 1, rotations: bool = True) -> Episodes:
    world = Episodes(Alchemy(trials, steps, rotations), 1, episodes)
    world.begin(rngs(1, key))
    return world


def test_graphs_are_those_of_the_publication() -> None:
    told = graphs()
    assert np.bincount(told.constraints).tolist() == [1, 12, 48, 48]
    assert len({edges.tobytes() for edges in told.edges}) == 109
    assert [told.prior[told.constraints == k].sum() for k in range(4)] == pytest.approx([0.25] * 4)
    for k in range(4):
        assert np.ptp(told.prior[told.constraints == k]) == 0
    for edges in told.edges:  # an edge leads both ways, and all places are within reach of each other
        steps = np.eye(8, dtype=int)
        for place, axis in product(range(8), range(3)):
            other = CORNERS[place].copy()
            other[axis] *= -1
            assert edges[place, axis] == edges[PLACE[tuple(other)], axis]
            steps[place, PLACE[tuple(other)]] = edges[place, axis]
        assert (np.linalg.matrix_power(steps, 7) > 0).all()


def test_worth_of_stones() -> None:
    assert sorted(VALUES) == [-3, -1, -1, -1, 1, 1, 1, 15]
    assert VALUES[PLACE[1, 1, 1]] == 15 and VALUES[PLACE[1, -1, 1]] == 1 and VALUES[PLACE[-1, -1, -1]] == -3


def test_what_potions_do() -> None:
    """By the rule in words: a potion moves a stone along its axis in its direction, if it is not there and may."""
    assert transitions().shape == (48, 109, 8, 6)
    for potion_map, graph, place, colour in product(range(48), range(0, 109, 9), range(8), range(6)):
        axis = AXES[potion_map // 8][colour // 2]
        same = potion_map % 8 // 2**axis % 2  # does direction 1 of the pair lead to 1?
        direction = (1 if colour % 2 else -1) * (1 if same else -1)
        there = CORNERS[place].copy()
        if there[axis] == -direction and graphs().edges[graph, place, axis]:
            there[axis] = direction
        assert transitions()[potion_map, graph, place, colour] == PLACE[tuple(there)]
    free = transitions()[:, 0]  # without constraints, half of all stones move; and none by the same colour again
    np.testing.assert_array_equal(np.take_along_axis(free, free.astype(int), 1), free)
    assert (free != np.arange(8)[:, None]).sum((1, 2)).tolist() == [24] * 48


def test_looks_of_stones() -> None:
    told = looks()
    assert told.shape == (4, 8, 8, 3) and set(np.unique(told)) == {-1, 0, 1}
    np.testing.assert_array_equal(told[0, 7], CORNERS)  # nothing is turned, no coordinate mirrored
    np.testing.assert_array_equal(told[0, 0], -CORNERS)
    np.testing.assert_array_equal(told[0, 0b101], CORNERS * (1, -1, 1))
    for rotation, axis in ((1, 2), (2, 1), (3, 0)):
        a, b = (k for k in range(3) if k != axis)
        for own in told[rotation]:  # (place, number)
            assert (np.abs(own[:, axis]) == 1).all() and ((own[:, a] == 0) != (own[:, b] == 0)).all()
        back = {1: [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], 2: [[1, 0, -1], [0, 1, 0], [1, 0, 1]]}
        back[3] = [[1, 0, 0], [0, 1, 1], [0, -1, 1]]  # what undoes them, as the publication's code has it
        np.testing.assert_array_equal(told[rotation] @ np.array(back[rotation]).T, told[0])
    for own in told.reshape(32, 8, 3):
        assert len({tuple(look) for look in own}) == 8


def test_what_is_drawn_is_uniform() -> None:
    """Frequencies, within 4.5 s.d. of each."""
    world = begun(trials=3, steps=2, episodes=20_000)
    drawn = {name: world.records[name].ravel() for name in ("potion_map", "stone_map", "rotation", "graph")}
    begins = world.trials[0, :, ::2]
    drawn |= {"stones": digits(begins["stones"], STONES).ravel() - 1}
    drawn |= {"potions": digits(begins["potions"], POTIONS).ravel() - 1}
    kinds = {"potion_map": 48, "stone_map": 8, "rotation": 4, "stones": 8, "potions": 6}
    for name, values in drawn.items():
        p = graphs().prior if name == "graph" else np.full(kinds[name], 1 / kinds[name])
        found = np.bincount(values, minlength=len(p))
        assert len(found) == len(p)
        assert (np.abs(found - len(values) * p) < 4.5 * np.sqrt(len(values) * p * (1 - p))).all(), name
    assert not Episodes(Alchemy(2, 3), 1, 50).records["rotation"].any()


def test_numbers_of_digits() -> None:
    told = np.array([[1, 0, 8], [0, 0, 0], [0, 2, 5]])
    assert number(told).tolist() == [108, 0, 25]
    np.testing.assert_array_equal(digits(number(told), 3), told)


def test_using_stones_and_potions_up() -> None:
    world = begun()
    own = chemistry(world, graph=0, potion_map=0b111, stone_map=7, rotation=0)  # colour 2 k + 1: towards 1 along axis k
    assert own["graph"] == 0
    stones = digits(world.trials["stones"][0, 0, 0], STONES) - 1
    potions = digits(world.trials["potions"][0, 0, 0], POTIONS) - 1
    seen = world.observation[0, 0].copy()
    np.testing.assert_array_equal(seen[:15].reshape(3, 5)[:, :3], CORNERS[stones])
    np.testing.assert_allclose(seen[:15].reshape(3, 5)[:, 3], CORNERS[stones].sum(1) / 3, rtol=1e-6)
    np.testing.assert_allclose(seen[15::2], potions / 3 - 1, rtol=1e-6)
    assert not seen[4:15:5].any() and not seen[16::2].any()

    def do(what: int) -> float:
        world.step(np.full((1, 1), what))
        return float(world.reward[0, 0])

    assert do(0) == 0
    np.testing.assert_array_equal(world.observation[0, 0], seen)
    axis, up = divmod(int(potions[4]), 2)
    assert do(action(1, 1 + 4)) == 0  # stone 1 into potion 4
    moved = CORNERS[stones[1]].copy()
    moved[axis] = 2 * up - 1
    now = world.observation[0, 0].copy()
    np.testing.assert_array_equal(now[5:8], moved)
    assert now[15 + 8] == GONE and now[15 + 9] == 1
    do(action(1, 1 + 4))  # an empty potion
    np.testing.assert_array_equal(world.observation[0, 0], now)
    assert do(action(1, 0)) == VALUES[PLACE[tuple(moved)]]
    assert world.observation[0, 0, 5:10].tolist() == [GONE] * 4 + [1]
    for what in (action(1, 0), action(1, 1), action(1, 12)):  # a stone that is used up
        before = world.observation[0, 0].copy()
        assert do(what) == 0
        np.testing.assert_array_equal(world.observation[0, 0], before)
    for _ in range(20 - 7):
        do(0)
    begins = world.trials[0, 0, 20]  # the next trial brings new ones
    np.testing.assert_array_equal(world.records["stones"][0, 0], digits(begins["stones"], 3))
    np.testing.assert_array_equal(world.records["potions"][0, 0], digits(begins["potions"], 12))
    assert digits(begins["stones"], 3).all() and digits(begins["potions"], 12).all()
    assert not world.observation[0, 0, 4:15:5].any() and not world.observation[0, 0, 16::2].any()
    assert world.trials["inner"][0, 0, :20].tolist() == [1] * 20


def test_a_potion_without_an_edge_is_used_up_and_does_nothing() -> None:
    """Of the graph and place where no potion does anything but along one axis."""
    edges = graphs().edges
    graph, place = np.argwhere(edges.sum(2) == 1)[0]
    world = begun()
    for trial in world.trials[0, 0, ::20]:
        trial["stones"], trial["potions"] = 111 * (1 + place), 123456123456
    chemistry(world, graph=int(graph))
    moved, potions = 0, 0
    for potion in range(6):
        before = world.observation[0, 0].copy()
        world.step(np.full((1, 1), action(0, 1 + potion)))
        changed = np.flatnonzero(world.observation[0, 0] != before)
        assert {15 + 2 * potion, 16 + 2 * potion} <= set(changed)  # used up
        potions += 1
        moved += len(changed) > 2
        if len(changed) > 2:
            break  # it is at another place now
    assert moved == 1 and potions > 1  # one of six does something, and not the first


def test_random_play_follows_the_rules_and_pays_what_stones_are_worth() -> None:
    """Every step of random play by the tables, told again in another way."""
    task = Alchemy(3, 20, rotations=True)
    world = Episodes(task, 2, 40)
    world.begin(rngs(2))
    met: Met = play(world, at_random(task))
    for k, e in product(range(2), range(40)):
        record, rows = world.records[k, e], world.trials[k, e]
        leads = transitions()[record["potion_map"], record["graph"]]
        for t, row in enumerate(rows):
            if t % 20 == 0:
                stones, potions = list(digits(row["stones"], 3) - 1), list(digits(row["potions"], 12) - 1)
            assert (stones, potions) == (list(digits(row["stones"], 3) - 1), list(digits(row["potions"], 12) - 1))
            paid, chosen = 0, int(row["choice"])
            if chosen:
                stone, into = (chosen - 1) // 13, (chosen - 1) % 13
                if stones[stone] >= 0 and into == 0:
                    paid, stones[stone] = VALUES[stones[stone]], -1
                elif stones[stone] >= 0 and potions[into - 1] >= 0:
                    stones[stone], potions[into - 1] = leads[stones[stone], potions[into - 1]], -1
            assert paid == row["reward"] == met.rewards[t, k, e]
            look = looks()[record["rotation"], record["stone_map"]]
            seen = digits(row["stones"], 3) - 1
            for s in np.flatnonzero(seen >= 0):
                np.testing.assert_array_equal(met.observations[t, k, e, 5 * s : 5 * s + 3], look[seen[s]])
