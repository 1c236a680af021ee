# SPDX-License-Identifier: Apache-2.0
"""seer-shim driven by hand: an order on its standard input, frames on its socket, no seerd."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("SEER_TEST_BUILD", "build") / "bin"
CACHE = Path(os.environ.get("SEER_TEST_CACHE") or os.path.expanduser("~/.cache/seer-tests"))
DEADLINE = 60.0
ENV = {
    "PATH": "/opt/env/bin:/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
    "PYTHONPATH": "/opt/seer/lib", "SECRET": "hush",
}  # fmt: skip


class Failed(Exception):
    def __init__(self, error: dict[str, Any]):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.hint = error["code"], error.get("hint", "")


class Call:
    """A request in flight: its events so far, its answer once it is there."""

    def __init__(self, link: Link, number: int):
        self.link, self.number = link, number
        self.events: list[tuple[str, Any]] = []
        self.answer: dict[str, Any] | None = None

    def wait(self) -> Any:
        while self.answer is None:
            self.link.turn()
        if "error" in self.answer:
            raise Failed(self.answer["error"])
        return self.answer["result"]

    def until(self, found: Callable[[str, Any], bool]) -> Any:
        """The data of the first event that is meant."""
        while True:
            for name, data in self.events:
                if found(name, data):
                    return data
            assert self.answer is None, f"answered without it: {self.answer}"
            self.link.turn()

    def records(self) -> list[Any]:
        return [data for name, data in self.events if name == "record"]

    def cancel(self) -> None:
        self.link.send({"id": self.number, "cancel": True})


class Link:
    """One connection to a shim."""

    def __init__(self, path: Path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(path))
        self.calls: dict[int, Call] = {}
        self.data = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message).encode()
        self.sock.sendall(struct.pack("<I", len(text)) + text)

    def start(self, method: str, **params: Any) -> Call:
        number = len(self.calls) + 1
        self.calls[number] = Call(self, number)
        self.send({"id": number, "method": method, "params": params})
        return self.calls[number]

    def __call__(self, method: str, **params: Any) -> Any:
        return self.start(method, **params).wait()

    def frame(self) -> Any:
        while len(self.data) < 4 or len(self.data) < 4 + struct.unpack_from("<I", self.data)[0]:
            more = self.sock.recv(1 << 20)
            if not more:
                raise ConnectionError("the shim closed the connection")
            self.data += more
        size = struct.unpack_from("<I", self.data)[0]
        message = json.loads(self.data[4 : 4 + size])
        del self.data[: 4 + size]
        return message

    def turn(self) -> None:
        message = self.frame()
        call = self.calls[message["id"]]
        if "event" in message:
            call.events.append((message["event"], message["data"]))
        else:
            call.answer = message

    def close(self) -> None:
        self.sock.close()


class Shim:
    def __init__(self, top: Path, mounts: list[dict[str, Any]], home: Path | None = None,
                 **order: Any):  # fmt: skip
        self.id = secrets.token_hex(6)
        self.home = home or top / "home"
        self.dir, self.run = self.home / "sandboxes" / self.id, top / "run" / self.id
        self.log = top / "logs" / f"{self.id}.log"
        for folder in (self.home / "sandboxes", self.run.parent, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        plan = {
            "id": self.id, "hostname": "seer", "dir": str(self.dir), "isolation": "namespaces",
            "network": "none", "limits": {"memory": 1 << 30, "pids": 200}, "env": ENV,
            "mounts": mounts, "files": [], **order.pop("plan", {}),
        }  # fmt: skip
        text = json.dumps({
            "v": 1, "sandbox": self.id, "name": "test", "home": str(self.home), "run": str(self.run),
            "cache": str(CACHE), "log": str(self.log), "timeout": 0,
            "python": "/opt/env/bin/python", "plan": plan, **order,
        })  # fmt: skip
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" 3>&{theirs} {theirs}>&-', str(BIN / "seer-shim")],
            stdin=subprocess.PIPE, pass_fds=[theirs], start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.close()
        with os.fdopen(ours) as answer:
            self.answer = json.loads(answer.readline() or "{}")
        self.links: list[Link] = []

    def link(self) -> Link:
        self.links.append(Link(self.run / "shim.sock"))
        return self.links[-1]

    def session(self, link: Link, **params: Any) -> tuple[str, Any]:
        session = secrets.token_hex(16)
        notebook = str(self.home.parent / "outputs" / f"{session[:6]}.ipynb")
        result = link("shim.session", **{
            "session": session, "name": "nb", "notebook": notebook, "models": [], **params,
        })  # fmt: skip
        return session, result

    def wait_gone(self) -> None:
        assert self.process.wait(DEADLINE) == 0, self.log.read_text()
        self.assert_clean()

    def assert_clean(self) -> None:
        assert not self.run.exists() and not self.dir.exists()
        for top, folders, _ in os.walk("/sys/fs/cgroup"):
            assert not [f for f in folders if self.id in f], top
        assert self.id not in Path("/proc/self/mountinfo").read_text()

    def end(self) -> None:
        for link in self.links:
            link.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.wait_gone()


def reap(shim: Shim) -> Any:
    done = subprocess.run(
        [BIN / "seer-shim", "--reap", shim.dir], capture_output=True, text=True, timeout=DEADLINE
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def mounts() -> list[dict[str, Any]]:
    """A small Python environment with ipykernel, as the guest is to see it."""
    env, prefix = CACHE / "shim-env", Path(sys.base_prefix).resolve()
    inside = prefix if prefix.is_relative_to("/usr") else Path("/opt/python")
    if not (env / "ready").exists():
        shutil.rmtree(env, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", env], check=True)
        subprocess.run(
            [
                env / "bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "--only-binary",
                ":all:",
                "ipykernel",
            ],
            check=True,
        )
        link = env / "bin/python"
        link.unlink()
        link.symlink_to(inside / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
        (env / "ready").touch()
    found = [{"type": "overlay", "lower": [str(env)], "dst": "/opt/env"}]
    if inside != prefix:
        found.append({"type": "bind", "src": str(prefix), "dst": str(inside), "writable": False})
    return found


@pytest.fixture
def shims(mounts: list[dict[str, Any]]) -> Iterator[Callable[..., Shim]]:
    top = Path(tempfile.mkdtemp(prefix="seer-shim-", dir="/tmp"))  # short: socket paths
    made: list[Shim] = []

    def make(**order: Any) -> Shim:
        made.append(Shim(top, mounts, **order))
        return made[-1]

    yield make
    for shim in made:
        shim.end()
        text = shim.log.read_text(errors="replace") if shim.log.exists() else ""
        assert "Sanitizer" not in text and "runtime error" not in text, text
    shutil.rmtree(top)


@pytest.fixture
def shim(shims: Callable[..., Shim]) -> Shim:
    made = shims()
    assert made.answer.get("ready"), made.answer
    return made


def text_of(result: Any) -> str:
    return "".join(o["text"] for o in result["outputs"] if o["output_type"] == "stream")


def ends_line(name: str, data: Any) -> bool:
    """print() may come in pieces; this is the one with the newline."""
    return name == "record" and data["rec"].get("output", {}).get("text", "").endswith("\n")


def out_of(call: Call, stream: str = "stdout") -> bytes:
    return b"".join(
        base64.b64decode(d["data64"])
        for n, d in call.events
        if n == "out" and d["stream"] == stream
    )


# ---------------------------------------------------------------------- life


def test_ready_and_stop(shim: Shim) -> None:
    assert shim.answer["sandbox"] == shim.id and shim.answer["pid"] == shim.process.pid
    assert shim.answer["isolation"] == "namespaces"
    assert "hush" not in (shim.dir / "order.json").read_text()
    link = shim.link()
    status = link("shim.status")
    assert status["state"] == "ready" and status["sessions"] == []
    assert link("shim.stop") == {}
    shim.wait_gone()


def test_a_failed_start_leaves_nothing(shims: Callable[..., Shim]) -> None:
    shim = shims(plan={"mounts": [{"type": "bind", "src": "/no/such", "dst": "/x"}]})
    assert "error" in shim.answer, shim.answer
    assert shim.process.wait(DEADLINE) == 1
    shim.assert_clean()


def test_nonsense_is_refused() -> None:
    for text in (b"", b"{}", b"[1]", b'{"v": 2}', b"\xff" * 100):
        done = subprocess.run(
            [BIN / "seer-shim"], input=text, capture_output=True, timeout=DEADLINE
        )
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["message"]


def test_timeout_ends_the_sandbox(shims: Callable[..., Shim]) -> None:
    shim = shims(timeout=1)
    shim.wait_gone()
    assert "its time was over" in shim.log.read_text()


def test_death_of_pid_1(shim: Shim) -> None:
    link = shim.link()
    session, _ = shim.session(link)
    call = link.start("session.execute", session=session, code="import time; time.sleep(1e6)")
    call.until(lambda n, d: n == "record" and d["rec"]["t"] == "start")
    children = Path(f"/proc/{shim.process.pid}/task/{shim.process.pid}/children").read_text()
    for pid in children.split():
        os.kill(int(pid), signal.SIGKILL)
    result = call.wait()
    assert result["status"] == "died" and "first process" in result["reason"]
    shim.wait_gone()


# ---------------------------------------------------------------------- exec


def test_exec(shim: Shim) -> None:
    link = shim.link()

    def run(*argv: str, **params: Any) -> tuple[Any, Call]:
        call = link.start("sandbox.exec", sandbox=shim.id, argv=list(argv), **params)
        return call.wait(), call

    result, call = run("sh", "-c", "echo out; echo err >&2; pwd; exit 3")
    assert result["exit_code"] == 3 and not result["timed_out"] and result["dropped"] == 0
    assert out_of(call) == b"out\n/workspace\n" and out_of(call, "stderr") == b"err\n"
    _, call = run("sh", "-c", "echo a; echo b >&2; echo c", merge=True)
    assert out_of(call) == b"a\nb\nc\n"
    _, call = run("cat", stdin64=base64.b64encode(b"x" * 3_000_000).decode())
    assert out_of(call) == b"x" * 3_000_000
    _, call = run("sh", "-c", 'echo "$A$SECRET$HOME"', env={"A": "1", "HOME": None})
    assert out_of(call) == b"1hush\n"
    result, _ = run("sh", "-c", "kill -9 $$")
    assert result["signal"] == 9 and "exit_code" not in result
    result, call = run("head", "-c", "1000000", "/dev/zero", cap=1000)
    assert len(out_of(call)) == 1000 and result["dropped"] == 999_000
    for params, code in (
        ({"argv": ["no-such"]}, "no_such_file"), ({"argv": []}, "bad_parameter"),
        ({"argv": ["true"], "cwd": "/nowhere"}, "no_such_file"),
        ({"argv": ["true"], "env": {"A=B": "c"}}, "bad_parameter"),
        ({"argv": ["true", "x" * 200_000]}, "bad_parameter"),
        ({"argv": ["true"], "stdin64": "%"}, "bad_parameter"),
    ):  # fmt: skip
        with pytest.raises(Failed) as caught:
            link("sandbox.exec", **{"sandbox": shim.id, **params})
        assert caught.value.code == code, params


def test_exec_ends(shim: Shim) -> None:
    link = shim.link()
    slow = link.start("sandbox.exec", sandbox=shim.id, argv=["sleep", "1000"], timeout=0.3)
    gone = link.start("sandbox.exec", sandbox=shim.id, argv=["sh", "-c", "echo x; sleep 1000"])
    left = link.start("sandbox.exec", sandbox=shim.id, argv=["sh", "-c", "sleep 1000 & echo done"])
    result = slow.wait()
    assert result["timed_out"] and result["signal"] == 9 and result["seconds"] < 10
    assert left.wait()["exit_code"] == 0 and out_of(left) == b"done\n"
    gone.until(lambda n, d: n == "out")
    gone.cancel()
    assert gone.wait()["signal"] == 9


def test_exec_flood_waits_for_a_slow_reader(shim: Shim) -> None:
    slow, link = shim.link(), shim.link()
    size = 200 << 20
    call = slow.start("sandbox.exec", sandbox=shim.id, argv=["head", "-c", str(size), "/dev/zero"])
    # Nobody reads `slow`; the other connection is served, and the shim does not grow.
    for _ in range(20):
        assert link("sandbox.exec", sandbox=shim.id, argv=["true"])["exit_code"] == 0
    rss = next(
        line for line in Path(f"/proc/{shim.process.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )  # fmt: skip
    assert int(rss.split()[1]) < (300 if "asan" in str(BIN) else 100) << 10
    total = 0
    while call.answer is None:
        slow.turn()
        total += sum(len(base64.b64decode(d["data64"])) for _, d in call.events)
        call.events.clear()
    assert total == size and call.wait()["exit_code"] == 0


# ------------------------------------------------------------------ sessions


def test_cells(shim: Shim) -> None:
    link = shim.link()
    session, made = shim.session(link)
    assert made["models"] == [] and made["model_info_text"] == ""
    call = link.start("session.execute", session=session, code="print('hi'); 1+1", origin="sdk")
    result = call.wait()
    assert result["status"] == "ok" and result["execution_count"] == 1
    assert text_of(result) == "hi\n" and result["outputs"][1]["data"]["text/plain"] == "2"
    assert call.events[0] == ("cell", {"cell": result["cell"]})
    kinds = [r["rec"]["t"] for r in call.records()]
    assert kinds == ["start", "output", "output", "end"]
    seqs = [r["seq"] for r in call.records()]
    assert seqs == list(range(seqs[0], seqs[0] + 4))
    error = link("session.execute", session=session, code="1/0", cell="my-cell")
    assert error["status"] == "error" and error["outputs"][0]["ename"] == "ZeroDivisionError"
    again = link("session.execute", session=session, code="1/0", cell="my-cell")
    assert again == error, "a repeated request joins the cell"
    with pytest.raises(Failed):
        link("session.execute", session=session, code="2", cell="my-cell")
    markdown = link("session.markdown", session=session, markdown="# Title")
    waited = link.start("session.wait", session=session, cell=result["cell"])
    assert waited.wait() == result
    assert [r["rec"]["t"] for r in waited.records()] == ["cell", *kinds]
    notebook = json.loads(Path(made["notebook"]).read_text())
    ids = [c["id"] for c in notebook["cells"]]
    assert ids[-3:] == [result["cell"], "my-cell", markdown["cell"]]
    assert link("session.notebook", session=session)["path"] == made["notebook"]
    status = link("shim.status")["sessions"][0]
    assert (status["state"], status["cells"]) == ("idle", 2)


def test_long_output(shim: Shim) -> None:
    link = shim.link()
    session, _ = shim.session(link)
    code = "for i in range(20000): print('line', i, 'é')"
    result = link("session.execute", session=session, code=code, max_bytes=5000)
    assert len(text_of(result)) < 10_000 and result["truncated"][0]["bytes"] > 100_000
    text, at = "", 0
    while True:
        page = link("session.output", session=session, cell=result["cell"], offset=at, length=9999)
        text += page["text"]
        if "next" not in page:
            break
        at = page["next"]
    assert text == "".join(f"line {i} é\n" for i in range(20000))
    assert page["total"] == len(text.encode())
    for params in ({"cell": "none"}, {"cell": result["cell"], "index": 9}):
        with pytest.raises(Failed):
            link("session.output", session=session, **params)


def test_read_follows_without_gap(shim: Shim) -> None:
    link, reader = shim.link(), shim.link()
    session, _ = shim.session(link)
    link("session.execute", session=session, code="print(1)")
    follow = reader.start("session.read", session=session, follow=True, **{"from": 2})
    link("session.execute", session=session, code="print(2)")
    follow.until(lambda n, d: d["rec"]["t"] == "end" and d["rec"]["count"] == 2)
    seqs = [r["seq"] for r in follow.records()]
    assert seqs == list(range(2, seqs[-1] + 1))
    follow.cancel()
    assert follow.wait()["next"] == seqs[-1] + 1
    page = link.start("session.read", session=session, limit=3)
    assert page.wait()["next"] == 4 and [r["seq"] for r in page.records()] == [1, 2, 3]
    end = link.start("session.read", session=session)
    assert end.wait()["next"] == seqs[-1] + 1
    assert end.records()[1:] == follow.records()


def test_flood_of_output(shim: Shim) -> None:
    link, slow = shim.link(), shim.link()
    session, _ = shim.session(link)
    follow = slow.start("session.read", session=session, follow=True)
    code = "import sys\nfor i in range(4000): print(str(i) * 2500 if i % 2 else 'x' * 10000)"
    call = link.start("session.execute", session=session, code=code, max_bytes=10_000)
    assert call.wait()["status"] == "ok"
    own = [r["seq"] for r in call.records()]
    assert own == list(range(own[0], own[0] + len(own)))
    printed = sum(len(r["rec"]["output"]["text"]) for r in call.records() if "output" in r["rec"])
    assert printed == sum(len(str(i)) * 2500 + 1 if i % 2 else 10_001 for i in range(4000))
    follow.until(lambda n, d: d["rec"]["t"] == "end")  # it read nothing until now
    seqs = [r["seq"] for r in follow.records()]
    assert seqs == list(range(1, own[-1] + 1))


def test_interrupt_aborts_the_queue(shim: Shim) -> None:
    link = shim.link()
    session, _ = shim.session(link)
    running = link.start("session.execute", session=session, code="import time\ntime.sleep(1e6)")
    queued = link.start("session.execute", session=session, code="print('never')")
    cell = queued.until(lambda n, d: n == "cell")["cell"]
    said = link("session.interrupt", session=session)
    assert said["was_busy"] and said["cell"] != cell
    assert running.wait()["status"] == "interrupted"
    assert queued.wait()["status"] == "aborted"
    assert link("session.interrupt", session=session) == {"was_busy": False}
    assert text_of(link("session.execute", session=session, code="print(5)")) == "5\n"


def test_interrupts_at_once(shim: Shim) -> None:
    """At every point of a cell's beginning an interrupt ends it, and the kernel goes on."""
    link = shim.link()
    session, _ = shim.session(link)
    for i in range(40):
        code = "import time\nfor _ in range(20): time.sleep(1)"
        running = link.start("session.execute", session=session, code=code)
        if i % 2:
            running.until(lambda n, d: n == "record" and d["rec"]["t"] == "start")
        link("session.interrupt", session=session)
        assert running.wait()["status"] == "interrupted", shim.log.read_text()
    assert text_of(link("session.execute", session=session, code="print(7)")) == "7\n"


