"""Errors that are the user's to mend: one clear line, no traceback."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class UserError(Exception):
    """Something the user can put right; the message is one line that says what is wrong and what to do."""


class ConfigError(UserError):
    """A setting that makes no sense."""


class RunError(UserError):
    """A run folder, checkpoint or result that cannot be used."""


class TableError(UserError):
    """A trial table that cannot be used."""


class TrainingDiverged(UserError):
    """The loss or its gradient is no longer finite."""


class Stopped(KeyboardInterrupt):
    """This process was told to stop. (After a KeyboardInterrupt itself Python may end with a status of its own.)"""


GO_ON = "what was finished is safe, and the same command goes on from there"
EXTRAS = {"gymnasium": "gymnasium", "metaworld": "metaworld"}
"""Packages that some simulations alone need, and the extra that brings them."""
STATUS: dict[int, int] = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""With which a command ends that was told to."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Around a command: whatever the user can do something about ends it with one line on stderr.

    Exit status: 2 for a UserError or a file that cannot be used, 1 where the machine's disk or memory does not suffice
    (or nobody reads the output any more), 130 interrupted (Ctrl-C), 143 told to end (SIGTERM), 129 the terminal was
    closed (SIGHUP, unless it is ignored, as nohup has it).
    """
    told: list[int] = []
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        told.append(number)
        if _raised_in_vain(frame):
            print(_stopped(number), file=sys.__stderr__ or sys.stderr, flush=True)  # whoever has redirected it
            os._exit(STATUS[number])
        raise Stopped

    heard = [number for number in STATUS if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    except UserError as error:
        _end(f"error: {error}", 2)
    except BaseException as error:
        if told or isinstance(error, KeyboardInterrupt):  # it may come out as another one
            number = told[0] if told else signal.SIGINT
            _end(_stopped(number), STATUS[number])
        if isinstance(error, ModuleNotFoundError) and _of_others(error.name or ""):
            here = f"the package {error.name} is not installed in this Python ({sys.executable})"
            activate = "activate the environment: source .venv/bin/activate (make quick sets it up)"
            remedy = f"pip install 'pfc-metarl[{EXTRAS[error.name]}]'" if error.name in EXTRAS else activate
            _end(f"error: {here}; {remedy}", 2)
        if isinstance(error, OSError):
            where = f" ({error.filename})" if error.filename else ""
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EPIPE)
            remedy = GO_ON if full else "mend that, and the same command goes on"
            _end(f"error: {error.strerror or error}{where}; {remedy}", 1 if full else 2)
        told_of = ("allocate memory", "failed to map segment")  # by PyTorch, as it computes and as it is loaded
        if isinstance(error, MemoryError) or any(words in str(error) for words in told_of):
            _end(f"error: not enough memory; {GO_ON}, or use fewer --processes or smaller sizes", 1)
        raise
    else:
        if told:  # and it was lost on the way
            _end(_stopped(told[0]), STATUS[told[0]])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_others(module: str) -> bool:
    """Whether a module is of another package than ours."""
    return module.partition(".")[0] not in ("", "pfc_metarl", "simulations", "figures", "benchmarks")


def _raised_in_vain(frame: FrameType | None) -> bool:
    """Would an exception be lost: in an import (it may abort the process, in the C++ of a package), or where the
    compiler calls back (nobody hears of it)?"""
    while frame:
        name = frame.f_code.co_filename
        if name == "<frozen importlib._bootstrap>" or "llvmlite" in name:
            return True
        frame = frame.f_back
    return False


def _stopped(number: int) -> str:
    words = {signal.SIGTERM: "told to end", signal.SIGHUP: "the terminal was closed"}
    return f"{words.get(signal.Signals(number), 'interrupted')}; {GO_ON}"


def _end(line: str, status: int) -> NoReturn:
    print(" ".join(line.splitlines()), file=sys.stderr)
    sys.exit(status)
