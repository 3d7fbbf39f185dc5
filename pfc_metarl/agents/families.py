"""Models of choice that are fitted to animals, people and networks, each told for one trial in plain scalar code.

`theta` are all parameters of a family in their order, `memory` is what a session's trials have left. See `Family`.
"""

from collections.abc import Collection, Mapping

from pfc_metarl.agents.models import Family, Model, Parameter
from pfc_metarl.tasks.task import Task

Fixed = Mapping[str, float | str]

# -- bandits and foraging: delta rule and choice kernel

GAIN, LOSS, BETA, CHOICE_RATE, CHOICE_WEIGHT = range(5)


def _arms_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[: memory.shape[0] // 2] = 0.5


def _arms_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    arms = memory.shape[0] // 2
    for a in range(arms):
        out[a] = theta[BETA] * memory[a] + theta[CHOICE_WEIGHT] * memory[arms + a]


def _arms_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    arms = memory.shape[0] // 2
    delta = trial.reward - memory[trial.choice]
    memory[trial.choice] += (theta[GAIN] if delta > 0 else theta[LOSS]) * delta
    for a in range(arms):
        memory[arms + a] += theta[CHOICE_RATE] * ((1.0 if a == trial.choice else 0.0) - memory[arms + a])


ARMS = Family(
    tasks=("bandit", "foraging"),
    parameters=(
        Parameter("learning_rate", "rate", "alpha, of prediction errors above 0"),
        Parameter("learning_rate_loss", "rate", "alpha, of the others"),
        Parameter("inverse_temperature", "positive", "beta, of values"),
        Parameter("choice_rate", "rate", "alpha of the choice kernel"),
        Parameter("choice_weight", "real", "beta of the choice kernel"),
    ),
    sees=(),
    learns_from=("choice", "reward"),
    memory=lambda choices: 2 * choices,
    begin=_arms_begin,
    odds=_arms_odds,
    learn=_arms_learn,
)
"""Rescorla-Wagner with a choice kernel (Wilson & Collins 2019, eLife 8:e49547, models 3 to 5):

    Q(a) += alpha (r - Q(a)) for the chosen arm, from Q = 1/2;   K(a') += alpha_K ((a' = a) - K(a')), from 0
    log odds of a: beta Q(a) + beta_K K(a)
"""
_ONE_RATE: Fixed = {"learning_rate_loss": "learning_rate"}
_NO_KERNEL: Fixed = {"choice_rate": 0.0, "choice_weight": 0.0}

# -- two-step task: model-free, model-based and their mixture

RATE_1, RATE_2, BETA_1, BETA_2, ELIGIBILITY, WEIGHT, STAY, SAME_SIDE, COMMON = range(9)
_LAST = 6  # in memory: Q1 of two choices, V of two states times two choices there; then last choice + 1, last side + 1


def _steps_begin(theta, memory):  # type: ignore[no-untyped-def]
    pass


def _steps_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    best = (max(memory[2], memory[3]), max(memory[4], memory[5]))
    for a in range(2):
        planned = theta[COMMON] * best[a] + (1 - theta[COMMON]) * best[1 - a]
        value = theta[WEIGHT] * planned + (1 - theta[WEIGHT]) * memory[a]
        again = theta[STAY] if memory[_LAST] == a + 1 else 0.0
        side = a if trial.side_of_0 == 0 else 1 - a
        same = theta[SAME_SIDE] if memory[_LAST + 1] == side + 1 else 0.0
        out[a] = theta[BETA_1] * (value + again + same)


def _steps_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    there = 2 + 2 * trial.state + max(trial.second_choice, 0)
    at_state = memory[there] - memory[trial.choice]
    at_reward = trial.reward - memory[there]
    memory[trial.choice] += theta[RATE_1] * (at_state + theta[ELIGIBILITY] * at_reward)
    memory[there] += theta[RATE_2] * at_reward
    memory[_LAST] = trial.choice + 1
    memory[_LAST + 1] = (trial.choice if trial.side_of_0 == 0 else 1 - trial.choice) + 1


def _steps_then(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    for a in range(2):
        out[a] = theta[BETA_2] * memory[2 + 2 * trial.state + a]


STEPS = Family(
    tasks=("two_step",),
    parameters=(
        Parameter("learning_rate", "rate", "alpha_1, of the first stage"),
        Parameter("learning_rate_2", "rate", "alpha_2, of the second"),
        Parameter("inverse_temperature", "positive", "beta_1"),
        Parameter("inverse_temperature_2", "positive", "beta_2, of second choices"),
        Parameter("eligibility", "rate", "lambda"),
        Parameter("model_based_weight", "rate", "w"),
        Parameter("choice_stickiness", "real", "p, for the last choice"),
        Parameter("response_stickiness", "real", "rho, for the side of the last choice on the screen"),
        Parameter("common_probability", "rate", "of the transitions, as the model takes them to be"),
    ),
    sees=("side_of_0",),
    learns_from=("choice", "state", "reward", "second_choice"),
    memory=lambda choices: 8,
    begin=_steps_begin,
    odds=_steps_odds,
    learn=_steps_learn,
    then=_steps_then,
)
"""Daw et al. 2011 (Neuron 69:1204-1215, Supplement), with the response stickiness of Kool, Cushman & Gershman 2016
(PLoS Comput Biol 12:e1005090); transitions are known, not counted; all values start at 0:

    Q_MF(a) += alpha_1 [V(s, b) - Q_MF(a)] + alpha_1 lambda [r - V(s, b)];   V(s, b) += alpha_2 [r - V(s, b)]
    Q_MB(a) = sum over s of P(s | a) max over b of V(s, b);   Q = w Q_MB + (1 - w) Q_MF
    log odds of a: beta_1 [Q(a) + p (a = last choice) + rho (side of a = side of last choice)];   of b: beta_2 V(s, b)

Where the table tells of no second choice there is one b in each state, and beta_2 has no part.
"""

# -- two-step task: a planner that believes in hidden states

HAZARD, L_BETA, L_STAY, L_COMMON, L_HIGH, L_LOW = range(6)


def _latent_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[0] = 0.5


def _latent_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    good = theta[L_HIGH] * memory[0] + theta[L_LOW] * (1 - memory[0])
    bad = theta[L_HIGH] + theta[L_LOW] - good
    for a in range(2):
        first, second = (good, bad) if a == 0 else (bad, good)
        again = theta[L_STAY] if memory[1] == a + 1 else 0.0
        out[a] = theta[L_BETA] * (theta[L_COMMON] * first + (1 - theta[L_COMMON]) * second + again)


def _latent_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    if_first = theta[L_HIGH] if trial.state == 0 else theta[L_LOW]
    if_second = theta[L_LOW] if trial.state == 0 else theta[L_HIGH]
    if trial.reward < 0.5:
        if_first, if_second = 1 - if_first, 1 - if_second
    evidence = if_first * memory[0] + if_second * (1 - memory[0])
    p = if_first * memory[0] / evidence if evidence > 0 else memory[0]
    memory[0] = p * (1 - theta[HAZARD]) + (1 - p) * theta[HAZARD]
    memory[1] = trial.choice + 1


LATENT = Family(
    tasks=("two_step",),
    parameters=(
        Parameter("hazard", "rate", "chance per trial that the better state changes, as the model takes it to be"),
        Parameter("inverse_temperature", "positive", "beta"),
        Parameter("choice_stickiness", "real", "for the last choice"),
        Parameter("common_probability", "rate", "of the transitions"),
        Parameter("reward_high", "rate", "reward probability of the better state"),
        Parameter("reward_low", "rate", "of the other"),
    ),
    sees=(),
    learns_from=("choice", "state", "reward"),
    memory=lambda choices: 2,
    begin=_latent_begin,
    odds=_latent_odds,
    learn=_latent_learn,
)
"""The paper's model-based agent (Methods, simulation 4) with a free hazard: Bayes' rule for which state is the better
one, which changes with the hazard; log odds: beta [expected reward of a + stickiness (a = last choice)].
"""

# -- volatility task: which arm is the good one

STABLE, VOLATILE, V_BETA = range(3)


def _rates_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[0] = 0.5


def _rates_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    out[0] = theta[V_BETA] * memory[0] * trial.magnitude_left / 100
    out[1] = theta[V_BETA] * (1 - memory[0]) * trial.magnitude_right / 100


def _rates_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    rate = theta[VOLATILE] if trial.volatile else theta[STABLE]
    memory[0] += rate * ((1.0 if trial.good_arm == 0 else 0.0) - memory[0])


RATES = Family(
    tasks=("volatility",),
    parameters=(
        Parameter("learning_rate", "rate", "alpha, in stable blocks"),
        Parameter("learning_rate_volatile", "rate", "alpha, in volatile blocks"),
        Parameter("inverse_temperature", "positive", "beta, per hundred points"),
    ),
    sees=("magnitude_left", "magnitude_right"),
    learns_from=("good_arm", "volatile"),
    memory=lambda choices: 1,
    begin=_rates_begin,
    odds=_rates_odds,
    learn=_rates_learn,
)
"""Rescorla-Wagner on which arm was the good one (after Behrens et al. 2007), with a rate for each kind of block:

    rho += alpha (good arm is left - rho), from 1/2;   log odds: beta rho R_left / 100 and beta (1 - rho) R_right / 100
"""

# -- what is fitted

ARMS_MODELS = (
    Model("Rescorla-Wagner", ARMS, {**_ONE_RATE, **_NO_KERNEL}),
    Model("Rescorla-Wagner, two rates", ARMS, _NO_KERNEL),
    Model("choice kernel", ARMS, {"learning_rate": 0.0, "learning_rate_loss": 0.0, "inverse_temperature": 0.0}),
    Model("Rescorla-Wagner and choice kernel", ARMS, _ONE_RATE),
)
RATES_MODELS = (
    Model("fixed rate", RATES, {"learning_rate_volatile": "learning_rate"}),
    Model("rate by volatility", RATES, needs=("volatile",)),
)


def latent_planner(task: Task) -> Model:
    """The paper's model-based agent, who knows a two-step task's probabilities but for the hazard."""
    names = ("common_probability", "reward_high", "reward_low")
    return Model("latent-state planner", LATENT, {name: getattr(task, name) for name in names})


def two_step_models(task: Task, columns: Collection[str]) -> tuple[Model, ...]:
    """Those of the two-step task; they know its probabilities.

    Where the table tells of second choices, these are explained too, and nothing is hidden that a planner could infer.
    """
    common = task.common_probability  # type: ignore[attr-defined]
    two_stages = ("second_choice",) if "second_choice" in columns else ()
    known: Fixed = {"common_probability": common}
    known = known if two_stages else {**known, "learning_rate_2": "learning_rate", "inverse_temperature_2": 0.0}
    one_hand: Fixed = {**known, "response_stickiness": 0.0}
    learner: Fixed = {**one_hand, "model_based_weight": 0.0, "choice_stickiness": 0.0}
    planner: Fixed = {**learner, "learning_rate_2": "learning_rate", "model_based_weight": 1.0, "eligibility": 0.0}
    models = [
        Model("model-free", STEPS, learner, two_stages),
        Model("model-based", STEPS, planner, two_stages),
        Model("hybrid", STEPS, one_hand, two_stages),
    ]
    if "side" in columns:
        models.append(Model("hybrid with both stickinesses", STEPS, known, (*two_stages, "side")))
    if not two_stages:
        models.append(latent_planner(task))
    return tuple(models)


def models_of(task: Task, columns: Collection[str]) -> tuple[Model, ...]:
    """The models that are fitted to choices in a task.

    Args:
        task: the task; its probabilities are those that models know.
        columns: of the table of trials.

    Returns:
        Models, in the order of the tables; none, if the task has none.
    """
    if task.name == "two_step":
        return two_step_models(task, columns)
    models = {"bandit": ARMS_MODELS, "foraging": ARMS_MODELS, "volatility": RATES_MODELS}.get(task.name, ())
    return tuple(model for model in models if set(model.needs) <= set(columns))