def test_timeout_of_a_call_and_reconnect(shim: Shim) -> None:
    link = shim.link()
    session, _ = shim.session(link)
    code = "import os, time\nprint('a', flush=True)\nwhile not os.path.exists('/tmp/go'): time.sleep(.01)"
    result = link("session.execute", session=session, code=code, timeout=1)
    assert result["status"] == "timeout" and text_of(result) == "a\n"
    link.close()
    again = shim.link()
    waiting = again.start("session.wait", session=session, cell=result["cell"])
    waiting.until(ends_line)
    again("sandbox.exec", sandbox=shim.id, argv=["touch", "/tmp/go"])
    assert waiting.wait()["status"] == "ok"


def test_late_output_and_input(shim: Shim) -> None:
    link = shim.link()
    session, made = shim.session(link)
    refused = link("session.execute", session=session, code="input()")
    assert refused["status"] == "error" and "Stdin" in refused["outputs"][0]["ename"]
    code = "import threading\nthreading.Timer(.2, lambda: print('late')).start()"
    cell = link("session.execute", session=session, code=code)["cell"]
    follow = link.start("session.read", session=session, follow=True)
    late = follow.until(lambda n, d: d["rec"].get("output", {}).get("text") == "late\n")
    assert late["rec"]["cell"] == cell


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(7)", "exit code 7"), ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("x = bytearray(3 << 30)\nx[::4096] = x[::4096]", "out of memory"),
    ],
)  # fmt: skip
def test_kernel_death(shim: Shim, code: str, reason: str) -> None:
    link = shim.link()
    session, made = shim.session(link)
    # What is still in the dying process's own queue nobody can save: wait until it is here.
    wait = "import os, time\nprint('said')\nwhile not os.path.exists('/tmp/go'): time.sleep(.01)\n"
    call = link.start("session.execute", session=session, code=wait + code)
    queued = link.start("session.execute", session=session, code="1")
    call.until(ends_line)
    link("sandbox.exec", sandbox=shim.id, argv=["touch", "/tmp/go"])
    result = call.wait()
    assert result["status"] == "died" and reason in result["reason"], shim.log.read_text()
    assert text_of(result) == "said\n"
    assert queued.wait()["status"] == "aborted"
    with pytest.raises(Failed) as caught:
        link("session.execute", session=session, code="2")
    assert caught.value.code == "kernel_died" and reason in str(caught.value)
    assert link("shim.status")["sessions"][0]["state"] == "dead"
    assert link("sandbox.exec", sandbox=shim.id, argv=["true"])["exit_code"] == 0
    assert "said" in Path(made["notebook"]).read_text()
    assert shim.session(link)[1]["models"] == []


