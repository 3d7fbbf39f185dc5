"""Units of work and their checkpoints: who executes them changes nothing; a run that was killed goes on as if it had
not been; bad files are refused."""

import io
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import active_children
from multiprocessing.synchronize import Lock, Semaphore
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import SMALL, TWO_STEP, Running

import pfc_metarl.learning_curves as learning_curves
from pfc_metarl.a2c import Learned, Learner
from pfc_metarl.checkpoints import load_checkpoint
from pfc_metarl.config import Config
from pfc_metarl.errors import RunError, TrainingDiverged
from pfc_metarl.tasks.task import Task
from pfc_metarl.training import BLOCK, Trained, join, networks_from, units
from pfc_metarl.workers import _begin_worker, execute

CONFIG = Config(units=4, networks=5, episodes=32, episodes_per_update=4, learning_rate=0.01)


def finish(
    folder: Path, config: Config = CONFIG, processes: int = 1, task: Task = TWO_STEP, tracked: str = "choice"
) -> Trained:
    """Train, or go on."""
    folder.mkdir(exist_ok=True)
    work = units(config, {"": task}, folder, (tracked,))
    execute(work, processes)
    return join(work)


def as_bytes(trained: Trained) -> tuple[bytes, ...]:
    """Of checkpoint.pt, learning_curve.csv and learning_by_trial.csv, as a run writes them."""
    checkpoint = io.BytesIO()
    torch.save(trained.weights, checkpoint)
    assert trained.by_trial is not None
    return checkpoint.getvalue(), trained.curve.to_csv().encode(), trained.by_trial.to_csv().encode()


class Killed(BaseException):
    pass


