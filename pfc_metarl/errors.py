"""Errors that are the user's to mend: one clear line, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Around a command: a UserError ends it with one line on stderr and exit status 2."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)
