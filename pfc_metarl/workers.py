"""Who executes the units of a training: this thread, or several threads or processes beside each other."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from tqdm import tqdm

from pfc_metarl.errors import RunError
from pfc_metarl.networks import make_agent
from pfc_metarl.training import Unit, train_unit

LOOK_EVERY = 5.0
"""Seconds between looks at what others have saved."""
PATIENCE = 60.0
"""Seconds that a worker which is told to end has for the update at hand."""
_told_to_end = threading.Event()
"""Has this process, a worker, been told to end?"""
_at_work = threading.Lock()
"""Held by this process, a worker, while it trains a unit."""


def execute(units: Sequence[Unit], processes: int, saved: Callable[[], None] = lambda: None) -> None:
    """Train all units, at most so many at once; how many changes nothing in the results.

    Units that play in compiled loops are trained by threads, others by processes.

    Args:
        units: to be trained, or gone on with.
        processes: threads or processes that work beside each other.
        saved: called in this thread now and then, when units may have saved more of their learning curves.

    Raises:
        TrainingDiverged, RunError: as `train_unit`; the other units keep their last checkpoints.
    """
    on_cpu = all(unit.device == "cpu" for unit in units)
    at_once = min(processes, len(units)) if on_cpu else 1
    compiled = on_cpu and all(make_agent(unit.config, unit.task, unit.seeds[:1]).compiled for unit in units)
    how = "compiled loops, which takes some seconds at first" if compiled else "single steps of PyTorch"
    how += "" if on_cpu else f" on {units[0].device}"
    print(f"training {len(units)} blocks of networks, {at_once} at once, in {how}", file=sys.stderr, flush=True)
    if at_once == 1:
        for unit in units:
            train_unit(unit, saved=saved)
    elif compiled:
        _in_threads(units, at_once, saved)
    else:
        _in_processes(units, at_once, saved)


def _in_threads(units: Sequence[Unit], at_once: int, saved: Callable[[], None]) -> None:
    told_to_end = threading.Event()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            _wait(
                {pool.submit(train_unit, unit, i % at_once, told_to_end.is_set) for i, unit in enumerate(units)}, saved
            )
        except BaseException:
            told_to_end.set()
            pool.shutdown(cancel_futures=True)
            raise


def _in_processes(units: Sequence[Unit], at_once: int, saved: Callable[[], None]) -> None:
    spawn, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    with ProcessPoolExecutor(at_once, spawn, _begin_worker) as pool:
        try:
            with _interrupts_wait():
                going = {pool.submit(_train, unit, i % at_once) for i, unit in enumerate(units)}
            _wait(going, saved)
        except BaseException as error:
            _end(list(set(multiprocessing.active_children()) - set(others)))
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise RunError(
                    "a training process was killed (out of memory?); the same command goes on from the last "
                    "checkpoint, with fewer --processes if need be"
                ) from None
            raise


def _end(workers: list[BaseProcess]) -> None:
    """Tell workers to end, and see to it: one that waits for what a killed one held does not hear."""
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + PATIENCE
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
        if worker.is_alive():
            worker.kill()


def _wait(going: set[Future], saved: Callable[[], None]) -> None:
    """Until all are done, or one has failed."""
    while going:
        done, going = wait(going, LOOK_EVERY, FIRST_EXCEPTION)
        for one in done:
            one.result()
        saved()


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, from their first instruction on; this one does afterwards."""
    resource_tracker.ensure_running()  # or its start would let interrupts through again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _begin_worker() -> None:
    """Told by the main process to end, a worker does so after the update at hand (at once, it might leave a file half
    written), or at once if it waits for work. Interrupts are the main process's to deal with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_soon)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, left behind by os._exit
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_soon(*_: object) -> None:
    _told_to_end.set()
    if _at_work.acquire(blocking=False):  # else `_train` ends it
        os._exit(1)


def _end_with_parent() -> None:
    """Leave no orphan behind when the run is killed: end after the update at hand, or at once if there is none."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _told_to_end.set()
    _at_work.acquire(timeout=PATIENCE)
    os._exit(1)


def _train(unit: Unit, position: int) -> None:
    """`train_unit` in a worker."""
    with _at_work:
        try:
            train_unit(unit, position, _told_to_end.is_set)
        finally:
            if _told_to_end.is_set():  # or it might wait for ever for work: a worker that was killed may hold the queue
                os._exit(1)