def stop_after(monkeypatch: pytest.MonkeyPatch, updates: int) -> None:
    """Training ends as by kill -9 at its n-th update."""
    original, done = Learner.learn, [0]

    def learn(self: Learner, most: int = 1) -> Learned:
        if done[0] == updates:
            raise Killed
        before = self.update
        learned = original(self, min(most, updates - done[0]))
        done[0] += self.update - before
        return learned

    monkeypatch.setattr(Learner, "learn", learn)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    return as_bytes(finish(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def uninterrupted_plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    return as_bytes(finish(tmp_path_factory.mktemp("whole"), PLAIN))


# -- units, and what they leave


def test_which_networks_train_together_is_fixed() -> None:
    config = replace(CONFIG, networks=2 * BLOCK + 1, first_seed=5)
    work = units(config, {"a": TWO_STEP, "b": SMALL["bandit"]}, Path("results"))
    blocks = [list(range(5, 5 + BLOCK)), list(range(5 + BLOCK, 5 + 2 * BLOCK)), [5 + 2 * BLOCK]]
    assert [unit.seeds for unit in work] == 2 * blocks
    assert [unit.condition for unit in work] == ["a"] * 3 + ["b"] * 3
    assert [unit.task for unit in work] == [TWO_STEP] * 3 + [SMALL["bandit"]] * 3
    assert len({unit.path for unit in work}) == 6


def test_networks_of_all_units_are_joined(tmp_path: Path) -> None:
    """Each network's weights are those of training it in its block; curves have a row per network and stretch."""
    tasks = {"a": TWO_STEP, "b": SMALL["inferred_value"]}
    config = replace(CONFIG, networks=BLOCK + 1)
    folder = tmp_path / "joined"
    folder.mkdir()
    work = units(config, tasks, folder)
    execute(work, 1)
    trained = join(work)
    networks = networks_from(trained.weights, config, tasks, folder)
    for condition, task in tasks.items():
        alone = Learner(config, task, [config.seeds[-1]])
        for _ in range(config.updates):
            alone.learn()
        assert networks[condition].seeds == config.seeds
        for joined, own in zip(networks[condition].parameters(), alone.network.parameters()):
            assert torch.equal(joined[-1:], own) and not joined.requires_grad
    assert trained.by_trial is None
    curve = trained.curve
    assert list(curve) == ["condition", "subject", "episode", "reward_per_trial"]
    expected = pd.MultiIndex.from_product([tasks, config.seeds, range(4, 33, 4)])
    assert pd.MultiIndex.from_frame(curve[["condition", "subject", "episode"]]).equals(expected)


def test_the_learning_curve_is_the_reward_per_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where episodes differ in length, and in stretches of several updates, the last one shorter."""
    monkeypatch.setattr(learning_curves, "PIECES", 4)
    task, config = SMALL["foraging"], replace(CONFIG, networks=2, episodes=9, episodes_per_update=1)
    got = finish(tmp_path, config, task=task)
    learner = Learner(config, task, config.seeds)
    reward, trials, choices = (np.zeros((5, 2, *more)) for more in ((), (), (task.trials, 2)))
    for update in range(9):
        played = learner.learn()
        stretch = update // 2
        records, own = played.episodes.records, played.episodes.trials
        reward[stretch] += played.rewards.sum((0, 2)).numpy()
        trials[stretch] += records["trials"].sum(1)
        for k, t in np.ndindex(2, task.trials):
            if t < records["trials"][k, 0]:
                choices[stretch, k, t] += own["choice"][k, 0, t], 1
    np.testing.assert_allclose(got.curve["reward_per_trial"], (reward / trials).T.reshape(-1), rtol=1e-6)
    assert got.curve["episode"].tolist() == 2 * [2, 4, 6, 8, 9]
    assert got.by_trial is not None
    table = got.by_trial.set_index(["subject", "episode", "trial"])["choice"]
    with np.errstate(invalid="ignore"):
        expected = choices[..., 0] / choices[..., 1]
    for stretch, k, t in np.ndindex(5, 2, task.trials):
        np.testing.assert_allclose(table[k + 1, [2, 4, 6, 8, 9][stretch], t + 1], expected[stretch, k, t])


def test_without_a_terminal_a_line_is_written_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(CONFIG, networks=1, episodes=8)
    finish(tmp_path / "short", config)
    assert capsys.readouterr().err.startswith("training 1 blocks of networks, 1 at once, in compiled loops")
    monkeypatch.setattr(learning_curves, "SAY_EVERY", 0.0)
    trained = finish(tmp_path / "long", config)
    said, rewards = capsys.readouterr().err.splitlines()[1:], trained.curve["reward_per_trial"]
    assert [line.split(", ")[0] for line in said] == ["networks 1-1: 50%", "networks 1-1: 100%"]
    assert all(line.endswith(f" left, reward/trial {reward:.3f}") for line, reward in zip(said, rewards))


def test_on_a_gpu_all_networks_are_one_block(tmp_path: Path) -> None:
    work = units(CONFIG, {"a": TWO_STEP, "b": TWO_STEP}, tmp_path, device="cuda:1")
    assert [(unit.condition, unit.seeds, unit.device) for unit in work] == [(c, CONFIG.seeds, "cuda:1") for c in "ab"]


# -- interrupted, and gone on with


@pytest.mark.parametrize(
    "task, tracked",
    [(TWO_STEP, "choice"), (SMALL["inferred_value"], "valid"), (Running(5), "correct")],
    ids=["whole episodes", "stream", "running"],
)
def test_resumed_equals_uninterrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, tracked: str
) -> None:
    """Of streams, what is carried over is saved too."""
    whole = finish(tmp_path / "whole", task=task, tracked=tracked)
    for updates in (3, 11):  # in the first unit, and in the second
        broken = tmp_path / f"broken {updates}"
        with monkeypatch.context() as patch:
            stop_after(patch, updates)
            with pytest.raises(Killed):
                finish(broken, task=task, tracked=tracked)
        saved = [load_checkpoint(path)["update"] for path in sorted(broken.iterdir())]
        assert saved == ([updates] if updates <= 8 else [8, updates - 8])
        assert as_bytes(finish(broken, task=task, tracked=tracked)) == as_bytes(whole)
        assert [p.name for p in sorted(broken.iterdir())] == ["training__1.pt", "training__5.pt"]


def test_what_is_done_between_checkpoints_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle of a stretch of three updates."""
    monkeypatch.setattr(learning_curves, "PIECES", 3)
    config = replace(CONFIG, networks=1, episodes=9, episodes_per_update=1)
    whole = as_bytes(finish(tmp_path / "whole", config))
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(Killed):
            finish(tmp_path / "broken", config)
    assert load_checkpoint(tmp_path / "broken" / "training__1.pt")["update"] == 3
    assert as_bytes(finish(tmp_path / "broken", config)) == whole


# -- threads and processes

PLAIN = replace(CONFIG, agent="rnn")
"""Networks that do not play in compiled loops: processes train them, threads the others."""


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes begin as copies of this one: the others take seconds to start."""
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: fork)


@pytest.mark.parametrize("threads", [2, 3])
def test_several_threads_give_the_same(tmp_path: Path, uninterrupted: tuple[bytes, ...], threads: int) -> None:
    assert as_bytes(finish(tmp_path, processes=threads)) == uninterrupted
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["training__1.pt", "training__5.pt"]


def test_three_processes_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted_plain: tuple[bytes, ...]
) -> None:
    """(In which the task is not compiled: that takes them longer than to play it as it is.)"""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert as_bytes(finish(tmp_path, PLAIN, 3)) == uninterrupted_plain
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["training__1.pt", "training__5.pt"]
    assert not active_children()


def test_two_processes_give_the_same(tmp_path: Path, copied: None, uninterrupted_plain: tuple[bytes, ...]) -> None:
    assert as_bytes(finish(tmp_path, PLAIN, 2)) == uninterrupted_plain


def at_update(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None], everywhere: bool = False) -> None:
    """In each of the processes (or everywhere), do something once, before an update or a little later."""
    original, main, done = Learner.learn, os.getpid(), []

    def learn(self: Learner, most: int = 1) -> Learned:
        if (everywhere or os.getpid() != main) and self.update >= number and not done:
            done.append(self.update)
            act()
        return original(self, most)

    monkeypatch.setattr(Learner, "learn", learn)


def test_a_killed_process_is_reported_and_its_run_gone_on_with(
    tmp_path: Path, copied: None, monkeypatch: pytest.MonkeyPatch, uninterrupted_plain: tuple[bytes, ...]
) -> None:
    """Begun with two processes, which are killed; gone on with in one."""
    at_update(monkeypatch, 4, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(RunError, match="a training process was killed .*; the same command goes on") as caught:
        finish(tmp_path, PLAIN, 2)
    assert "\n" not in str(caught.value) and not active_children()
    saved = [load_checkpoint(path)["update"] for path in tmp_path.iterdir()]
    assert max(saved) == 4
    assert as_bytes(finish(tmp_path, PLAIN)) == uninterrupted_plain


each_way = pytest.mark.parametrize("config", [CONFIG, PLAIN], ids=["threads", "processes"])


@each_way
@pytest.mark.parametrize("processes", [1, 2])
def test_divergence_is_reported_and_keeps_the_checkpoint(
    tmp_path: Path, copied: None, monkeypatch: pytest.MonkeyPatch, processes: int, config: Config
) -> None:
    """In one line; and neither is the other unit waited for, nor is begun what was still to do."""
    config = replace(config, networks=20, episodes=80_000)  # would take an hour
    original = Learner._require_finite

    def astray(self: Learner, losses: np.ndarray) -> None:
        seed, update = np.array(self.network.seeds)[:, None], self.update + np.arange(losses.shape[1])
        original(self, np.where((seed == 3) & (update == 201), np.nan, losses))

    monkeypatch.setattr(Learner, "_require_finite", astray)
    with pytest.raises(TrainingDiverged, match="^training diverged at update 202: .*seed 3 .*--overwrite$") as caught:
        finish(tmp_path, config, processes)
    assert "\n" not in str(caught.value)
    assert load_checkpoint(tmp_path / "training__1.pt")["update"] == 200
    assert not active_children()
    assert {p.name for p in tmp_path.iterdir()} <= {"training__1.pt", "training__5.pt"}


def working_threads() -> int:
    """How many there are, but for those that are ended with the process (the progress bar's)."""
    return sum(not thread.daemon for thread in threading.enumerate())


@pytest.mark.parametrize("how", ["interrupted", "threads interrupted", "a process told to end"])
def test_training_that_is_stopped_leaves_nothing_running(
    tmp_path: Path, copied: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Nor does a unit that was stopped count as trained."""
    threads = working_threads()
    config = replace(CONFIG if how.startswith("threads") else PLAIN, networks=20, episodes=80_000)
    if how == "interrupted":
        at_update(monkeypatch, 3, lambda: os.kill(os.getppid(), signal.SIGINT))
    elif how == "threads interrupted":
        at_update(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGINT), everywhere=True)
    else:
        at_update(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt if "interrupted" in how else RunError) as caught:
        finish(tmp_path, config, 2)
    assert "interrupted" in how or "the same command goes on from the last checkpoint" in str(caught.value)
    until = time.monotonic() + 10  # a thread that was just being started is told to end, but not waited for
    while working_threads() > threads and time.monotonic() < until:
        time.sleep(0.01)
    assert not active_children() and working_threads() == threads
    assert {p.name for p in tmp_path.iterdir()} <= {"training__1.pt", "training__5.pt"}  # none was begun after


def waiting_worker(begun: Semaphore, lock: Lock) -> None:
    _begin_worker()
    begun.release()
    lock.acquire()


def test_a_worker_that_waits_ends_at_once_when_told_to() -> None:
    """It may wait for a lock that another worker held when it was killed."""
    context = multiprocessing.get_context("spawn")
    begun, held = context.Semaphore(0), context.Lock()
    held.acquire()
    worker = context.Process(target=waiting_worker, args=(begun, held))
    worker.start()
    assert begun.acquire(timeout=60)
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 1


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_run_leaves_no_process_behind(tmp_path: Path, copied: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told, folder = tmp_path / "told", tmp_path / "run"
    told.mkdir()
    folder.mkdir()
    config = replace(PLAIN, networks=20, episodes=80_000)
    at_update(monkeypatch, 3, lambda: (told / str(os.getpid())).touch())
    main = multiprocessing.get_context("fork").Process(target=finish, args=(folder, config, 2))
    main.start()
    until = time.monotonic() + 60
    while len(list(told.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(path.name) for path in told.iterdir()]
    assert len(workers) == 2 and all(map(alive, workers)) and main.pid is not None
    os.kill(main.pid, signal.SIGKILL)
    main.join()
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, workers))
    assert not list(folder.glob(".*"))
