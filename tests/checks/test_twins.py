# SPDX-License-Identifier: Apache-2.0
"""What C and Python each say for themselves is the same."""

import re
from pathlib import Path

from seer import session, transport, workspace


def quoted(text: str, array: str) -> set[str]:
    return set(re.findall(r'"([^"]+)"', text.split(f"{array}[] = {{", 1)[1].split("};", 1)[0]))


def test_environ(root: Path) -> None:
    text = (root / "core/client/environ.c").read_text()
    assert quoted(text, "prefixes") == set(transport.ENVIRON_PREFIXES)
    assert quoted(text, "names") == transport.ENVIRON_NAMES


def test_limits(root: Path) -> None:
    text = (root / "core/base/limits.h").read_text()
    limits = dict(re.findall(r"#define (LIMIT_\w+) \((\d+)u << 20\)", text))
    assert int(limits["LIMIT_FRAME"]) << 20 == transport.LIMIT_FRAME
    assert int(limits["LIMIT_USER_FILE"]) << 20 == workspace.LIMIT_USER_FILE
    client = (root / "core/client/client.c").read_text()
    assert f"LOST_IN_A_ROW = {session.LOST_IN_A_ROW}," in client


def test_methods_that_python_calls_exist(root: Path) -> None:
    table = set(
        re.findall(r"^METHOD\(([\w.]+),", (root / "core/proto/methods.def").read_text(), re.M)
    )
    called = set()
    for path in (root / "python/seer").glob("*.py"):
        called |= set(re.findall(r'"((?:sandbox|session)\.\w+)"', path.read_text()))
    assert called and called <= table, called - table
