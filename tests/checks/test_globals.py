# SPDX-License-Identifier: Apache-2.0
"""No mutable state outside a process's root struct, except what globals.txt lists with a reason."""

import shutil
import subprocess
from pathlib import Path

import pytest


def listed(root: Path) -> set[str]:
    lines = (root / "tests/checks/globals.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def mutable_symbols(archive: Path) -> dict[str, str]:
    """name -> section of every object in .data or .bss (.data.rel.ro is constant after start)."""
    table = subprocess.run(
        ["objdump", "-t", str(archive)], check=True, capture_output=True, text=True
    ).stdout
    found = {}
    for line in table.splitlines():
        # 0000000000000000 l     O .bss  0000000000000004 level
        fields = line.split()
        if len(fields) < 4 or "O" not in fields[1:-3]:
            continue
        section, name = fields[-3], fields[-1]
        if section.startswith((".data", ".bss", "*COM*")) and ".rel.ro" not in section:
            found[name] = section
    return found


def test_mutable_globals(root: Path) -> None:
    if not shutil.which("objdump"):
        pytest.fail("objdump (package binutils) is needed")
    archives = sorted((root / "build/core").glob("*/*.a"))
    assert archives, "nothing is built: run make"
    allowed = listed(root)
    wrong = [
        f"{archive.parent.name}: {name} in {section}"
        for archive in archives
        for name, section in mutable_symbols(archive).items()
        if name.split(".")[0] not in allowed
    ]
    assert not wrong, "mutable globals that globals.txt does not list:\n" + "\n".join(wrong)