def test_failed_start_of_a_session(shim: Shim) -> None:
    link = shim.link()
    before = sorted((shim.home / "sessions").glob("*")) if (shim.home / "sessions").exists() else []
    library = {"name": "steer", "source": "x = 1"}
    with pytest.raises(Failed) as caught:
        model = {"name": "m", "var": "model", "path": "/models/none", "is_peft": False,
                 "hidden": False}  # fmt: skip
        shim.session(link, models=[model], libraries=[library])
    assert caught.value.code
    pending = link.start(
        "shim.session", session=secrets.token_hex(16), name="nb", models=[],
        notebook=str(shim.home / "cancelled.ipynb"),
    )  # fmt: skip
    pending.until(lambda n, d: n == "progress")
    pending.cancel()
    with pytest.raises(Failed) as caught:
        pending.wait()
    assert caught.value.code == "cancelled"
    for name in ("a b", "", "../x"):
        with pytest.raises(Failed):
            shim.session(link, name=name)
    assert sorted((shim.home / "sessions").glob("*")) == before
    assert link("shim.status")["sessions"] == [] and not list(shim.home.glob("*.ipynb"))
    session, _ = shim.session(link, libraries=[library])
    assert (
        text_of(link("session.execute", session=session, code="import steer; print(steer.x)"))
        == "1\n"
    )


