"""Who executes the units of a training: this process, or several beside each other."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from pfc_metarl.errors import RunError
from pfc_metarl.training import Unit, train_unit

_told_to_end = threading.Event()
"""Has this process, a worker, been told to end?"""
_at_work = threading.Lock()
"""Held by this process, a worker, while it trains a unit."""


def execute(units: Sequence[Unit], processes: int) -> None:
    """Train all units, at most so many at once; how many changes nothing in the results.

    Raises:
        TrainingDiverged, RunError: as `train_unit`; the other units keep their last checkpoints.
    """
    if min(processes, len(units)) == 1:
        for unit in units:
            train_unit(unit)
        return
    spawn, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    with ProcessPoolExecutor(min(processes, len(units)), spawn, _begin_worker) as pool:
        waiting = [pool.submit(_train, unit, i % processes) for i, unit in enumerate(units)]
        try:
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
        except BaseException as error:
            for worker in set(multiprocessing.active_children()) - set(others):
                worker.terminate()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise RunError(
                    "a training process was killed (out of memory?); the same command goes on from the last "
                    "checkpoint, with fewer --processes if need be"
                ) from None
            raise


def _begin_worker() -> None:
    """Interrupts are the main process's to deal with; told by it to end, a worker does so after the update at hand
    (at once, it might leave a file half written, or be kept by the pool for the units that wait)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _told_to_end.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave no orphan behind when the run is killed: end after the update at hand, or at once if there is none."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _told_to_end.set()
    with _at_work:
        os._exit(1)


def _train(unit: Unit, position: int) -> None:
    """`train_unit` in a worker."""
    with _at_work:
        train_unit(unit, position, _told_to_end.is_set)
