"""Search for the best that can be done in a trial of Alchemy, given a belief; all of it compiled.

What stones look like without the rotation is a place too, that of a cube whose axes point where the looks' do. There,
what potions do does not depend on the stone map (the set of all graphs is its own mirror image), and what stones are
worth does not depend on what potions do: the belief stays a product of both, whatever is seen.

- dynamics: potion map and graph, 48 x 109 pairs. Evidence rules pairs out and changes nothing else; those that are left
  are bits (potion map, word), two words for the graphs, whose prior weights are whole numbers.
- stone maps: those that are left, bits of one number.

The search tries all actions with all their outcomes, and passes over what cannot be better than what it has (`bounds`).
It is exact to the end of the trial where so few potions are left, or the dynamics are known. Else it looks some potions
ahead; what comes after them is taken to be worth a share `REST` of the way from what would be paid at once to what
could be expected if the chemistry were told there and then.
"""

from typing import NamedTuple

import numba
import numpy as np

from pfc_metarl.agents.alchemy_bounds import ABSENT, STILL, bound, ones, total, update
from pfc_metarl.loops import kept
from pfc_metarl.tasks.alchemy import POTIONS, STONES
from pfc_metarl.tasks.alchemy_chemistry import POTION_MAPS

recursive = numba.njit(nogil=True, error_model="numpy")
"""How functions are compiled that call each other, which numba cannot keep on disk."""
END = -1
"""In place of an action (8 x colour + place): no more potions."""
EFFORT = 1e-7
"""What a potion costs: of plans that earn the same, the one that needs fewest is chosen."""
NEAR = 1e-10
REST = 0.7


