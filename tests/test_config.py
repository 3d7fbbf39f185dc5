"""Configs: ranges, reading back, and the numbers of the paper."""

import json
import math
import pickle
import re
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from typing import Any, get_type_hints

import pytest
from registered import SIMULATIONS, every_simulation

from pfc_metarl.config import Config, Range, bears_on, differences, from_saved, in_range, ranges
from pfc_metarl.errors import ConfigError
from pfc_metarl.training import training_settings

every_preset = pytest.mark.parametrize("name, preset", [(s.name, p) for s in SIMULATIONS.values() for p in s.presets])


def config_of(name: str) -> Any:
    return SIMULATIONS[name].config("paper")


def as_saved(config: Config) -> dict:
    return json.loads(json.dumps(asdict(config)))


# -- ranges


def just_outside(rule: Range, whole: bool) -> Iterator[float]:
    """The numbers next to a range."""
    for name, direction in (("ge", -1), ("gt", -1), ("le", 1), ("lt", 1)):
        bound = getattr(rule, name, None)
        if bound is not None and name in ("gt", "lt"):
            yield bound
        elif bound is not None:
            yield bound + direction if whole else math.nextafter(bound, direction * math.inf)


def numeric_fields(kind: type) -> set[str]:
    """Fields that hold a number, or a number or nothing."""
    hints = get_type_hints(kind)
    numbers = (int, float, int | None, float | None)
    return {f.name for f in fields(kind) if hints[f.name] in numbers}


@every_simulation
def test_every_number_has_a_range_that_is_kept(name: str) -> None:
    config = config_of(name)
    rules = dict(ranges(type(config)))
    whole = {f for f, hint in get_type_hints(type(config)).items() if hint is int}
    assert set(rules) == numeric_fields(type(config))
    for field, rule in rules.items():
        outside = list(just_outside(rule, field in whole))
        assert outside
        for bad in (*outside, math.nan, math.inf, -math.inf):
            words = f"^{field} must be a finite number, .*, not {re.escape(str(bad))}$"
            with pytest.raises(ConfigError, match=words) as caught:
                replace(config, **{field: bad})
            assert "\n" not in str(caught.value)


def test_what_counts_as_in_range() -> None:
    for rule in {rule for s in SIMULATIONS for _, rule in ranges(type(config_of(s)))}:
        for bound in (getattr(rule, "ge", None), getattr(rule, "le", None)):
            assert bound is None or in_range(bound, rule)
        for bad in just_outside(rule, False):
            assert not in_range(bad, rule)


def test_fields_that_depend_on_each_other() -> None:
    with pytest.raises(ConfigError, match="^episodes must be a multiple of episodes_per_update, not 10$"):
        Config(episodes=10, episodes_per_update=4)
    with pytest.raises(ConfigError, match="analysed_episodes must be at most test_episodes"):
        replace(config_of("two_step"), test_episodes=10, analysed_episodes=11)


def test_what_follows_from_the_fields() -> None:
    config = Config(networks=3, first_seed=5, episodes=12, episodes_per_update=4)
    assert config.seeds == [5, 6, 7] and config.updates == 3


# -- presets


@every_preset
def test_presets_name_themselves_and_can_be_made_small(name: str, preset: str) -> None:
    simulation = SIMULATIONS[name]
    config, small = simulation.config(preset), simulation.config(preset, quick=True)
    assert config.preset == small.preset == preset and type(small) is type(config)
    assert small.networks * small.episodes < config.networks * config.episodes


@every_simulation
def test_an_unknown_preset(name: str) -> None:
    with pytest.raises(ConfigError, match="^unknown preset slow; choose one of: fast, paper$"):
        SIMULATIONS[name].config("slow")


# -- saved and read back


@every_preset
def test_a_config_is_read_back_as_it_was(name: str, preset: str) -> None:
    """Tuples, and parts within parts."""
    for quick in (False, True):
        config = SIMULATIONS[name].config(preset, quick)
        back = from_saved(type(config), as_saved(config))
        assert back == config and repr(back) == repr(config)
        assert not differences(config, as_saved(config))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"networks": 0}, "networks must be a finite number, at least 1, not 0"),
        ({"networks": "many"}, "networks"),
        ({"discount": float("nan")}, "discount"),
        ({"learning_rate": None}, "learning_rate"),
        ({"colour": "red"}, "colour"),
        ({"episodes": 10, "episodes_per_update": 4}, "multiple of episodes_per_update"),
    ],
)
def test_saved_values_that_make_no_sense(change: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        from_saved(Config, as_saved(Config()) | change)
    assert "\n" not in str(caught.value)


def test_saved_configs_that_are_none() -> None:
    with pytest.raises(ConfigError, match="lacks units$"):
        from_saved(Config, {k: v for k, v in as_saved(Config()).items() if k != "units"})
    for bad in ([], None, "config", {}):
        with pytest.raises(ConfigError, match="lacks"):
            from_saved(Config, bad)  # type: ignore[arg-type]


def test_differences_name_the_field_and_both_values() -> None:
    config = config_of("foraging")
    saved = as_saved(replace(config, discount=0.5, held_out=((0.1, 0.3),)))
    assert differences(config, saved) == {"discount": (0.5, 0.75), "held_out": ([[0.1, 0.3]], [[0.1, 0.2], [0.3, 0.4]])}
    del saved["discount"]
    assert differences(config, saved)["discount"] == (None, 0.75)


# -- stages


@every_simulation
def test_fields_that_bear_on_the_test_alone_do_not_change_the_tasks_of_training(name: str) -> None:
    """So that networks need not be trained anew for them; of the agents, none knows a simulation's own fields."""
    simulation = SIMULATIONS[name]
    config = simulation.config(next(iter(simulation.presets)), quick=True)
    own = [f.name for f in fields(config) if bears_on(type(config), [f.name]) != "train"]
    assert own and not set(own) & {f.name for f in fields(Config)}
    assert {"test_episodes", "test_blocks", "test_actions"} & set(own)
    before = simulation.tasks(config)
    for field in own:
        value = getattr(config, field)
        for other in (2 * value, value + 1, value / 2) if isinstance(value, int | float) else ("risky_loss",):
            try:
                changed = replace(config, **{field: type(value)(other)})
            except ConfigError:
                continue
            assert training_settings(changed) == training_settings(config)
            after = simulation.tasks(changed)
            assert [vars(task).keys() for task in after.values()] == [vars(task).keys() for task in before.values()]
            assert all(same(vars(after[c]), vars(before[c])) for c in before)
            break
        else:
            pytest.fail(f"no other value of {field}")


def same(one: Any, other: Any) -> bool:
    """Equal, arrays and all."""
    return pickle.dumps(one) == pickle.dumps(other)
