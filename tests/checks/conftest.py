# SPDX-License-Identifier: Apache-2.0
"""Static checks: nothing here runs a program of ours."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows: what a fresh clone would hold."""
    out = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return sorted(ROOT / name for name in set(out.split("\0")) if name and (ROOT / name).is_file())
