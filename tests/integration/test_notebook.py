# SPDX-License-Identifier: Apache-2.0
"""The .ipynb is valid nbformat 4.5, complete and on disk after every cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import seer as sdk
from conftest import load_notebook, stream_text

CELLS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("x = 1", lambda c: c["outputs"] == []),
    ("print('a')\nprint('b')", lambda c: stream_text(c["outputs"]) == "a\nb\n"),
    ("'ü' * 3", lambda c: "üüü" in "".join(c["outputs"][0]["data"]["text/plain"])),
    ("1 / 0", lambda c: c["outputs"][-1]["ename"] == "ZeroDivisionError"),
    ("raise SystemExit", lambda c: True),
    (
        "import sys\nprint('o'); print('e', file=sys.stderr)",
        lambda c: {o["name"] for o in c["outputs"]} == {"stdout", "stderr"},
    ),
    (
        "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))",
        lambda c: "".join(c["outputs"][0]["data"]["text/html"]) == "<b>x</b>",
    ),
    (
        "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
        lambda c: stream_text(c["outputs"]) == "kept\n",
    ),
    (
        "h = display('first', display_id=True)\nh.update('second')",
        lambda c: "second" in "".join(c["outputs"][0]["data"]["text/plain"]),
    ),
    (
        "display({'application/json': {'a': [1]}}, raw=True)",
        lambda c: c["outputs"][0]["data"]["application/json"] == {"a": [1]},
    ),
    ("print('\\x00\\x1b[31mred\\ud7ff')", lambda c: "red" in stream_text(c["outputs"])),
    ("for i in range(20000): print(i)", lambda c: stream_text(c["outputs"]).count("\n") == 20000),
    ("", lambda c: c["outputs"] == []),
    ("this is no python", lambda c: c["outputs"][0]["ename"] == "SyntaxError"),
]


@pytest.fixture(scope="module")
def session(plain_sandbox: sdk.Sandbox, world: Any) -> sdk.NotebookSession:
    return sdk.create_notebook_session(
        plain_sandbox, name="every-cell", notebook_dir=world.top / "outputs"
    )


@pytest.mark.parametrize(("code", "check"), CELLS, ids=[code[:20] for code, _ in CELLS])
def test_cell(
    session: sdk.NotebookSession, code: str, check: Callable[[dict[str, Any]], bool]
) -> None:
    result = session.execute(code)
    saved = load_notebook(session.notebook_path)
    cell = saved["cells"][-1]
    assert cell["id"] == result.cell
    assert "".join(cell["source"]) == code
    assert check(cell), cell
    assert cell["execution_count"] == result.execution_count


def test_update_reaches_an_earlier_cell(session: sdk.NotebookSession) -> None:
    first = session.execute("handle = display('old', display_id=True)")
    session.execute("handle.update('new')")
    saved = load_notebook(session.notebook_path)
    cell = next(c for c in saved["cells"] if c["id"] == first.cell)
    assert "new" in "".join(cell["outputs"][0]["data"]["text/plain"])


def test_text_without_utf8_is_shown_and_hangs_nothing(session: sdk.NotebookSession) -> None:
    """ipykernel's packer raised on a lone surrogate: the output was lost, a flush could hang."""
    result = session.execute("print('a\\ud800b')\nprint('next')", timeout=60)
    assert result.text == "a\ufffdb\nnext\n"
    load_notebook(session.notebook_path)


def test_a_person_s_edit_is_not_overwritten(session: sdk.NotebookSession) -> None:
    """The change is kept: in the file, or as a copy beside it."""
    path = session.notebook_path
    edited = load_notebook(path)
    edited["cells"][0]["source"] = "# edited by a person"
    import json

    path.write_text(json.dumps(edited))
    session.execute("print('later')")
    load_notebook(path)
    texts = [p.read_text() for p in path.parent.glob("every-cell*.ipynb")]
    assert any("edited by a person" in text for text in texts)
    assert any("later" in text for text in texts)


def test_ids_are_unique(session: sdk.NotebookSession) -> None:
    ids = [cell["id"] for cell in load_notebook(session.notebook_path)["cells"]]
    assert len(ids) == len(set(ids))
