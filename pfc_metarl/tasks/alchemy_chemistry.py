"""The chemistries of Alchemy (Wang et al. 2021): what may be hidden behind the looks of stones and potions.

A stone has a place at a corner of a cube: x, y and z are -1 or 1, and places are numbered 0 to 7, of which bit k is
set where coordinate k is 1. A potion moves stones along one axis in one direction, where the graph has that edge.
Potions come in six colours, numbered 0 to 5; colours 2 d and 2 d + 1 are opposites, of direction -1 and 1 of pair d.

A chemistry is four numbers, drawn independently for each episode:

- graph, 0 to 108: which edges of the cube there are (`graphs`);
- potion map, 0 to 47: 8 p + s. Pair d acts along axis `AXES[p, d]`; direction 1 of the pair is 1 along axis k if bit k
  of s is set, else -1;
- stone map, 0 to 7: coordinate k of a stone's place is that of its looks if bit k is set, else its opposite;
- rotation, 0 to 3: the looks' axes are as they are, or turned by 45 degrees about z, y or x.
"""

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

PLACES, COLOURS = 8, 6
POTION_MAPS, STONE_MAPS, ROTATIONS = 48, 8, 4
AXES = np.array(list(permutations(range(3))))
"""Axis along which each pair of colours acts: (order, pair)."""
CORNERS = 2 * (np.arange(PLACES)[:, None] >> np.arange(3) & 1) - 1
"""Coordinates of each place: (place, axis)."""
VALUES = CORNERS.sum(1) + 12 * (CORNERS.sum(1) == 3)
"""What a stone earns in the cauldron, by its place: the sum of its coordinates, and 12 more for the best."""
FREE = -1
"""Of a constraint: none, whatever the coordinate."""


class Graphs(NamedTuple):
    """All graphs, those with fewer constraints first."""

    edges: np.ndarray
    """Is there an edge at a place along an axis: (graph, place, axis)."""
    constraints: np.ndarray
    """How many constraints each has: (graph,)."""
    prior: np.ndarray
    """With which probability each is drawn: all numbers of constraints alike, and all graphs of a number (graph,)."""


@cache
def graphs() -> Graphs:
    """All graphs that leave every place within reach of every other.

    A constraint says of one axis that stones move along it only where another coordinate is 1, or only where it is -1.
    """
    bits = np.arange(PLACES)[:, None] >> np.arange(3) & 1  # (place, axis)
    found = []
    for wanted in product((FREE, 0, 1), repeat=6):  # of each axis: of the next one, and of the one after that
        edges = np.ones((PLACES, 3), bool)
        for axis, other, bit in zip((0, 0, 1, 1, 2, 2), (1, 2, 2, 0, 0, 1), wanted):
            edges[:, axis] &= (bit == FREE) | (bits[:, other] == bit)
        if _connected(edges):
            found.append((6 - wanted.count(FREE), edges))
    found.sort(key=lambda graph: graph[0])
    constraints = np.array([number for number, _ in found])
    counts = np.bincount(constraints)
    return Graphs(np.stack([edges for _, edges in found]), constraints, 1 / (len(counts) * counts[constraints]))


def _connected(edges: np.ndarray) -> bool:
    """Are all places within reach of the first? edges: (place, axis)."""
    reached, waiting = {0}, [0]
    while waiting:
        place = waiting.pop()
        new = {place ^ 1 << axis for axis in range(3) if edges[place, axis]} - reached
        reached |= new
        waiting += new
    return len(reached) == PLACES


@cache
def transitions() -> np.ndarray:
    """Where a potion moves a stone: place after it, (potion map, graph, place, colour)."""
    maps = np.arange(POTION_MAPS)[:, None]
    colours = np.arange(COLOURS)
    axis = AXES[maps // 8, colours // 2]  # (potion map, colour)
    up = (maps % 8 >> axis & 1) == colours % 2  # is it in direction 1?
    places = np.arange(PLACES)[:, None]
    away = (places >> axis[:, None] & 1) != up[:, None]  # on the other side (potion map, place, colour)
    edge = graphs().edges[:, :, axis].transpose(2, 0, 1, 3)  # (potion map, graph, place, colour)
    return np.where(away[:, None] & edge, places ^ 1 << axis[:, None, None], places).astype(np.int8)


@cache
def looks() -> np.ndarray:
    """How a stone looks: three numbers -1, 0 or 1, (rotation, stone map, place, number).

    Turned about an axis, the other two coordinates a and b look like (a - b) / 2 and (a + b) / 2.
    """
    turned = [np.eye(3)]
    for axis in (2, 1, 0):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[[a, a, b, b], [a, b, a, b]] = 0.5, -0.5, 0.5, 0.5
        turned.append(turn)
    aligned = CORNERS[:, None] * CORNERS  # (stone map, place, axis)
    return np.einsum("rij,mpj->rmpi", np.stack(turned), aligned).astype(np.float32)
