"""python -m benchmarks throughput [options]."""

import tyro

from benchmarks.throughput import measure

if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict({"throughput": measure})
