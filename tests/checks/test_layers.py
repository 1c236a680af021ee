# SPDX-License-Identifier: Apache-2.0
"""Every #include "..." in core/ is one that the table in ARCHITECTURE.md allows."""

import re
from pathlib import Path

from conftest import tracked

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def include_table(root: Path) -> dict[str, set[str]]:
    text = (root / "ARCHITECTURE.md").read_text()
    section = text.split("## Who may include whom", 1)[1].split("\n## ", 1)[0]
    table: dict[str, set[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "folder" or set(cells[0]) <= set("-"):
            continue
        allowed = set(re.findall(r"[a-z]+", cells[1])) if len(cells) > 1 else set()
        for folder in re.findall(r"[a-z]+", cells[0]):
            table[folder] = allowed | {folder}
    return table


def test_every_folder_has_a_row(root: Path) -> None:
    folders = {path.relative_to(root).parts[1] for path in tracked("core/*.c", "core/*.h")}
    assert folders <= set(include_table(root)), "a folder of core/ without a row in the table"


def test_includes(root: Path) -> None:
    table = include_table(root)
    wrong = []
    for path in tracked("core/*.c", "core/*.h"):
        folder = path.relative_to(root).parts[1]
        for name in INCLUDE.findall(path.read_text()):
            if (root / "include" / name).is_file():
                continue  # the public header stands above the folders
            if "/" not in name:
                wrong.append(f"{path.relative_to(root)}: {name} is not written from core/")
            elif not (root / "core" / name).is_file():
                # Files made by the build are named after their folder as well.
                if name.split("/")[0] not in table[folder]:
                    wrong.append(f"{path.relative_to(root)}: {name} does not exist")
            elif name.split("/")[0] not in table[folder]:
                wrong.append(f"{path.relative_to(root)}: may not include {name}")
    assert not wrong, "\n".join(wrong)


def test_table_has_no_cycle(root: Path) -> None:
    table = include_table(root)
    done: set[str] = set()
    while len(done) < len(table):
        free = {f for f, allowed in table.items() if f not in done and allowed - {f} <= done}
        assert free, f"these include one another: {sorted(set(table) - done)}"
        done |= free
