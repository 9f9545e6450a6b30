"""Fuzz the HTTP API of a small model with schemathesis, by the description that it gives of itself.

    python faults/api.py [--examples 200] [--seed 1]

Every response has to have a documented status and content, invalid requests have to be refused, and
nothing may end in a 5xx. That requests which fit the schema are accepted is not checked: random
bytes are no photo. Needs `pip install -e .[fuzz]`; takes two minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from photos import small_model


def main() -> int:
    """Train a model, serve it, and return the status of schemathesis."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = small_model(Path(folder))
        command = [sys.executable, "-m", "mineral_recog", "serve", str(run), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                address = server.stdout.readline().split()[0]
                fuzzer = str(Path(sys.executable).with_name("schemathesis"))
                limits = ("--max-examples", str(options.examples), "--seed", str(options.seed))
                checks = ("--exclude-checks", "positive_data_acceptance")
                return subprocess.run(
                    [fuzzer, "run", f"{address}/openapi.json", *limits, *checks], check=False
                ).returncode
            finally:
                server.terminate()


if __name__ == "__main__":
    sys.exit(main())
