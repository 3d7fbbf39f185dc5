"""What all reference agents can do: play a task, and be led along what somebody else did."""

import numpy as np
import pandas as pd

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import by_session, check_trials, made_validly, responses, trial_table


def play(agent: ReferenceAgent, task: Task, rng: np.random.Generator, sessions: int, group: str) -> pd.DataFrame:
    """The agent plays the task.

    Args:
        agent: the agent.
        task: its task, of trials that all have the same number of steps.
        rng: of the task's chances and the choices.
        sessions: how many.
        group: name of the agent in the table.

    Returns:
        The trial table (subject 1), with the column probability: that of the choice that was made.
    """
    from pfc_metarl.tasks.episodes import Episodes  # the compiler is loaded by those alone who play

    if agent.task != task.name:
        raise ConfigError(f"the agent plays {agent.task}, not {task.name}")
    episodes, rows = Episodes(task, 1, sessions), np.arange(sessions)
    episodes.begin([rng])
    agent.start(sessions)
    probability = np.empty((sessions, task.trials))
    for t in range(task.trials):
        now = episodes.trials[0, :, t]
        on = rows[~episodes.records["over"][0]]
        of = {
            name: now if name in (now.dtype.names or ()) else episodes.records[0]
            for name in (*agent.sees, *agent.learns_from)
        }
        p = agent.probabilities({name: _wide(of[name][name]) for name in agent.sees})
        choice = draw_choices(p, rng)
        probability[:, t] = p[rows, choice]
        for action in task.responses({"choice": choice, "valid": np.ones(sessions, bool)}).T:
            episodes.step(action[None])
        agent.observe(on, {name: _wide(of[name][name][on]) for name in agent.learns_from})
    table = trial_table(task.name, episodes.records[0], episodes.trials[0], np.ones(sessions, int), rows + 1, group)
    return table.assign(probability=probability[table["session"] - 1, table["trial"] - 1])


def lead(agent: ReferenceAgent, trials: pd.DataFrame) -> pd.Series:
    """How probable each choice of a trial table was to the agent, who saw the trials before it.

    Args:
        agent: the agent.
        trials: trial table of the agent's task, whoever behaved.

    Returns:
        Probabilities in the rows of `trials`; NaN where the choice was forced or none was made.
    """
    return _in_rows(agent, trials)["probability"]


def replay(agent: ReferenceAgent, trials: pd.DataFrame) -> pd.DataFrame:
    """The agent's prediction errors on the trials that somebody else played.

    Args:
        agent: the agent.
        trials: trial table of the agent's task.

    Returns:
        In the rows of `trials` a column for each of the agent's errors; NaN where it did not learn.
    """
    return _in_rows(agent, trials).drop(columns="probability")


def draw_choices(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a choice for each session: probabilities (session, choice) -> (session,)."""
    from_here_on = probabilities[:, ::-1].cumsum(axis=1)[:, ::-1]
    from_here_on[:, 0] = np.inf  # some choice is made
    return (rng.random(len(probabilities))[:, None] < from_here_on).sum(axis=1) - 1


def session_arrays(agent: ReferenceAgent, trials: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What `follow` needs of a checked trial table, as arrays (trial, session), and the rows' flat positions."""
    table = trials.assign(made=made_validly(trials), response=responses(trials))
    return by_session(table, list({"choice", "made", "response", *agent.sees, *agent.learns_from}))


def follow(agent: ReferenceAgent, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Lead the agent through `session_arrays`: the choices' probability and its prediction errors (trial, session)."""
    shape = arrays["choice"].shape
    out = {"probability": np.full(shape, np.nan)}
    agent.start(shape[1])
    for t in range(shape[0]):
        p = agent.probabilities({name: arrays[name][t] for name in agent.sees})
        answered = np.flatnonzero(arrays["response"][t] == 1)
        if (arrays["choice"][t, answered] >= p.shape[1]).any():
            raise TableError(f"the table: a choice that the agent does not know; there are 0 to {p.shape[1] - 1}")
        out["probability"][t, answered] = p[answered, arrays["choice"][t, answered]]
        told = arrays["made"][t] == 1 if "choice" in agent.learns_from else arrays["made"][t] >= 0  # -1: session over
        rows = np.flatnonzero(told)
        errors = agent.observe(rows, {name: arrays[name][t, rows] for name in agent.learns_from})
        for name, values in errors.items():
            out.setdefault(name, np.full(shape, np.nan))[t, rows] = values
    return out


def _in_rows(agent: ReferenceAgent, trials: pd.DataFrame) -> pd.DataFrame:
    """What `follow` tells, as columns in the rows of a trial table."""
    table = trials.assign(row=np.arange(len(trials)))
    checked = check_trials(table, agent.task, needs=(*agent.sees, *agent.learns_from))
    agent.require_table(checked)
    arrays, positions = session_arrays(agent, checked)
    columns = {name: values.reshape(-1)[positions] for name, values in follow(agent, arrays).items()}
    return pd.DataFrame(columns, index=checked["row"]).sort_index().set_axis(trials.index)


def _wide(values: np.ndarray) -> np.ndarray:
    """Of the type that `by_session` gives: an agent must not tell who leads it."""
    return values.astype(np.result_type(values.dtype, np.int64))
