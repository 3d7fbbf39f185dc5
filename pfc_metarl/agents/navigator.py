"""The best that can be done in GridNavi: a tour on which the goal is met as early as can be, in the mean over goals."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from pfc_metarl.tasks.grid_navi import AT_GOAL, CELLS, ELSEWHERE, GOALS, SIDE

Path = tuple[int, ...]


def neighbours(cell: int) -> list[int]:
    """Cells that are one move away."""
    x, y = cell % SIDE, cell // SIDE
    moved = [(x + 1, y), (x, y + 1), (x - 1, y), (x, y - 1)]
    return [SIDE * b + a for a, b in moved if 0 <= a < SIDE and 0 <= b < SIDE]


def distance(cell: int) -> int:
    """Moves from the start."""
    return cell % SIDE + cell // SIDE


def on_one_way(cells: list[int]) -> bool:
    """Whether a shortest way from the start leads through all of them."""
    ordered = sorted(cells, key=distance)
    steps = zip(ordered, ordered[1:])
    return all(b % SIDE >= a % SIDE and b // SIDE >= a // SIDE and a != b for a, b in steps)


def tours(path: Path, horizon: int) -> Iterator[Path]:
    """Paths that meet a new cell where the goal may be at each step from the second on."""
    if len(path) == horizon:
        yield path
        return
    for cell in neighbours(path[-1] if path else 0):
        if cell not in path and (cell in GOALS or not path):
            yield from tours((*path, cell), horizon)


@cache
def best_tour(horizon: int = 15) -> Path:
    """A tour all of whose missed goals lie on one shortest way from the start, where the next episode meets them at no
    cost: nothing can be better, in either episode.

    Raises:
        StopIteration: there is none of so many steps.
    """
    return next(t for t in tours((), horizon) if on_one_way([goal for goal in GOALS if goal not in t]))


def optimal_returns(episodes: int, horizon: int = 15) -> np.ndarray:
    """Exact expected return of each episode of the best agent (of which the goal is unknown only in the first).

    Returns:
        (episode,)
    """
    tour = best_tour(horizon)

    def earned(step: int) -> float:
        """If the goal is reached with that step, from 1, and stayed at."""
        return ELSEWHERE * (step - 1) + AT_GOAL * (horizon - step + 1)

    first = [earned(tour.index(goal) + 1) if goal in tour else ELSEWHERE * horizon for goal in GOALS]
    later = [earned(distance(goal)) for goal in GOALS]
    return np.array([np.mean(first)] + [np.mean(later)] * (episodes - 1))


def random_return(episodes: int, horizon: int = 15) -> float:
    """Exact expected return of random moves, over so many episodes and all goals."""
    moves = np.zeros((CELLS, CELLS))
    for cell in range(CELLS):
        others = neighbours(cell)
        moves[cell, others] = 1 / 5
        moves[cell, cell] = 1 - len(others) / 5  # staying, and moves against a wall
    at, total = np.eye(CELLS)[0], 0.0
    for _ in range(horizon):
        at = at @ moves
        total += float(ELSEWHERE + (AT_GOAL - ELSEWHERE) * at[GOALS].mean())
    return episodes * total


def guessing_returns(episodes: int, instances: int, rng: np.random.Generator, horizon: int = 15) -> np.ndarray:
    """What exact posterior sampling earns: each episode it takes one of the cells where the goal may still be for the
    goal, drawn evenly, goes there by a random shortest way, and stays, whatever it meets.

    Returns:
        (instance, episode)
    """
    earned = np.zeros((instances, episodes))
    for own in earned:
        goal, left = int(rng.choice(GOALS)), list(GOALS)
        for episode in range(episodes):
            path = shortest_way(int(rng.choice(left)), rng, horizon)
            own[episode] = sum(AT_GOAL if cell == goal else ELSEWHERE for cell in path)
            left = [goal] if goal in path else [cell for cell in left if cell not in path]
    return earned


def shortest_way(cell: int, rng: np.random.Generator, horizon: int) -> list[int]:
    """The cells of a random shortest way from the start to another cell, and of staying there: one for each step."""
    moves = rng.permutation([1] * (cell % SIDE) + [SIDE] * (cell // SIDE))
    way = np.cumsum(moves)[:horizon].tolist()
    return way + [cell] * (horizon - len(way))
