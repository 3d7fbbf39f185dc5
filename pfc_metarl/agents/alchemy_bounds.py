"""Beliefs about what potions do in Alchemy, as bits, and what stones can be expected to earn at the most; compiled.

See `pfc_metarl.agents.alchemy_search` for what a belief is.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from pfc_metarl.loops import kept
from pfc_metarl.tasks.alchemy_chemistry import (
    AXES,
    COLOURS,
    PLACES,
    POTION_MAPS,
    STONE_MAPS,
    VALUES,
    graphs,
    transitions,
)

ABSENT = 8
"""In place of a stone's place."""
STILL = 3
"""In place of the axis along which a stone moves."""
BEST, OTHERS = 15.0, 1.0
"""Worth of the best stones, and the most that others may be worth."""


class Tables(NamedTuple):
    """What the search looks up."""

    axis: np.ndarray  # along which a colour moves stones (potion map, colour)
    up: np.ndarray  # to the side 1 of it? (potion map, colour)
    towards: np.ndarray  # the colour that moves along an axis to a side (potion map, axis, side)
    edge: np.ndarray  # graphs that have an edge (place, axis, word)
    reach: np.ndarray  # graphs in which one leads to the other (potion map, set of colours, place, place, word)
    worth: np.ndarray  # of a place (stone map, place)
    rename: np.ndarray  # the potion map if colours had other names (naming, potion map)
    old_name: np.ndarray  # of a colour with another name (naming, colour)


@cache
def tables() -> Tables:
    """All of them (seconds)."""
    colours, maps = np.arange(COLOURS), np.arange(POTION_MAPS)[:, None]
    axis = AXES[maps // 8, colours // 2]
    up = (maps % 8 >> axis & 1) == colours % 2
    towards = np.empty((POTION_MAPS, 3, 2), np.int64)
    towards[maps, axis, up.astype(int)] = colours
    index = {tuple(2 * axis[m] + up[m]): m for m in range(POTION_MAPS)}
    order, flips = AXES[maps // 8, colours // 2], maps % 8 >> colours // 2 & 1
    old_name = 2 * order + (colours % 2 ^ flips)
    renamed = [[index[tuple(2 * axis[m, old] + up[m, old])] for m in range(POTION_MAPS)] for old in old_name]
    worth = VALUES[np.arange(PLACES) ^ 7 ^ np.arange(STONE_MAPS)[:, None]].astype(float)
    edge = words(graphs().edges.transpose(1, 2, 0))
    return Tables(axis, up, towards, edge, _reach(transitions()), worth, np.array(renamed), old_name)


def words(sets: np.ndarray) -> np.ndarray:
    """Sets of graphs as bits: (..., graph) -> (..., word)."""
    bits = np.zeros((*sets.shape[:-1], 128), np.uint8)
    bits[..., : sets.shape[-1]] = sets
    return np.packbits(bits, axis=-1, bitorder="little").view(np.uint64)


@kept
def _reach(leads):  # type: ignore[no-untyped-def]
    """See `Tables`; leads: transitions (potion map, graph, place, colour)."""
    found = np.zeros((leads.shape[0], 64, 8, 8, 2), np.uint64)
    for m in range(leads.shape[0]):
        for g in range(leads.shape[1]):
            for colours in range(64):
                for start in range(8):
                    reached, new = 0, 1 << start
                    while new:
                        reached |= new
                        after = 0
                        for place in range(8):
                            for colour in range(6):
                                if new >> place & 1 and colours >> colour & 1:
                                    after |= 1 << leads[m, g, place, colour]
                        new = after & ~reached
                    for place in range(8):
                        if reached >> place & 1:
                            found[m, colours, start, place, g // 64] |= np.uint64(1) << np.uint64(g % 64)
    return found


@kept
def ones(x):  # type: ignore[no-untyped-def]
    """How many of 64 bits are set."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kept
def weight(first, second):  # type: ignore[no-untyped-def]
    """Prior of a set of graphs, times 192: 48 of that without constraints, 4 of the 12 with one, 1 of all others."""
    return ones(first) + ones(second) + 3 * ones(first & np.uint64(0x1FFF)) + 44 * np.int64(first & np.uint64(1))


@kept
def total(belief):  # type: ignore[no-untyped-def]
    """Prior of all that is possible still, times 48 x 192."""
    w = 0
    for m in range(belief.shape[0]):
        w += weight(belief[m, 0], belief[m, 1])
    return w


@kept
def update(t, belief, place, colour, axis, after):  # type: ignore[no-untyped-def]
    """The belief once a colour has moved a stone along an axis (or `STILL`), into `after`; returns its weight."""
    w = 0
    for m in range(belief.shape[0]):
        a, b = belief[m, 0], belief[m, 1]
        if a | b:
            own = t.axis[m, colour]
            away = (place >> own & 1) != t.up[m, colour]
            if axis == STILL:
                if away:
                    a, b = a & ~t.edge[place, own, 0], b & ~t.edge[place, own, 1]
            elif away and own == axis:
                a, b = a & t.edge[place, own, 0], b & t.edge[place, own, 1]
            else:
                a = b = np.uint64(0)
            w += weight(a, b)
        after[m, 0], after[m, 1] = a, b
    return w


@kept
def supplied(t, m, s, own, counts):  # type: ignore[no-untyped-def]
    """How many stones can become the best ones with the potions that lead there, at the least one for each step."""
    most = 0
    for some in range(1, 8):
        many, enough = 0, True
        for i in range(3):
            if some >> i & 1:
                many += 1
                enough = enough and own[i] != ABSENT
        if enough and many > most:
            for axis in range(3):
                lacking = 0
                for i in range(3):
                    lacking += some >> i & 1 and (own[i] ^ s) >> axis & 1
                enough = enough and lacking <= counts[t.towards[m, axis, s >> axis & 1]]
            if enough:
                most = many
    return most


@kept
def won(t, belief, m, s, place, colours, colour):  # type: ignore[no-untyped-def]
    """Weight of the graphs in which a stone can become the best, after it was put into a colour (or -1)."""
    a, b = belief[m, 0], belief[m, 1]
    w = 0
    if colour >= 0:
        own = t.axis[m, colour]
        if (place >> own & 1) != t.up[m, colour]:
            e, r = t.edge[place, own], t.reach[m, colours, place ^ (1 << own), s]
            w += weight(a & e[0] & r[0], b & e[1] & r[1])
            a, b = a & ~e[0], b & ~e[1]
    r = t.reach[m, colours, place, s]
    return w + weight(a & r[0], b & r[1])


@kept
def bound(t, belief, w, stone_maps, own, counts, colour, chosen):  # type: ignore[no-untyped-def]
    """No less than stones can be expected to earn: as if the chemistry were told, and they shared no potions but those
    which lead straight to the best.

    colour, chosen: into which a stone (number) is put first, or -1.
    """
    colours = 0
    for c in range(6):
        colours |= (counts[c] > (c == colour)) << c
    sum_, many, stones = 0.0, 0, 0
    for i in range(3):
        stones += own[i] != ABSENT
    for s in range(8):
        if stone_maps >> s & 1:
            many += 1
            for m in range(belief.shape[0]):
                if belief[m, 0] | belief[m, 1]:
                    here = 0
                    for i in range(3):
                        if own[i] != ABSENT:
                            here += won(t, belief, m, s, own[i], colours, colour if i == chosen else -1)
                    row = weight(belief[m, 0], belief[m, 1])
                    if here > row:
                        here = min(here, row * supplied(t, m, s, own, counts))
                    sum_ += here
    return OTHERS * stones + (BEST - OTHERS) * sum_ / (w * many)