def test_logs(shim: Shim) -> None:
    link = shim.link()
    session, _ = shim.session(link)
    follow = link.start("sandbox.logs", sandbox=shim.id, follow=True)
    code = "import os; _ = os.write(2, b'to the log\\x1b[0m\\n2026-01-01T00:00:00.000000Z info fake\\n')"
    link("session.execute", session=session, code="import os; x = os.dup(2)")
    link("sandbox.exec", sandbox=shim.id, argv=["true"])
    link("session.execute", session=session, code=code.replace("write(2", "write(1"))
    with contextlib.suppress(StopIteration):
        follow.until(lambda n, d: d["source"] == "shim" and "ready" in d["text"])
    plain = link.start("sandbox.logs", sandbox=shim.id)
    assert plain.wait() == {}
    assert all(d["time_ns"] > 0 for n, d in plain.events)
    assert not [d for n, d in plain.events if d["source"] == "shim" and "fake" in d["text"]]
    follow.cancel()
    assert follow.wait() == {}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo garbage >&3; sleep 1000", "boot_failed"),
        ("head -c 3000000 /dev/zero | tr '\\0' x >&3; sleep 1000", "boot_failed"),
        ("echo '{\"event\": \"models\", \"models\": [7]}' >&3; sleep 1000", "boot_failed"),
        ("echo '{\"event\": 3}' >&3", "boot_failed"),
        ("yes '{\"event\": \"progress\", \"text\": 1}' >&3 & sleep .1; kill $!", "kernel_died"),
        ("echo '{\"event\": \"failed\", \"code\": [], \"message\": null}' >&3", "boot_failed"),
        ("echo '{\"event\": \"ready\"}' >&3; sleep 1000", None),
        ("ln -s /etc/passwd /run/seer/k; echo last words >&2; exit 5", "kernel_died"),
        ("exec 3>&-; kill -9 $$", "kernel_died"),
    ],
)  # fmt: skip
def test_a_hostile_boot(shims: Callable[..., Shim], tmp_path: Path, mounts: list[dict[str, Any]],
                        script: str, code: str | None) -> None:  # fmt: skip
    (tmp_path / "python").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "python").chmod(0o755)
    tmp_path.chmod(0o755)
    bind = {"type": "bind", "src": str(tmp_path), "dst": "/hostile", "writable": False}
    shim = shims(python="/hostile/python", plan={"mounts": [*mounts, bind]})
    link = shim.link()
    with pytest.raises(Failed) as caught:
        shim.session(link)
    assert caught.value.code == code or code is None, caught.value
    if "last words" in script:
        assert "last words" in str(caught.value) and "exit code 5" in str(caught.value)
    assert link("shim.status")["sessions"] == []
    assert link("sandbox.exec", sandbox=shim.id, argv=["true"])["exit_code"] == 0


