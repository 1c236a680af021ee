# SPDX-License-Identifier: Apache-2.0
"""What other people's tools say about the tree: clang-format, ruff, mypy."""

import subprocess
import sys
from pathlib import Path

from conftest import tracked


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command[:4])} …\n{(done.stdout + done.stderr)[-6000:]}"


def test_clang_format(root: Path) -> None:
    files = [str(p.relative_to(root)) for p in tracked("*.c", "*.h")]
    run("clang-format", "--dry-run", "-Werror", *files, cwd=root)


def test_ruff(root: Path) -> None:
    files = [str(p.relative_to(root)) for p in tracked("*.py", "bench/*")]
    files = [f for f in files if f.endswith(".py") or is_python_script(root / f)]
    run(
        sys.executable, "-m", "ruff", "check", "--config", "python/pyproject.toml", *files, cwd=root
    )


def is_python_script(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.readline(200)
    return head.startswith(b"#!") and b"python" in head


def test_mypy(root: Path) -> None:
    run(sys.executable, "-m", "mypy", "--strict", "-p", "seer", "-p", "src", cwd=root / "python")
