# SPDX-License-Identifier: Apache-2.0
"""seerd by its socket alone: each test has a SEER_HOME and a daemon of its own."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("SEER_TEST_BUILD", "build") / "bin"
CACHE = os.environ.get("SEER_TEST_CACHE") or os.path.expanduser("~/.cache/seer-tests")
DEADLINE = 120.0
Event = Callable[[str, dict[str, Any]], None]


class Failed(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code, self.message = error["code"], error["message"]
        self.hint = error.get("hint", "")


class Link:
    """One connection: frames of u32 length and JSON."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(path))
        self.last = 0

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.sock.sendall(struct.pack("<I", len(data)) + data)

    def exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def recv(self) -> dict[str, Any]:
        (n,) = struct.unpack("<I", self.exactly(4))
        return json.loads(self.exactly(n))  # type: ignore[no-any-return]

    def ask(self, method: str, **params: Any) -> int:
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        return self.last

    def answer(self, number: int, on: Event | None = None) -> dict[str, Any]:
        while True:
            message = self.recv()
            if message["id"] != number:
                continue
            if "event" in message:
                if on:
                    on(message["event"], message["data"])
            elif "error" in message:
                raise Failed(message["error"])
            else:
                return message["result"]  # type: ignore[no-any-return]

    def call(self, method: str, on: Event | None = None, **params: Any) -> dict[str, Any]:
        return self.answer(self.ask(method, **params), on)

    def run(self, sandbox: str, *argv: str) -> tuple[int, bytes]:
        out: list[bytes] = []
        done = self.call(
            "sandbox.exec",
            lambda e, d: out.append(base64.b64decode(d["data64"])),
            sandbox=sandbox,
            argv=list(argv),
        )
        return done["exit_code"], b"".join(out)


