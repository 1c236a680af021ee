# SPDX-License-Identifier: Apache-2.0
"""The SDK: first what needs no sandbox, then each of its calls on a real one."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import seer as sdk
from conftest import ROOT, World, assert_gone, load_notebook, stream_text
from seer import transport

# ------------------------------------------------------------------ the contract


@pytest.mark.parametrize("name", ["SandboxConfig", "ModelConfig", "RepoConfig"])
def test_fields_are_as_the_seed_prints(name: str) -> None:
    text = (ROOT / "docs/seed.md").read_text()
    block = re.search(rf"@dataclass\nclass {name}:\n((?:    .*\n)+)", text)
    assert block, "docs/seed.md has changed"
    printed = re.findall(r"^    (\w+): ([^=#\n]+?)(?: = ([^#\n]+?))?\s*(?:#.*)?$", block[1], re.M)
    fields = dataclasses.fields(getattr(sdk, name))
    for field, (wanted, kind, default) in zip(fields, printed, strict=False):
        assert (field.name, field.type) == (wanted, kind)
        empty = {"[]": list, "{}": dict}.get(default)
        if empty:
            assert field.default_factory is empty
        elif default:
            assert field.default == eval(default, {"ExecutionMode": sdk.ExecutionMode})
        else:
            assert field.default is dataclasses.MISSING
    assert len(fields) >= len(printed)


def test_seed_imports_are_the_same_objects() -> None:
    from src import environment, execution, workspace

    for module in (environment, execution, workspace):
        for name in module.__all__:
            assert getattr(module, name) is getattr(sdk, name)


def test_later_parts_say_so() -> None:
    for call in (sdk.ScopedSandbox, sdk.create_local_session):
        with pytest.raises(sdk.SeerError, match="issue 8") as caught:
            call(sdk.SandboxConfig())
        assert caught.value.code == "unsupported"


def test_library_from_file(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("x = 1\n")
    library = sdk.Library.from_file(str(tmp_path / "helper.py"))
    assert (library.name, library.source) == ("helper", "x = 1\n")


@pytest.mark.parametrize("name", ["a b", "a/b", "1a", "", "../x"])
def test_library_name_must_be_importable(name: str) -> None:
    with pytest.raises(sdk.SeerError) as caught:
        sdk.Library.from_code("", name=name)
    assert caught.value.code == "bad_parameter"


# ------------------------------------------------- the wire, against a scripted daemon


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """scripted(reply, ...) plays seerd for one connection: each reply is a dict (a frame, given the
    request's id), bytes (sent raw) or None (closes). Returns the list of frames that came in."""

    def start(*replies: dict[str, Any] | bytes | None) -> list[Any]:
        path = f"/tmp/{tmp_path.name[:40]}.s"
        Path(path).unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(1)
        monkeypatch.setattr(transport, "_start_daemon", lambda: path)
        monkeypatch.setattr(transport, "_sockets", {})
        came: list[Any] = []

        def read_frame(file: Any) -> Any:
            head = file.read(4)
            return json.loads(file.read(struct.unpack("<I", head)[0])) if len(head) == 4 else None

        def serve() -> None:
            connection = server.accept()[0]
            Path(path).unlink()
            with connection, connection.makefile("rwb") as file:
                hello = read_frame(file)
                for number, reply in [(hello["id"], {"result": {}}), *((0, r) for r in replies)]:
                    if reply is None:
                        return
                    if number == 0 and not came:
                        came.append(read_frame(file))
                    if isinstance(reply, dict):
                        frame = {"id": number or came[0]["id"], **reply}
                        payload = json.dumps(frame).encode()
                        reply = struct.pack("<I", len(payload)) + payload
                    file.write(reply)
                    file.flush()
                while (frame := read_frame(file)) is not None:
                    came.append(frame)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setattr(transport, "_test_thread", thread, raising=False)
        return came

    return start


def test_events_then_result(scripted: Callable[..., list[Any]]) -> None:
    seen: list[Any] = []
    scripted({"event": "progress", "data": {"text": "a"}}, {"result": {"x": 1}})
    assert transport.call("doctor", {}, lambda n, d: seen.append((n, d))) == {"x": 1}
    assert seen == [("progress", {"text": "a"})]


def test_error_has_all_its_parts(scripted: Callable[..., list[Any]]) -> None:
    error = {"kind": "user", "code": "no_such_model", "message": "no model x", "hint": "look"}
    scripted({"error": error})
    with pytest.raises(sdk.SeerError) as caught:
        transport.call("doctor")
    e = caught.value
    assert (str(e), e.code, e.hint, e.kind) == ("no model x", "no_such_model", "look", "user")


@pytest.mark.parametrize(
    "bad", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\4\0\0\0abcd", b"\x10\0\0\0half"]
)
def test_bad_frames_are_a_lost_connection(scripted: Callable[..., list[Any]], bad: bytes) -> None:
    scripted(bad, None)
    with pytest.raises(sdk.SeerError) as caught:
        transport.call("doctor")
    assert caught.value.code == "connection_lost"


def test_keyboard_interrupt_cancels(
    scripted: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    came = scripted({"event": "progress", "data": {}})

    def interrupt(name: str, data: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport.call("sandbox.start", {}, interrupt)
    transport._test_thread.join(10)  # type: ignore[attr-defined]
    assert came[1] == {"id": came[0]["id"], "cancel": True}


# --------------------------------------------------------------------- a sandbox


def test_life(world: World, new_sandbox: Callable[..., sdk.Sandbox]) -> None:
    sandbox = new_sandbox()
    assert re.fullmatch("[a-z0-9]{12}", sandbox.sandbox_id)
    assert sandbox.isolation == "namespaces"
    with pytest.raises(sdk.SeerError) as caught:
        sandbox.start()
    assert caught.value.code == "already_started"
    sandbox.terminate()
    sandbox.terminate()
    assert_gone(world, sandbox.sandbox_id)
    with pytest.raises(sdk.SeerError) as caught:
        sandbox.exec("true")
    assert caught.value.code == "sandbox_died" and "stop" in str(caught.value)


def test_context_manager(world: World) -> None:
    with sdk.Sandbox() as sandbox:
        assert sandbox.exec(["true"]).exit_code == 0
    assert_gone(world, sandbox.sandbox_id)


def test_not_started() -> None:
    with pytest.raises(sdk.SeerError, match="not started"):
        sdk.Sandbox().exec("true")


def test_exec(plain_sandbox: sdk.Sandbox) -> None:
    done = plain_sandbox.exec("echo out; echo err >&2; exit 3")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    done = plain_sandbox.exec(["printf", "%s|", "a b", "$HOME"])
    assert done.stdout == "a b|$HOME|"
    assert plain_sandbox.exec("cat", input="in\n").stdout == "in\n"
    assert plain_sandbox.exec("pwd", cwd="/tmp").stdout == "/tmp\n"
    assert plain_sandbox.exec("pwd").stdout == "/workspace\n"
    assert plain_sandbox.exec('echo "$X"', env={"X": "ü"}).stdout == "ü\n"
    assert plain_sandbox.exec("kill -9 $$").signal == 9


def test_exec_timeout_kills_and_keeps_output(plain_sandbox: sdk.Sandbox) -> None:
    done = plain_sandbox.exec("echo early; sleep 1000 & sleep 1000", timeout=0.5)
    assert done.timed_out and done.stdout == "early\n"
    assert plain_sandbox.exec("pgrep -x sleep").exit_code == 1


def test_exec_of_what_is_not_there(plain_sandbox: sdk.Sandbox) -> None:
    assert plain_sandbox.exec("no-such-command").exit_code == 127


def test_config_reaches_the_sandbox(
    new_sandbox: Callable[..., sdk.Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "s3cret")
    (tmp_path / "data.txt").write_text("data\n")
    sandbox = new_sandbox(
        env={"PLAIN": "value"},
        secrets=["MY_SECRET"],
        local_files=[(str(tmp_path / "data.txt"), "/workspace/in/data.txt")],
    )
    done = sandbox.exec("echo $PLAIN $MY_SECRET; cat in/data.txt")
    assert done.stdout == "value s3cret\ndata\n"


# --------------------------------------------------------------------- a session


def test_session(plain_session: sdk.NotebookSession, plain_sandbox: sdk.Sandbox) -> None:
    assert re.fullmatch("[0-9a-f]{32}", plain_session.session_id)
    wanted = rf"http://127\.0\.0\.1:\d+/s/{plain_sandbox.sandbox_id}/\?token=[0-9a-z]{{20,}}"
    assert re.fullmatch(wanted, plain_session.jupyter_url)
    assert plain_session.model_info_text == ""
    result = plain_session.execute("print('a'); 6 * 7")
    assert result.ok and result.text == "a\n42\n"
    assert result.outputs[-1]["data"]["text/plain"] in ("42", ["42"])


def test_error_in_a_cell_is_a_result(plain_session: sdk.NotebookSession) -> None:
    result = plain_session.execute("x = 1\n1 / 0")
    assert result.status == "error" and result.error == "ZeroDivisionError: division by zero"
    assert "1 / 0" in result.text
    assert plain_session.execute("x").text == "1\n"


def test_records_come_as_they_happen(plain_session: sdk.NotebookSession) -> None:
    """The first line is told while the cell still waits for a file that only its telling makes."""
    told = threading.Event()

    def on_record(record: dict[str, Any]) -> None:
        if "first" in json.dumps(record) and not told.is_set():
            told.set()
            plain_session_exec(plain_session, "touch /workspace/go")

    code = (
        "import os, select\nprint('first', flush=True)\n"
        "while not os.path.exists('/workspace/go'): select.select([], [], [], 0.01)\n"
        "print('second')\nos.remove('/workspace/go')"
    )
    result = plain_session.execute(code, on_record=on_record)
    assert told.is_set() and stream_text(result.outputs) == "first\nsecond\n"


def plain_session_exec(session: sdk.NotebookSession, command: str) -> None:
    argv = ["sh", "-c", command]
    transport.call("sandbox.exec", {"sandbox": session.sandbox_id, "argv": argv})


def test_interrupt(plain_session: sdk.NotebookSession) -> None:
    def on_record(record: dict[str, Any]) -> None:
        if "running" in json.dumps(record.get("rec", record).get("output", {})):
            plain_session.interrupt()

    code = "import time\nprint('running', flush=True)\ntime.sleep(1000)"
    result = plain_session.execute(code, on_record=on_record)
    assert result.status in ("interrupted", "error")
    assert "KeyboardInterrupt" in result.text
    assert plain_session.execute("1").ok


def test_timeout_leaves_the_cell_running(plain_session: sdk.NotebookSession) -> None:
    code = "import time\nprint('before', flush=True)\ntime.sleep(1)\nprint('after')"
    result = plain_session.execute(code, timeout=0.3)
    assert result.status == "timeout"
    result = plain_session.wait(result.cell)
    assert result.status == "ok" and stream_text(result.outputs) == "before\nafter\n"


def test_markdown_and_notebook(plain_session: sdk.NotebookSession) -> None:
    cell = plain_session.add_markdown("## Title ü")
    saved = load_notebook(plain_session.notebook_path)
    assert saved["cells"][-1]["id"] == cell
    assert saved["cells"][-1]["cell_type"] == "markdown"
    assert "".join(saved["cells"][-1]["source"]) == "## Title ü"
    assert plain_session.notebook()["cells"][-1]["id"] == cell


def test_attach(plain_session: sdk.NotebookSession) -> None:
    again = sdk.attach_to_session(plain_session.session_id, plain_session.jupyter_url)
    assert again.notebook_path == plain_session.notebook_path
    plain_session.execute("attached = 5")
    assert again.execute("attached").text == "5\n"
    wrong = re.sub("token=.", "token=_", plain_session.jupyter_url)
    with pytest.raises(sdk.SeerError):
        sdk.attach_to_session(plain_session.session_id, wrong)


def test_libraries_names_and_place(new_sandbox: Callable[..., sdk.Sandbox], tmp_path: Path) -> None:
    sandbox = new_sandbox()
    (tmp_path / "from_file.py").write_text("def f():\n    return 'file'\n")
    workspace = sdk.Workspace(
        libraries=[
            sdk.Library.from_file(tmp_path / "from_file.py"),
            sdk.Library.from_code("def f():\n    return 'code'\n", name="from_code"),
        ]
    )
    session = sdk.create_notebook_session(sandbox, workspace, name="my-run", notebook_dir="nb")
    assert session.notebook_path == tmp_path / "nb" / "my-run.ipynb"
    result = session.execute("import from_file, from_code\nprint(from_file.f(), from_code.f())")
    assert result.text == "file code\n"
    other = sdk.create_notebook_session(sandbox)
    assert other.notebook_path.parent == tmp_path / "outputs"
    assert other.execute("'from_file' in globals()").text == "False\n"


def test_model_is_loaded(model_session: sdk.NotebookSession) -> None:
    result = model_session.execute("print(type(model).__name__, model.device, len(tokenizer))")
    kind, device, vocabulary = result.text.split()
    text = model_session.model_info_text
    expected = (
        "### Pre-loaded Models\n\nThe following models are already loaded in the kernel:\n\n"
        f"**model** (seer/tiny-gemma2-it)\n- Type: {kind}\n- Device: {device}\n- Parameters: "
    )
    assert text.startswith(expected)
    assert f"- Vocab size: {int(vocabulary):,}\n" in text
    assert text.rstrip().endswith(
        "**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."
    )
    assert model_session.execute("In, _ih[0]").text.startswith("(['',")
