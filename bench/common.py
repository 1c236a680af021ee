# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a private seerd, an environment to compare in, numbers."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / os.environ.get("SEER_BENCH_BUILD", "build") / "bin"
sys.path.insert(0, str(ROOT / "tools"))
from guestenv import host_command as host_command  # noqa: E402

TINY = "seer/tiny-gemma2-it"
# jupyter_client is for the peer; the rest is what a session with the model needs.
PACKAGES = ["torch", "transformers", "accelerate", "numpy", "jupyter_client"]


def arguments(description: str, rounds: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON object")
    return parser.parse_args()


@contextmanager
def private_seer() -> Iterator[Path]:
    """A seerd of its own on a temporary SEER_HOME, sharing the cache; stopped at the end."""
    top = Path(tempfile.mkdtemp(prefix="seer-bench-", dir="/tmp"))
    (top / "run").mkdir(mode=0o700)
    os.environ.update(
        SEER_HOME=str(top / "home"), XDG_RUNTIME_DIR=str(top / "run"), SEER_BIN=str(BIN),
        SEER_QUIET="1",
        SEER_CACHE=os.environ.get("SEER_CACHE") or os.path.expanduser("~/.cache/seer"),
    )  # fmt: skip
    os.chdir(top)
    try:
        yield top
    finally:
        from seer import SeerError, transport

        subprocess.run([str(BIN / "seer"), "stop", "--all"], capture_output=True)
        try:
            transport.call("shutdown")
        except SeerError as error:
            if error.code != "connection_lost":
                raise
        os.chdir("/")
        shutil.rmtree(top, ignore_errors=True)


def percentile(values: list[float], p: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))]


def median(values: list[float]) -> float:
    return statistics.median(values)


def report(options: argparse.Namespace, line: str, numbers: dict[str, object]) -> None:
    if options.json:
        print(json.dumps(numbers))
    else:
        print(line)
    sys.stdout.flush()