class Seerd:
    """A daemon and its folders."""

    def __init__(self, top: Path, cache: str) -> None:
        self.top, self.home = top, top / "h"
        self.home.mkdir()
        (top / "r").mkdir(mode=0o700)
        self.env = {
            **os.environ,
            "SEER_HOME": str(self.home),
            "SEER_CACHE": cache,
            "XDG_RUNTIME_DIR": str(top / "r"),
        }
        for name in ("SEER_PORT", "SEER_GPU", "SEER_ISOLATION"):
            self.env.pop(name, None)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = top / "seerd.log"

    def start(self, *under: str) -> dict[str, Any]:
        ready, theirs = os.pipe()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, BIN / "seerd", "--ready-fd", str(theirs)],
                pass_fds=[theirs],
                env=self.env,
                stderr=log,
                start_new_session=True,
            )
        os.close(theirs)
        with os.fdopen(ready) as line:
            return json.loads(line.readline())  # type: ignore[no-any-return]

    @property
    def run(self) -> Path:
        (run,) = (self.top / "r/seer").iterdir()
        return run

    def link(self) -> Link:
        return Link(self.run / "d.sock")

    def end(self, how: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(DEADLINE)

    def environ(self, **more: str) -> dict[str, str]:
        names = (
            "PIP_",
            "UV_",
            "SSL_",
            "SEER_UV",
            "SEER_PYTHON",
            "HTTP",
            "NO_PROXY",
            "http",
        )
        mine = {k: v for k, v in self.env.items() if k.startswith(names)}
        path = f"{self.env['PATH']}:{ROOT / '.venv/bin'}"
        return {**mine, "PATH": path, "HOME": str(Path.home()), **more}

    def sandbox(self, link: Link, on: Event | None = None, **config: Any) -> dict[str, Any]:
        config.setdefault("execution_mode", "cli")
        return link.call(
            "sandbox.start",
            on,
            config=config,
            environ=self.environ(),
            cwd=str(self.top),
        )

    def leftovers(self) -> list[str]:
        """What no ended sandbox may leave."""
        return [
            str(p)
            for p in [*(self.home / "sandboxes").iterdir(), *self.run.iterdir()]
            if p.name != "d.sock"
        ]


@pytest.fixture
def seerd() -> Iterator[Seerd]:
    top = Path(tempfile.mkdtemp(prefix="sd-", dir="/tmp"))
    daemon = Seerd(top, CACHE)
    assert daemon.start().get("ready") is True
    yield daemon
    if daemon.process and daemon.process.poll() is None:
        daemon.link().call("sandbox.stop", all=True)
        assert daemon.end() == 0
    assert daemon.leftovers() == []
    assert "Sanitizer" not in daemon.log.read_text()
    shutil.rmtree(top)


def test_hello_and_second_daemon(seerd: Seerd) -> None:
    link = seerd.link()
    hello = link.call("hello", version="0")
    assert hello["home"] == str(seerd.home)
    assert seerd.process and hello["pid"] == seerd.process.pid
    again = Seerd.__new__(Seerd)
    again.__dict__.update(seerd.__dict__)
    assert again.start()["error"]["code"] == "already_running"
    assert again.process and again.process.wait(DEADLINE) == 1
    assert link.call("hello")["pid"] == hello["pid"]
    assert oct((seerd.run / "d.sock").stat().st_mode & 0o777) == "0o600"


def test_garbage_ends_only_its_connection(seerd: Seerd) -> None:
    good, bad = seerd.link(), seerd.link()
    bad.sock.sendall(b"\xff\xff\xff\xffGET / HTTP/1.1\r\n")
    assert bad.sock.recv(1) == b""
    with pytest.raises(Failed) as refused:
        good.call("no.such.method")
    assert refused.value.code == "unknown_method"
    with pytest.raises(Failed) as refused:
        good.call("shim.stop")
    assert refused.value.code == "unknown_method"
    with pytest.raises(Failed) as refused:
        good.call("sandbox.start", config="x")
    assert refused.value.code == "bad_parameter"


@pytest.mark.parametrize(
    ("config", "code", "word"),
    [
        ({"gpu": "A100"}, "no_gpu", "SEER_GPU=none"),
        ({"models": [{"name": "no/such-model-zq"}]}, "no_such_model", "tiny-gemma2-it"),
        ({"models": [{"name": "not a name"}]}, "bad_model_name", "owner/model"),
        (
            {"system_packages": ["no-such-package-zq"]},
            "unsupported",
            "no-such-package-zq",
        ),
        ({"local_files": [["nowhere.txt", "x"]]}, "no_such_file", "nowhere.txt"),
        ({"python_packages": ["no-such-package-zq-77"]}, "package_resolution", "zq-77"),
    ],
)
def test_bad_config(seerd: Seerd, config: dict[str, Any], code: str, word: str) -> None:
    if code == "no_gpu" and Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    link = seerd.link()
    with pytest.raises(Failed) as refused:
        seerd.sandbox(link, **config)
    assert refused.value.code == code
    assert word in refused.value.message + refused.value.hint
    assert link.call("sandbox.list", all=True)["sandboxes"] == []
    assert seerd.leftovers() == []


def test_life_of_a_sandbox(seerd: Seerd) -> None:
    (seerd.top / "data.txt").write_text("hello")
    link = seerd.link()
    box = seerd.sandbox(link, name="one", env={"A": "b c"}, local_files=[["data.txt", "d/x.txt"]])
    assert box["name"] == "one" and box["isolation"] == "namespaces"
    assert link.run("one", "cat", "/workspace/d/x.txt") == (0, b"hello")
    assert link.run(box["sandbox"], "sh", "-c", 'printf %s "$A"') == (0, b"b c")
    assert link.run(box["sandbox"][:5], "sh", "-c", "exit 7") == (7, b"")
    code, env = link.run("one", "env")
    assert code == 0 and b"SEER_HOME" not in env and b"/work" not in env.replace(b"/workspace", b"")
    (listed,) = link.call("sandbox.list")["sandboxes"]
    assert (listed["sandbox"], listed["state"]) == (box["sandbox"], "ready")
    with pytest.raises(Failed) as refused:
        seerd.sandbox(link, name="one")
    assert refused.value.code == "name_taken"
    assert link.call("sandbox.stop", sandbox="one") == {"stopped": [box["sandbox"]]}
    assert seerd.leftovers() == []
    assert link.call("sandbox.list")["sandboxes"] == []
    (listed,) = link.call("sandbox.list", all=True)["sandboxes"]
    assert (listed["state"], listed["reason"]) == ("gone", "it was stopped")
    with pytest.raises(Failed) as refused:
        link.run("one", "true")
    assert refused.value.code == "sandbox_died" and "stopped" in refused.value.message


def test_unknown_names(seerd: Seerd) -> None:
    link = seerd.link()
    table: list[tuple[str, dict[str, Any], str]] = [
        ("sandbox.exec", {"sandbox": "none", "argv": ["true"]}, "no_such_sandbox"),
        ("sandbox.stop", {"sandbox": "none"}, "no_such_sandbox"),
        ("session.create", {"sandbox": "none"}, "no_such_sandbox"),
        ("session.execute", {"session": "0" * 32, "code": "1"}, "no_such_session"),
        ("session.find", {"session": "abc"}, "no_such_session"),
    ]
    for method, more, code in table:
        with pytest.raises(Failed) as refused:
            link.call(method, **more)
        assert refused.value.code == code
        assert "seer ps" in refused.value.hint


def test_killed_daemon_finds_its_sandboxes(seerd: Seerd) -> None:
    link = seerd.link()
    box = seerd.sandbox(link, name="kept")
    link.run("kept", "sh", "-c", "echo there > /workspace/f")
    seerd.end(signal.SIGKILL)
    assert seerd.start()["ready"] is True
    link = seerd.link()
    (listed,) = link.call("sandbox.list")["sandboxes"]
    assert (listed["sandbox"], listed["name"]) == (box["sandbox"], "kept")
    assert link.run("kept", "cat", "/workspace/f") == (0, b"there\n")


def shim_pid(link: Link) -> int:
    (listed,) = link.call("sandbox.list")["sandboxes"]
    return int(listed["pid"])


def test_killed_shim_answers_at_once(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="victim")
    pid = shim_pid(link)
    number = link.ask(
        "sandbox.exec",
        sandbox="victim",
        argv=["sh", "-c", "echo up; exec cat /dev/zero >/dev/null"],
    )
    message = link.recv()  # it runs
    assert message["id"] == number and message["event"] == "out"
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Failed) as died:
        link.answer(number)
    assert died.value.code == "sandbox_died"
    link.call("sandbox.stop", sandbox="victim")  # waits until it is cleaned up
    (listed,) = link.call("sandbox.list", all=True)["sandboxes"]
    assert listed["state"] == "gone" and listed["reason"]


