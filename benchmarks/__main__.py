"""python -m benchmarks throughput, growth, tasks, reproduce, rival or recovery; --help shows the options of each."""

import tyro

from benchmarks.recovery import recovery
from benchmarks.reproduce import reproduce
from benchmarks.rival import rival
from benchmarks.task_speed import tasks
from benchmarks.throughput import growth, throughput
from pfc_metarl.errors import one_line_errors

COMMANDS = {
    "throughput": throughput,
    "growth": growth,
    "tasks": tasks,
    "reproduce": reproduce,
    "rival": rival,
    "recovery": recovery,
}

if __name__ == "__main__":
    with one_line_errors():
        tyro.extras.subcommand_cli_from_dict(COMMANDS)  # type: ignore[arg-type]
