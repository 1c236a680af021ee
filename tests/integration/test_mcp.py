# SPDX-License-Identifier: Apache-2.0
"""`seer mcp`, driven by the official MCP client in both eras, and by hand where it must not be."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import seer as sdk
from conftest import BIN, daemon_pid, kill, load_notebook
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

TOOLS = ["attach_to_session", "execute_code", "add_markdown", "get_output", "interrupt"]
MODERN = "2026-07-28"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def talk(work: Callable[[Any], Awaitable[Any]], mode: Any = "auto") -> Any:
    """Runs work(client) against a `seer mcp` of its own."""

    async def run() -> Any:
        server = StdioServerParameters(
            command=str(BIN / "seer"), args=["mcp"], env=dict(os.environ)
        )
        async with Client(stdio_client(server), mode=mode) as client:
            return await work(client)

    return asyncio.run(run())


def text_of(result: Any) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def execute(session: sdk.NotebookSession, code: str, **more: Any) -> Any:
    async def work(client: Any) -> Any:
        arguments = {"session_id": session.session_id, "code": code, **more}
        return await client.call_tool("execute_code", arguments)

    return talk(work)


@pytest.fixture(scope="module")
def session(plain_sandbox: sdk.Sandbox, world: Any) -> sdk.NotebookSession:
    return sdk.create_notebook_session(
        plain_sandbox, name="mcp", notebook_dir=world.top / "outputs"
    )


@pytest.mark.parametrize(
    ("mode", "version"), [("auto", MODERN), ("legacy", "2025-11-25")]
)
def test_both_eras(session: sdk.NotebookSession, mode: str, version: str) -> None:
    async def work(client: Any) -> None:
        assert client.protocol_version == version
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        attached = await client.call_tool(
            "attach_to_session",
            {"session_id": session.session_id, "jupyter_url": session.jupyter_url},
        )
        assert not attached.is_error
        assert str(session.notebook_path) in text_of(attached)
        assert attached.structured_content["session_id"] == session.session_id
        code = {"session_id": session.session_id, "code": "print(6 * 7)"}
        assert text_of(await client.call_tool("execute_code", code)) == "42"
        note = {"session_id": session.session_id, "markdown": f"# era {mode}"}
        added = await client.call_tool("add_markdown", note)
        cells = {c["id"]: c for c in load_notebook(session.notebook_path)["cells"]}
        assert cells[added.structured_content["cell"]]["cell_type"] == "markdown"

    talk(work, mode)


def test_text_images_and_reprs_in_order(session: sdk.NotebookSession) -> None:
    code = f"""
from IPython.display import display
print("before")
display({{"image/png": "{PIXEL}", "text/plain": "<Figure>"}}, raw=True)
print("\\x1b[31mafter\\x1b[0m")
{{"answer": 42}}
"""
    result = execute(session, code)
    assert [block.type for block in result.content] == ["text", "image", "text"]
    assert result.content[0].text == "before"
    assert (result.content[1].mime_type, result.content[1].data) == ("image/png", PIXEL)
    assert result.content[2].text == "after\n{'answer': 42}"


def test_errors_are_the_agents_to_read(session: sdk.NotebookSession) -> None:
    result = execute(session, "1 / 0")
    assert result.is_error
    assert "ZeroDivisionError: division by zero" in text_of(result)
    assert "\x1b" not in text_of(result)
    assert text_of(execute(session, "pass")) == "(no output)"


def test_long_output_is_cut_and_can_be_read(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        code = "print('x' * 30); print('\\n'.join(str(i) for i in range(30000)))"
        arguments: dict[str, Any] = {"session_id": session.session_id, "code": code}
        result = await client.call_tool("execute_code", arguments)
        assert len(text_of(result)) < 22000
        cell = result.meta["seer/cell"]["cell"]
        assert f'cell="{cell}"' in text_of(result)
        whole, offset = "", 0
        while offset is not None:
            where = {"session_id": session.session_id, "cell": cell, "offset": offset}
            page = await client.call_tool("get_output", where)
            whole += page.content[0].text
            offset = page.meta["seer/page"].get("next")
        assert whole.split() == ["x" * 30, *map(str, range(30000))]

    talk(work)


def test_a_long_cell_blocks_nobody(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        heard: list[float] = []

        async def progress(
            value: float, total: float | None, message: str | None
        ) -> None:
            heard.append(value)

        code = "import time\nfor i in range(15):\n    print(i, flush=True); time.sleep(0.1)"
        call = {"session_id": session.session_id, "code": code}
        long = asyncio.create_task(
            client.call_tool("execute_code", call, progress_callback=progress)
        )
        await asyncio.sleep(0)
        await client.list_tools()
        assert not long.done()
        result = await long
        assert text_of(result).split() == [str(i) for i in range(15)]
        assert heard and heard == sorted(set(heard))

    talk(work)


def test_cancel_interrupts(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        started = asyncio.Event()

        async def progress(
            value: float, total: float | None, message: str | None
        ) -> None:
            started.set()

        code = """
import time
for _ in range(6000):
    time.sleep(0.1); print(".", end="", flush=True)