def test_stuck_shim_is_killed_by_stop(seerd: Seerd) -> None:
    """A shim that never answers shim.stop held up `seer stop` for ever."""
    link = seerd.link()
    seerd.sandbox(link, name="stuck")
    pid = shim_pid(link)
    os.kill(pid, signal.SIGSTOP)
    busy = seerd.link()
    number = busy.ask("sandbox.exec", sandbox="stuck", argv=["sleep", "1000"])
    link.call("sandbox.stop", sandbox="stuck")
    with pytest.raises(Failed) as died:
        busy.answer(number)
    assert died.value.code == "sandbox_died"
    (listed,) = link.call("sandbox.list", all=True)["sandboxes"]
    assert (listed["state"], listed["reason"]) == ("gone", "it was stopped")
    assert not Path(f"/proc/{pid}").exists()
    assert seerd.leftovers() == []


def test_both_killed(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="both")
    pid = shim_pid(link)
    seerd.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert seerd.start()["ready"] is True
    link = seerd.link()
    link.call("sandbox.stop", sandbox="both")
    (listed,) = link.call("sandbox.list", all=True)["sandboxes"]
    assert listed["state"] == "gone"


@pytest.mark.parametrize("away", [False, True])
def test_timeout_without_sessions_is_listed_as_such(seerd: Seerd, away: bool) -> None:
    """It was listed as "its shim ended unexpectedly"; also when seerd was away at that moment."""
    link = seerd.link()
    seerd.sandbox(link, name="short", timeout=1)
    pid = shim_pid(link)
    if away:
        shim = os.pidfd_open(pid)
        seerd.end(signal.SIGKILL)
        assert select.select([shim], [], [], DEADLINE)[0]
        os.close(shim)
        seerd.start()
        link = seerd.link()
    else:
        number = link.ask("sandbox.exec", sandbox="short", argv=["sleep", "60"])
        with pytest.raises(Failed):
            link.answer(number)
    link.call("sandbox.stop", sandbox="short")  # waits until it is cleaned up
    (listed,) = link.call("sandbox.list", all=True)["sandboxes"]
    assert (listed["state"], listed["reason"]) == ("gone", "its time was over")
    assert list((seerd.home / "logs").glob("*.end")) == []


