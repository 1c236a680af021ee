# SPDX-License-Identifier: Apache-2.0
"""kill -9 at bad moments: what was acknowledged is in the notebook, and nothing is left over."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import seer as sdk
from conftest import (
    Done,
    World,
    assert_gone,
    daemon_pid,
    descendants,
    kill,
    load_notebook,
    process_start,
    read,
    shim_pid,
    stream_text,
    wait_gone,
)
from seer import transport

# A cell that says how far it is and goes on only when a file is there.
GATED = """
import os, time
print('line 1', flush=True)
while not os.path.exists('/workspace/gate'):
    time.sleep(0.01)
print('line 2')
"""


class Cell:
    """Code running in a thread of its own; told is set when its first output is acknowledged."""

    def __init__(self, session: sdk.NotebookSession, code: str) -> None:
        self.told = threading.Event()
        self.records: list[dict[str, Any]] = []
        self.result: sdk.CellResult | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(session, code), daemon=True)
        self._thread.start()
        assert self.told.wait(60), f"no output: {self.error}"

    def _run(self, session: sdk.NotebookSession, code: str) -> None:
        try:
            self.result = session.execute(code, on_record=self._on_record)
        except BaseException as error:
            self.error = error

    def _on_record(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        if "line 1" in json.dumps(record.get("rec", record).get("output", {})):
            self.told.set()

    def end(self) -> sdk.CellResult:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the call does not return"
        assert self.error is None, self.error
        assert self.result is not None
        return self.result


def wait_reaped(sandbox: sdk.Sandbox) -> None:
    """Returns when seerd has let the reaper of a dead shim finish."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            told = read(entry / "cmdline")
            if "--reap" in told and sandbox.sandbox_id in told:
                wait_gone([int(entry.name)])


def test_seerd_dies_in_a_cell(
    new_sandbox: Callable[..., sdk.Sandbox], seer: Callable[..., Done]
) -> None:
    """The next command finds all of it; the cell still runs; its output is complete, none twice."""
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    session.execute("before = 'kept'")
    cell = Cell(session, GATED)
    shim = shim_pid(sandbox.sandbox_id)
    first = daemon_pid()
    kill(first)
    done = seer("ps", "--json")
    assert done.code == 0, done.err
    assert sandbox.sandbox_id in done.out and "busy" in done.out
    assert daemon_pid() != first
    assert shim_pid(sandbox.sandbox_id) == shim
    sandbox.exec("touch /workspace/gate")
    result = cell.end()
    assert result.ok and stream_text(result.outputs) == "line 1\nline 2\n"
    seqs = [r["seq"] for r in cell.records if "seq" in r]
    assert seqs == sorted(set(seqs))
    assert session.execute("before").text == "'kept'\n"
    saved = load_notebook(session.notebook_path)
    assert stream_text(saved["cells"][1]["outputs"]) == "line 1\nline 2\n"
    assert len(saved["cells"]) == 3


def test_seerd_dies_again_and_again(new_sandbox: Callable[..., sdk.Sandbox]) -> None:
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    url = session.jupyter_url
    for i in range(5):
        kill(daemon_pid())
        assert session.execute(f"print({i})").text == f"{i}\n"
    assert sdk.attach_to_session(session.session_id, url).jupyter_url == url
    assert len(load_notebook(session.notebook_path)["cells"]) == 5


def test_seerd_dies_while_a_sandbox_starts(world: World, tmp_path: Any, monkeypatch: Any) -> None:
    """The start fails and says so, or had succeeded; either way nothing is lost sight of."""
    monkeypatch.chdir(tmp_path)
    before = {s["sandbox"] for s in transport.call("sandbox.list")["sandboxes"]}
    pid = daemon_pid()
    box = sdk.Sandbox()
    thread_error: list[BaseException] = []

    def start() -> None:
        try:
            box.start()
        except sdk.SeerError as error:
            thread_error.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    kill(pid)
    thread.join(120)
    assert not thread.is_alive()
    listed = transport.call("sandbox.list")["sandboxes"]
    after = {s["sandbox"] for s in listed if s["state"] != "gone"} - before
    if thread_error:
        assert getattr(thread_error[0], "code", "") == "connection_lost"
    for sandbox in after:
        transport.call("sandbox.stop", {"sandbox": sandbox})
        assert_gone(world, sandbox)


def test_shim_dies_in_a_cell(
    world: World, new_sandbox: Callable[..., sdk.Sandbox], seer: Callable[..., Done]
) -> None:
    """The call returns and says why; what was told is in the notebook; nothing is left."""
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    session.execute("print('first cell')")
    cell = Cell(session, GATED)
    shim = shim_pid(sandbox.sandbox_id)
    inside = [p for p in descendants(shim) if process_start(p)]
    assert inside
    kill(shim)
    wait_gone(inside)
    cell._thread.join(60)
    assert not cell._thread.is_alive(), "the call does not return"
    if cell.result is not None:
        assert cell.result.status == "died" and cell.result.reason
    else:
        assert isinstance(cell.error, sdk.SeerError) and str(cell.error)
    done = seer("ps", "--json")
    assert done.code == 0, done.err
    wait_reaped(sandbox)
    saved = load_notebook(session.notebook_path)
    assert stream_text(saved["cells"][0]["outputs"]) == "first cell\n"
    assert stream_text(saved["cells"][1]["outputs"]).startswith("line 1\n")
    assert_gone(world, sandbox.sandbox_id)


def test_seerd_and_shim_die_together(
    world: World, new_sandbox: Callable[..., sdk.Sandbox], seer: Callable[..., Done]
) -> None:
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    cell = Cell(session, GATED)
    pids = [daemon_pid(), shim_pid(sandbox.sandbox_id)]
    for pid in pids:
        os.kill(pid, 9)
    wait_gone(pids)
    assert seer("ps", "--json").code == 0
    cell._thread.join(60)
    assert not cell._thread.is_alive()
    wait_reaped(sandbox)
    saved = load_notebook(session.notebook_path)
    assert stream_text(saved["cells"][0]["outputs"]).startswith("line 1\n")
    assert_gone(world, sandbox.sandbox_id)


@pytest.mark.parametrize("code", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_kernel_dies_in_a_cell(new_sandbox: Callable[..., sdk.Sandbox], code: str) -> None:
    """The call returns and says why; what was acknowledged stays. (What a kernel has printed but not
    yet sent dies with it, whoever listens: so it dies only after its output was told.)"""
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    cell = Cell(session, f"{GATED}{code}")
    sandbox.exec("touch /workspace/gate")
    result = cell.end()
    assert result.status == "died" and result.reason
    assert stream_text(result.outputs).startswith("line 1\n")
    saved = load_notebook(session.notebook_path)
    assert stream_text(saved["cells"][0]["outputs"]).startswith("line 1\n")
    with pytest.raises(sdk.SeerError) as caught:
        session.execute("1")
    assert caught.value.code == "kernel_died" and caught.value.hint