"""
        call = {"session_id": session.session_id, "code": code}
        task = asyncio.create_task(
            client.call_tool("execute_code", call, progress_callback=progress)
        )
        await started.wait()
        task.cancel()
        begun = time.monotonic()
        after = {"session_id": session.session_id, "code": "'alive'"}
        result = await client.call_tool("execute_code", after)
        # It waited for the cancelled cell to end and was not dropped with it, or is told so.
        if result.is_error:
            result = await client.call_tool("execute_code", after)
        assert text_of(result) == "'alive'"
        assert time.monotonic() - begun < 30

    talk(work)


def test_timeout_leaves_the_cell_running(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        arguments = {
            "session_id": session.session_id,
            "code": "import time\nprint('begun', flush=True)\ntime.sleep(600)",
            "timeout": 0.5,
        }
        result = await client.call_tool("execute_code", arguments)
        assert result.is_error
        assert "Still running" in text_of(result)
        stopped = await client.call_tool(
            "interrupt", {"session_id": session.session_id}
        )
        assert stopped.structured_content == {"was_busy": True}

    talk(work)


def test_a_dead_kernel_is_told_at_once(plain_sandbox: sdk.Sandbox, world: Any) -> None:
    doomed = sdk.create_notebook_session(
        plain_sandbox, name="mcp-doomed", notebook_dir=world.top / "outputs"
    )
    begun = time.monotonic()
    result = execute(
        doomed, "print('last words', flush=True)\nimport os; os.kill(os.getpid(), 9)"
    )
    assert result.is_error
    assert "The kernel died" in text_of(result)
    assert time.monotonic() - begun < 20


def test_seerd_killed_in_the_middle(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        started = asyncio.Event()

        async def progress(
            value: float, total: float | None, message: str | None
        ) -> None:
            if message and " 0 outputs" not in message and "running" in message:
                started.set()

        code = """
ran = globals().get("ran", 0) + 1
import time
for i in range(20):
    print(i, flush=True); time.sleep(0.1)
print("ran", ran)
"""
        call = {"session_id": session.session_id, "code": code}
        task = asyncio.create_task(
            client.call_tool("execute_code", call, progress_callback=progress)
        )
        done, _ = await asyncio.wait(
            [task, asyncio.create_task(started.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert task not in done
        kill(await asyncio.to_thread(daemon_pid))
        result = await task
        assert not result.is_error, text_of(result)
        assert text_of(result).split() == [*map(str, range(20)), "ran", "1"]

    talk(work)


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("execute_code", {"session_id": "0" * 32, "code": "1"}, "session"),
        ("execute_code", {"code": "1"}, "needs session_id"),
        ("execute_code", {"session_id": "x", "code": 1}, "code must be a string"),
        (
            "execute_code",
            {"session_id": "x", "code": "1", "cells": 2},
            "takes no argument cells",
        ),
        ("get_output", {"session_id": "x", "cell": "c", "offset": -1}, "at least 0"),
    ],
)
def test_wrong_arguments(tool: str, arguments: dict[str, Any], says: str) -> None:
    async def work(client: Any) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert says in text_of(result)

    talk(work)


def test_a_foreign_url_is_refused(session: sdk.NotebookSession) -> None:
    async def work(client: Any) -> None:
        url = session.jupyter_url[:-4] + "0000"
        arguments = {"session_id": session.session_id, "jupyter_url": url}
        assert (await client.call_tool("attach_to_session", arguments)).is_error

    talk(work)


# --- by hand -----------------------------------------------------------------------------------------


def lines(*messages: Any) -> list[Any]:
    """What `seer mcp` answers until its stdin ends; each line of stdout must be JSON."""
    given = "".join(
        (m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages
    )
    done = subprocess.run(
        [BIN / "seer", "mcp"],
        input=given.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def initialize(version: str) -> dict[str, Any]:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


@pytest.mark.parametrize(
    "version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
)
def test_legacy_revisions(version: str) -> None:
    answers = lines(
        initialize(version),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 2, "method": "no/such"},
    )
    assert answers[0]["result"]["protocolVersion"] == version
    assert [t["name"] for t in answers[1]["result"]["tools"]] == TOOLS
    assert answers[2]["error"]["code"] == -32601


def test_a_batch() -> None:
    ping = {"jsonrpc": "2.0", "id": "a", "method": "ping"}
    answers = lines(initialize("2025-03-26"), [ping, {**ping, "id": "b"}])
    assert [a["id"] for a in answers[1]] == ["a", "b"]


def test_noise_on_stdin() -> None:
    answers = lines("not json", "", "{}", "[]", '"x"', initialize("2025-11-25"))
    assert [a["error"]["code"] for a in answers[:4]] == [-32700, -32600, -32600, -32600]
    assert answers[4]["result"]["serverInfo"]["name"] == "seer"


def test_an_unknown_modern_version() -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2030-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/list",
        "params": {"_meta": meta},
    }
    (answer,) = lines(asked)
    assert answer["error"]["code"] == -32022
    assert MODERN in answer["error"]["data"]["supported"]


def test_requests_from_a_file(session: sdk.NotebookSession, tmp_path: Any) -> None:
    call = {
        "name": "execute_code",
        "arguments": {"session_id": session.session_id, "code": "print('from a file')"},
    }
    given = tmp_path / "requests"
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    given.write_text(
        json.dumps(initialize("2025-11-25")) + "\n" + json.dumps(asked) + "\n"
    )
    with given.open("rb") as stdin:
        done = subprocess.run(
            [BIN / "seer", "mcp"],
            stdin=stdin,
            capture_output=True,
            timeout=60,
            check=True,
        )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[1]["result"]["content"][0]["text"] == "from a file"
