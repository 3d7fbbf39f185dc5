"""Units of work on more than one machine: a dask.distributed scheduler that is running (optional extra `cluster`).

A unit travels whole: what it is and, if it was begun, its checkpoint; what comes back is the finished checkpoint, byte
for byte as if it had been trained here. No file system need be shared. A unit whose worker is lost is done again by
another one.
"""

import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from threadpoolctl import threadpool_limits

from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.files import written_aside
from pfc_metarl.training import Executor, Unit, train_unit

WAIT = 20
"""Seconds that the scheduler may take to answer."""


def cluster(address: str) -> Executor:
    """Who trains units on the workers of a scheduler.

    Args:
        address: of the scheduler, e.g. "tcp://node7:8786".

    Raises:
        ConfigError: the extra is not installed, or the address is none.
        RunError: nobody answers there (before anything is begun, or removed).
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise ConfigError("--cluster needs dask: pip install 'pfc-metarl[cluster]'") from None
    _require_answer(address)

    def execute(units: Sequence[Unit], processes: int, saved: Callable[[], None]) -> None:
        try:
            client = distributed.Client(address, timeout=WAIT, set_as_default=False)
        except (OSError, ValueError):
            raise RunError(f"no dask scheduler answers at {address}; what is trained already is safe") from None
        with client, client.as_current():
            print(f"training {len(units)} blocks of networks on {address}", file=sys.stderr, flush=True)
            begun = [unit.path.read_bytes() if unit.path.exists() else None for unit in units]
            going = client.map(_train, units, begun, pure=False, key=[unit.name + str(unit.path) for unit in units])
            paths = dict(zip(going, (unit.path for unit in units)))
            try:
                for future, content in distributed.as_completed(going, with_results=True):
                    with written_aside(paths[future]) as aside:
                        aside.write_bytes(content)
                    saved()
            except distributed.KilledWorker:
                raise RunError(
                    "workers were lost at one block (out of memory?); the same command goes on with what is left"
                ) from None

    return execute


def _require_answer(address: str) -> None:
    """(A client that finds no scheduler goes on trying as the program ends.)"""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in ("tcp", "tls", "ws", "wss"):
        return
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError(f"--cluster takes the address of a scheduler, like tcp://node7:8786, not {address}")
    try:
        socket.create_connection((host, port), WAIT).close()
    except OSError as error:
        raise RunError(f"no dask scheduler answers at {address} ({error.strerror or error})") from None


def _train(unit: Unit, begun: bytes | None) -> bytes:
    """On a worker: train a unit, or go on with it; its checkpoint."""
    with TemporaryDirectory() as folder, threadpool_limits(1):
        path = Path(folder) / "unit.pt"
        if begun is not None:
            path.write_bytes(begun)
        train_unit(unit._replace(path=path))
        return path.read_bytes()