@kept
def mix(x):  # type: ignore[no-untyped-def]
    """Scramble 64 bits (splitmix64, Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kept
def key(t, belief, own, counts, stone_maps, ahead):  # type: ignore[no-untyped-def]
    """128 bits that stand for a state; the same for states that differ in nothing but the names of colours."""
    most = -1
    first = second = np.uint64(0)
    for naming in range(t.old_name.shape[0]):
        code = 0
        for c in range(6):
            code = 16 * code + counts[t.old_name[naming, c]]
        if code < most:
            continue
        x = y = np.uint64(0)
        for m in range(belief.shape[0]):
            a, b = belief[m, 0], belief[m, 1]
            if a | b:
                h = mix(mix(a ^ np.uint64(t.rename[naming, m])) ^ b)
                x += h
                y ^= mix(h)
        if code > most or x < first or (x == first and y < second):
            most, first, second = code, x, y
    rest = np.uint64(((most * 16 + own[0]) * 16 + own[1]) * 16 + own[2])
    rest = mix(rest ^ mix(np.uint64(stone_maps * 16 + ahead)))
    return first ^ rest, (second + mix(rest)) | np.uint64(1)


class Memory(NamedTuple):
    """Where the search writes: states that it has seen, and those on its way."""

    keys: np.ndarray  # (state, word); 0: free
    values: np.ndarray  # of these, or what they cannot exceed (state,)
    exact: np.ndarray  # the former? (state,)
    beliefs: np.ndarray  # (depth, potion map, word)
    stones: np.ndarray  # places, in rising order (depth, stone)


def memory(bits: int) -> Memory:
    """Room for 2 ** bits states."""
    size, depth = 1 << bits, 1 + POTIONS + 1
    beliefs = np.zeros((depth, POTION_MAPS, 2), np.uint64)
    return Memory(
        np.zeros((size, 2), np.uint64),
        np.zeros(size),
        np.zeros(size, np.int8),
        beliefs,
        np.full((depth, STONES), ABSENT),
    )


@kept
def find(memory, first, second):  # type: ignore[no-untyped-def]
    """Where a state is, or may be put."""
    size = len(memory.values)
    at = np.int64(first & np.uint64(size - 1))
    for _ in range(8):
        if memory.keys[at, 1] == 0 or (memory.keys[at, 0] == first and memory.keys[at, 1] == second):
            break
        at = (at + 1) & (size - 1)
    return at


@kept
def at_once(t, stone_maps, own):  # type: ignore[no-untyped-def]
    """What stones earn if those that are worth something go to the cauldron; all stone maps that are left agree."""
    s = 0
    while not stone_maps >> s & 1:
        s += 1
    earned = 0.0
    for i in range(3):
        if own[i] != ABSENT:
            earned += max(t.worth[s, own[i]], 0.0)
    return earned


@recursive
def search(t, memory, depth, counts, stone_maps, ahead, few, least):  # type: ignore[no-untyped-def]
    """Expected earnings of the rest of a trial, if more than `least`; else a bound that is no more than that.

    Args:
        memory: whose belief and stones of this depth are the state's.
        counts: potions left of each colour (colour,).
        stone_maps: those that are possible.
        ahead: potions to look ahead; all, if no more than `few` are left or the dynamics are known.

    Returns:
        Value, and the best action.
    """
    belief, own = memory.beliefs[depth], memory.stones[depth]
    w, pairs, left = total(belief), 0, counts.sum()
    for m in range(belief.shape[0]):
        pairs += ones(belief[m, 0]) + ones(belief[m, 1])
    best, action = at_once(t, stone_maps, own), END
    if left == 0:
        return best, action
    most = bound(t, belief, w, stone_maps, own, counts, -1, -1) - EFFORT
    if most <= best + NEAR:
        return best, action
    if most <= least:
        return most, action
    if left <= few or pairs == 1:
        ahead = left
    if ahead == 0:
        return best + REST * (most - best), action
    first, second = key(t, belief, own, counts, stone_maps, min(ahead, left))
    at = find(memory, first, second)
    known = memory.keys[at, 0] == first and memory.keys[at, 1] == second
    if depth > 0 and known and (memory.exact[at] or memory.values[at] <= least):
        return memory.values[at], action
    tried, tops, many = np.empty(18, np.int64), np.empty(18), 0
    for c in range(6):
        for i in range(3):
            if counts[c] == 0 or own[i] == ABSENT or (i > 0 and own[i] == own[i - 1]):
                continue
            moves = False
            for m in range(belief.shape[0]):
                axis = t.axis[m, c]
                e = t.edge[own[i], axis]
                moves |= (own[i] >> axis & 1) != t.up[m, c] and ((belief[m, 0] & e[0]) | (belief[m, 1] & e[1])) > 0
            if moves:
                top = bound(t, belief, w, stone_maps, own, counts, c, i) - EFFORT
                k = many
                while k > 0 and tops[k - 1] < top:
                    tried[k], tops[k] = tried[k - 1], tops[k - 1]
                    k -= 1
                tried[k], tops[k] = 8 * c + own[i], top
                many += 1
    upper = best
    for k in range(many):
        floor = max(best, least)
        if tops[k] <= floor + NEAR:
            upper = max(upper, tops[k])
            break
        c, place = divmod(tried[k], 8)
        value, whole = outcomes(t, memory, depth, counts, stone_maps, ahead, few, c, place, w, floor)
        if whole and value > best:
            best, action = value, tried[k]
        upper = max(upper, value)
    exact = best > least or upper <= best
    memory.keys[at, 0], memory.keys[at, 1] = first, second
    memory.values[at], memory.exact[at] = best if exact else upper, exact
    return memory.values[at], action


@recursive
def outcomes(t, memory, depth, counts, stone_maps, ahead, few, c, place, w, floor):  # type: ignore[no-untyped-def]
    """Value of putting a stone into a colour, and True; or a bound that is no more than `floor`, and False."""
    belief, following = memory.beliefs[depth], memory.beliefs[depth + 1]
    own, moved = memory.stones[depth], memory.stones[depth + 1]
    counts[c] -= 1
    p, caps, axes, maps = np.empty(7), np.empty(7), np.empty(7, np.int64), np.empty(7, np.int64)
    many, all_, value = 0, ones(np.uint64(stone_maps)), -EFFORT
    for axis in range(4):
        v = update(t, belief, place, c, axis, following)
        move(own, moved, place, axis)
        for side in range(1 if axis == STILL else 2):
            left = stone_maps
            for s in range(8):
                if axis != STILL and (s >> axis & 1) != side:  # whether it is worth more tells the side
                    left &= ~(1 << s)
            if v and left:
                p[many] = v / w * ones(np.uint64(left)) / all_
                caps[many] = bound(t, following, v, left, moved, counts, -1, -1)
                axes[many], maps[many] = axis, left
                value += p[many] * caps[many]
                many += 1
    k = 0
    while k < many and value > floor + NEAR:
        update(t, belief, place, c, axes[k], following)
        move(own, moved, place, axes[k])
        need = (floor - value) / p[k] + caps[k]
        found = search(t, memory, depth + 1, counts, maps[k], ahead - 1, few, need)[0]
        value += p[k] * (found - caps[k])
        k += 1
    counts[c] += 1
    return value, k == many and value > floor + NEAR


@kept
def move(own, moved, place, axis):  # type: ignore[no-untyped-def]
    """The stones once one at a place has gone along an axis (or `STILL`), in rising order."""
    to, out = place ^ (1 << axis) if axis != STILL else place, False
    n = 0
    for i in range(3):
        if own[i] == place and not out:
            out = True
        else:
            moved[n] = own[i]
            n += 1
    while n > 0 and moved[n - 1] > to:
        moved[n] = moved[n - 1]
        n -= 1
    moved[n] = to