def test_cancel_kills_the_command(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="c")
    number = link.ask("sandbox.exec", sandbox="c", argv=["sh", "-c", "echo up; exec sleep 1000"])
    assert link.recv()["event"] == "out"
    link.send({"id": number, "cancel": True})
    try:
        assert link.answer(number).get("exit_code") != 0
    except Failed:
        pass
    code, out = link.run("c", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert code == 0 and b"sleep 1000" not in out


def test_slow_reader_hinders_nobody(seerd: Seerd) -> None:
    """Output waits in the sandbox while its reader does not read; others go on; none is lost."""
    slow, other = seerd.link(), seerd.link()
    seerd.sandbox(other, name="s")
    total = 64 << 20
    number = slow.ask("sandbox.exec", sandbox="s", argv=["head", "-c", str(total), "/dev/zero"])
    for _ in range(20):
        assert other.run("s", "echo", "ok") == (0, b"ok\n")
    got = 0

    def count(event: str, data: dict[str, Any]) -> None:
        nonlocal got
        got += len(base64.b64decode(data["data64"]))

    done = slow.answer(number, count)
    assert done["exit_code"] == 0 and got + done["dropped"] == total and done["dropped"] == 0


def test_environment_is_built_once(seerd: Seerd) -> None:
    """Two starts that want the same packages share one build; the next takes no time."""
    seerd.end()
    shutil.rmtree(seerd.top / "cache", ignore_errors=True)
    seerd.env["SEER_CACHE"] = str(seerd.top / "cache")
    assert seerd.start()["ready"] is True
    built: list[str] = []
    boxes: list[dict[str, Any]] = []

    def one() -> None:
        def on(event: str, data: dict[str, Any]) -> None:
            if data["stage"] == "environment" and data["state"] == "start":
                built.append(data["text"])

        boxes.append(seerd.sandbox(seerd.link(), on, python_packages=["six"]))

    both = [threading.Thread(target=one) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(DEADLINE)
    assert len(boxes) == 2 and len(built) == 1
    link = seerd.link()
    stages: list[str] = []
    third = seerd.sandbox(link, lambda e, d: stages.append(d["stage"]), python_packages=[" six "])
    assert "environment" not in stages
    code, out = link.run(
        third["sandbox"], "python", "-c",
        "import six, sys; print(six.__cached__, sys.prefix, sys.dont_write_bytecode)",
    )  # fmt: skip
    assert code == 0 and out.split()[1:] == [b"/opt/env", b"False"]
    assert link.run(third["sandbox"], "test", "-f", out.split()[0].decode())[0] == 0
    # Writable inside, and nothing of it comes back to the layer.
    assert link.run(third["sandbox"], "sh", "-c", "echo x > /opt/env/mine")[0] == 0
    assert link.run(boxes[0]["sandbox"], "test", "-e", "/opt/env/mine")[0] == 1


def test_cancelled_build_leaves_nothing(seerd: Seerd) -> None:
    seerd.end()
    seerd.env["SEER_CACHE"] = str(seerd.top / "cache")
    assert seerd.start()["ready"] is True
    link = seerd.link()
    number = link.ask(
        "sandbox.start",
        config={"execution_mode": "cli", "python_packages": ["six", "attrs"]},
        environ=seerd.environ(),
    )
    while link.recv()["data"]["stage"] != "environment":
        pass
    link.send({"id": number, "cancel": True})
    with pytest.raises(Failed) as cancelled:
        link.answer(number)
    assert cancelled.value.code == "cancelled"
    # A start that waits for the same key sees the end of the cancelled build.
    seerd.sandbox(link, python_packages=["six", "attrs"])
    folders = [
        p.name for p in (seerd.top / "cache/env").iterdir() if not p.name.startswith(".lock")
    ]
    assert len(folders) == 1 and not folders[0].startswith(".tmp")


def test_killed_during_a_build(seerd: Seerd) -> None:
    seerd.end()
    seerd.env["SEER_CACHE"] = str(seerd.top / "cache")
    assert seerd.start()["ready"] is True
    link = seerd.link()
    link.ask(
        "sandbox.start",
        config={"execution_mode": "cli", "python_packages": ["six", "attrs"]},
        environ=seerd.environ(),
    )
    while link.recv()["data"]["state"] != "line":
        pass  # the builder runs
    seerd.end(signal.SIGKILL)
    assert seerd.start()["ready"] is True
    link = seerd.link()
    assert link.call("sandbox.list", all=True)["sandboxes"] == []
    seerd.sandbox(link, python_packages=["six", "attrs"])
    assert not [p for p in (seerd.top / "cache/env").iterdir() if p.name.startswith(".tmp")]


def test_hidden_model_in_the_plan(seerd: Seerd) -> None:
    link = seerd.link()
    models = [{"name": "seer/tiny-gemma2-secret", "is_peft": True, "hidden": True}]
    # Without its packages: what is looked at is the sandbox's own view of mounts and files.
    box = seerd.sandbox(link, models=models, python_packages=[])
    (listed,) = link.call("sandbox.list")["sandboxes"]
    assert listed["models"] == ["model"]
    _, out = link.run(
        box["sandbox"], "sh", "-c",
        "cat /proc/self/mountinfo /proc/*/cmdline /proc/*/environ; ls -lR /models; cat /models/*/*.json",
    )  # fmt: skip
    assert b"m0" in out
    assert b"secret" not in out and b"tiny-gemma2" not in out


LOOK = r"""
import glob, os, subprocess
def text(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""
def sh(command):
    return subprocess.run(command, shell=True, capture_output=True).stdout
mine = ("In", "_ih", "_i", "_i1")
seen = {
    "environ": repr(dict(os.environ)),
    "init's environ": text("/proc/1/environ"),
    "mountinfo": text("/proc/self/mountinfo"),
    "cmdlines": b" ".join(text(p) for p in glob.glob("/proc/[0-9]*/cmdline")),
    "config": repr(model.config),
    "base config": repr(model.get_base_model().config),
    "generation config": repr(model.generation_config),
    "tokenizer": repr(tokenizer) + repr(tokenizer.name_or_path) + repr(tokenizer.init_kwargs),
    "peft": repr(model.peft_config),
    "model": repr(model) + repr(model.name_or_path),
    "globals": repr({k: repr(v) for k, v in globals().items() if k not in mine}),
    "names of files": sh("find /models /root /tmp /run /workspace"),
    "files": sh("cat $(find /models /root /tmp -type f)"),
    "descriptors": sh(f"ls -l /proc/{os.getpid()}/fd"),
    "maps": text("/proc/self/maps"),
}
words = ["se" + "cret", "tiny-" + "gemma", "seer/" + "t"]
for name, what in seen.items():
    what = what if isinstance(what, str) else what.decode("utf-8", "replace")
    for word in words:
        at = what.lower().find(word)
        if at >= 0:
            print("LEAK", name, word, repr(what[max(0, at - 80):at + 80]))
print("looked at", len(seen))
"""


def test_hidden_model_is_nowhere_named_inside(seerd: Seerd) -> None:
    """What a kernel, its files and its processes show of a hidden adapter and its base."""
    link = seerd.link()
    model = {
        "name": "seer/tiny-gemma2-secret",
        "base_model": "seer/tiny-gemma2-it",
        "is_peft": True,
        "hidden": True,
    }
    seerd.sandbox(link, name="h", execution_mode="notebook", models=[model])
    made = link.call("session.create", sandbox="h", cwd=str(seerd.top))
    done = link.call("session.execute", session=made["session"], code=LOOK)
    shown = json.dumps([made["model_info_text"], made["models"]])
    assert "secret" not in shown and "tiny-gemma" not in shown
    assert done["status"] == "ok", done
    assert done["outputs"][0]["text"] == "looked at 15\n"


def test_session_and_its_record(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="nb", execution_mode="notebook")
    lib = [{"name": "mylib", "source": "def f():\n    return 42\n"}]
    make: dict[str, Any] = {"sandbox": "nb", "name": "exp", "cwd": str(seerd.top)}
    one = link.call("session.create", **make, libraries=lib)
    two = link.call("session.create", **make)
    assert one["notebook"] == str(seerd.top / "outputs/exp.ipynb")
    assert two["notebook"] == str(seerd.top / "outputs/exp-2.ipynb")
    assert one["model_info_text"] == "" and len(one["session"]) == 32
    session, url = one["session"], one["jupyter_url"]
    done = link.call("session.execute", session=session[:8], code="import mylib; mylib.f()")
    assert done["status"] == "ok" and done["outputs"][0]["data"]["text/plain"] == "42"
    assert link.call("session.find", session=session, jupyter_url=url)["state"] == "idle"
    for wrong in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        "http://x/",
        two["jupyter_url"][:-5],
    ):
        with pytest.raises(Failed) as refused:
            link.call("session.find", session=session, jupyter_url=wrong)
        assert refused.value.code == "bad_token"
    with pytest.raises(Failed) as refused:
        link.call("session.create", sandbox="nb", libraries=[{"name": "a-b", "source": ""}])
    assert refused.value.code == "bad_parameter"

    # The shim is killed in the middle of a cell: the caller hears it at once, the record is kept.
    number = link.ask(
        "session.execute",
        session=session,
        code="print('kept', flush=True)\nwhile True: pass",
    )
    cell = ""
    while True:
        message = link.recv()
        assert message["id"] == number
        if message["event"] == "cell":
            cell = message["data"]["cell"]
        elif message["data"]["rec"]["t"] == "output":
            break
    os.kill(shim_pid(link), signal.SIGKILL)
    with pytest.raises(Failed) as died:
        link.answer(number)
    assert died.value.code == "kernel_died"
    fate = link.call("session.wait", session=session, cell=cell)
    assert fate["status"] == "died" and fate["outputs"][0]["text"] == "kept\n" and fate["reason"]
    notebook = link.call("session.notebook", session=session)["notebook"]
    assert json.loads(Path(one["notebook"]).read_text())["cells"] == notebook["cells"]
    records: list[dict[str, Any]] = []
    link.call("session.read", lambda e, d: records.append(d), session=session)
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    assert link.call("session.output", session=session, cell=cell)["text"].startswith("kept")
    assert link.call("session.find", session=session)["state"] == "dead"
    with pytest.raises(Failed) as refused:
        link.call("session.execute", session=session, code="1")
    assert refused.value.code == "kernel_died"
    # The same after a restart of the daemon.
    seerd.end()
    seerd.start()
    link = seerd.link()
    assert link.call("session.wait", session=session, cell=cell)["status"] == "died"


def test_record_is_read_the_moment_the_shim_dies(seerd: Seerd) -> None:
    """A request that came before the end of the link was noticed failed, record or not."""
    link = seerd.link()
    seerd.sandbox(link, name="nb", execution_mode="notebook")
    session = link.call("session.create", sandbox="nb", cwd=str(seerd.top))["session"]
    assert link.call("session.execute", session=session, code="1", cell="c1")["status"] == "ok"
    asks = seerd.link()  # a connection that has no link to the shim yet
    asks.call("hello")
    pid = shim_pid(link)
    shim = os.pidfd_open(pid)
    assert seerd.process
    seerd.process.send_signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    assert select.select([shim], [], [], DEADLINE)[0]
    os.close(shim)
    number = asks.ask("session.wait", session=session, cell="c1")
    seerd.process.send_signal(signal.SIGCONT)
    assert asks.answer(number)["status"] == "ok"


def test_daemon_killed_during_a_cell(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="nb", execution_mode="notebook")
    session = link.call("session.create", sandbox="nb", cwd=str(seerd.top))["session"]
    code = "print('a', flush=True)\nopen('/workspace/go').read()\nprint('b')"
    assert link.run("nb", "mkfifo", "/workspace/go")[0] == 0
    link.ask("session.execute", session=session, code=code, cell="c1")
    while link.recv()["event"] != "record":
        pass
    seerd.end(signal.SIGKILL)
    seerd.start()
    link = seerd.link()
    number = link.ask("session.wait", session=session, cell="c1")
    assert seerd.link().run("nb", "sh", "-c", ": > /workspace/go")[0] == 0
    done = link.answer(number)
    assert done["status"] == "ok" and done["outputs"][0]["text"] == "a\nb\n"


def test_port_is_kept_and_seer_port_obeyed(seerd: Seerd) -> None:
    port = seerd.link().call("hello")["http_port"]
    seerd.end()
    seerd.start()
    assert seerd.link().call("hello")["http_port"] == port
    seerd.end()
    with socket.create_server(("127.0.0.1", 0)) as other:
        seerd.env["SEER_PORT"] = str(other.getsockname()[1])
        said = seerd.start()["error"]
        assert "SEER_PORT" in said["hint"]
        seerd.env["SEER_PORT"] = "http"
        assert seerd.start()["error"]["code"] == "bad_parameter"
        (seerd.home / "port").write_text(str(other.getsockname()[1]))
        del seerd.env["SEER_PORT"]  # the port of last time is another program's: any will do
        assert seerd.start()["ready"] is True
        assert seerd.link().call("hello")["http_port"] != other.getsockname()[1]


def test_end_with_open_connections_frees_the_web_front(seerd: Seerd) -> None:
    """libwebsockets' context was never freed: a sanitized seerd ended with status 1."""
    box = seerd.sandbox(seerd.link(), name="c")["sandbox"]
    port = seerd.link().call("hello")["http_port"]
    with (
        socket.create_connection(("127.0.0.1", port)) as idle,
        socket.create_connection(("127.0.0.1", port)) as half,
    ):
        idle.sendall(f"GET /s/{box}/api HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 200 " in idle.recv(65536)  # answered, kept alive
        half.sendall(b"GET /s/")
        assert seerd.end() == 0
    assert "Sanitizer" not in seerd.log.read_text()
    assert seerd.start()["ready"] is True


def test_commands_only_has_no_notebook(seerd: Seerd) -> None:
    link = seerd.link()
    seerd.sandbox(link, name="c")
    with pytest.raises(Failed) as refused:
        link.call("session.create", sandbox="c")
    assert refused.value.code == "unsupported"


def test_lost_registry(seerd: Seerd) -> None:
    """Running sandboxes are found without it."""
    link = seerd.link()
    box = seerd.sandbox(link, name="nb")
    seerd.end()
    for path in seerd.home.glob("registry.db*"):
        path.unlink()
    seerd.start()
    link = seerd.link()
    assert link.run(box["sandbox"], "true") == (0, b"")


def test_interpreter_outside_usr(seerd: Seerd) -> None:
    """A Python below somebody's home is bound at a neutral place; the home stays out of sight."""
    python = shutil.which("python3")
    prefix = subprocess.run(
        [python or "python3", "-c", "import sys; print(sys.base_prefix)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if prefix.startswith("/usr"):
        pytest.skip("this machine's python3 is below /usr")
    link = seerd.link()
    config = {"execution_mode": "cli", "python_packages": ["six"]}
    box = link.call(
        "sandbox.start",
        config=config,
        environ=seerd.environ(SEER_PYTHON=str(python)),
        cwd="/",
    )
    code, out = link.run(
        box["sandbox"], "python", "-c", "import six, sys, ssl; print(sys.base_prefix)"
    )
    assert (code, out) == (0, b"/opt/python\n")
    assert link.run(box["sandbox"], "test", "-e", prefix)[0] != 0


def test_environment_of_a_root_without_the_range(seerd: Seerd) -> None:
    """The builder's folders were given to an id that root of a small container does not have."""
    if subprocess.run(["unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("no user namespaces for us")
    seerd.end()
    seerd.env["SEER_CACHE"] = str(seerd.top / "cache")
    assert seerd.start("unshare", "-Ur")["ready"] is True
    link = seerd.link()
    box = seerd.sandbox(link, python_packages=["six"])
    assert link.run(box["sandbox"], "python", "-c", "import six")[0] == 0


def test_two_daemons_share_a_cache(seerd: Seerd) -> None:
    """Each builds nothing the other is building: one waits for the other's lock."""
    cache = str(seerd.top / "cache")
    seerd.end()
    seerd.env["SEER_CACHE"] = cache
    seerd.start()
    (seerd.top / "o").mkdir()
    other = Seerd(seerd.top / "o", cache)
    other.start()
    done: list[dict[str, Any]] = []

    def one(daemon: Seerd) -> None:
        done.append(daemon.sandbox(daemon.link(), python_packages=["six", "attrs"]))

    both = [threading.Thread(target=one, args=(d,)) for d in (seerd, other)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(DEADLINE)
    assert len(done) == 2
    folders = [p for p in (Path(cache) / "env").iterdir() if not p.name.startswith(".")]
    assert len(folders) == 1
    other.link().call("sandbox.stop", all=True)
    assert other.end() == 0 and other.leftovers() == []


def test_doctor(seerd: Seerd) -> None:
    checks = {c["name"]: c for c in seerd.link().call("doctor")["checks"]}
    assert checks["Python"]["state"] == "ok"
    assert checks["built-in model"]["state"] == "ok"
    assert all(c["mend"] for c in checks.values() if c["state"] != "ok")


def test_shutdown(seerd: Seerd) -> None:
    seerd.link().call("shutdown")
    assert seerd.process and seerd.process.wait(DEADLINE) == 0
    assert seerd.start()["ready"] is True