# -------------------------------------------------------------- the hard ways


def test_stop_ends_a_running_cell(shim: Shim) -> None:
    link, other = shim.link(), shim.link()
    session, made = shim.session(link)
    call = link.start(
        "session.execute", session=session, code="print('x', flush=True)\nwhile True: pass"
    )
    queued = link.start("session.execute", session=session, code="1")
    call.until(ends_line)
    stopped = other.start("shim.stop")
    result = call.wait()
    assert result["status"] == "died" and result["reason"] == "the sandbox was stopped"
    assert text_of(result) == "x\n" and queued.wait()["status"] == "aborted"
    assert stopped.wait() == {}
    shim.wait_gone()
    about = json.loads((shim.home / "sessions" / session / "session.json").read_text())
    assert about["ended"] and about["notebook"] == made["notebook"]
    assert "the sandbox was stopped" in Path(made["notebook"]).read_text()


def test_kill_9_and_reap(shim: Shim) -> None:
    link = shim.link()
    session, made = shim.session(link)
    code = "import time\nfor i in range(10**9): print(i, flush=True); time.sleep(.001)"
    call = link.start("session.execute", session=session, code=code)
    queued = link.start("session.execute", session=session, code="1")
    call.until(lambda n, d: n == "record" and d["seq"] > 50)
    assert reap(shim)["error"]["code"] == "busy", "a living shim is not reaped"
    children = (
        Path(f"/proc/{shim.process.pid}/task/{shim.process.pid}/children").read_text().split()
    )
    inside = [os.pidfd_open(int(pid)) for pid in children]
    shim.process.kill()
    shim.process.wait()
    acknowledged = ""
    with contextlib.suppress(ConnectionError):
        while True:
            link.turn()
    for record in call.records():
        acknowledged += record["rec"].get("output", {}).get("text", "")
    for fd in inside:
        assert select.select([fd], [], [], DEADLINE)[0], "the guest outlived its shim"
        os.close(fd)
    assert reap(shim) == {"ready": True}
    shim.assert_clean()
    notebook = json.loads(Path(made["notebook"]).read_text())
    cells = {c["id"]: c for c in notebook["cells"]}
    first = cells[call.events[0][1]["cell"]]
    printed = "".join("".join(o["text"]) for o in first["outputs"] if o["output_type"] == "stream")
    assert printed.startswith(acknowledged) and len(acknowledged) > 50
    assert "supervisor" in json.dumps(first) and "aborted" in json.dumps(
        cells[queued.events[0][1]["cell"]]
    )
    before = (shim.home / "sessions" / session / "journal").read_bytes()
    assert reap(shim) == {"ready": True}
    assert (shim.home / "sessions" / session / "journal").read_bytes() == before
    assert list(Path(made["notebook"]).parent.glob("*")) == [Path(made["notebook"])]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root to be mounted")
    top = Path(tempfile.mkdtemp(prefix="seer-disk-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "seer-test", top], check=True)
    yield top
    subprocess.run(["umount", "-l", top], check=True)
    top.rmdir()


def test_disk_full(shims: Callable[..., Shim], small_disk: Path) -> None:
    shim = shims(plan={})
    # Only the sessions stand on the small disk; the sandbox's own layers are elsewhere.
    (small_disk / "sessions").mkdir()
    (shim.home / "sessions").symlink_to(small_disk / "sessions")
    link = shim.link()
    session, _ = shim.session(link)
    code = "import sys\nfor i in range(3000): print('y' * 8000)\nprint('the end')"
    with pytest.raises(Failed) as caught:
        link("session.execute", session=session, code=code)
    assert caught.value.code == "disk_full" and caught.value.hint, caught.value
    with contextlib.suppress(OSError), open(small_disk / "filler", "wb", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass
    with pytest.raises(Failed) as caught:  # longer than what a last page may have left
        link("session.execute", session=session, code="1 #" + "x" * 8192)
    assert caught.value.code == "disk_full"
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    result = link("session.execute", session=session, code="print('again')")
    assert result["status"] == "ok" and text_of(result) == "again\n"
    read = link.start("session.read", session=session)
    read.wait()
    dropped = [r["rec"] for r in read.records() if r["rec"]["t"] == "dropped"]
    assert len(dropped) == 1 and dropped[0]["bytes"] > 10_000_000
    seqs = [r["seq"] for r in read.records()]
    assert seqs == list(range(1, len(seqs) + 1))
