#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A seerd that does as a test says: enough of core/proto/frame.h and methods.def to try the client
and the command line against, its death included. Stands as `seerd` beside a copy of `seer`.

FAKE_START: error | exit | silent: how the start goes wrong. FAKE_VERSION: the version it claims.
SEER_HOME/fake.log: one JSON line for each start and each request, over all its lives.
"""

import base64
import json
import os
import socket
import struct
import sys
import threading
from pathlib import Path

HOME = Path(os.environ["SEER_HOME"])
LOG = HOME / "fake.log"


def note(**what):
    with LOG.open("a") as f:
        f.write(json.dumps(what) + "\n")


def seen(method, session=None):
    lines = [json.loads(x) for x in LOG.read_text().splitlines()]
    return [x for x in lines if x.get("method") == method
            and (session is None or x["params"].get("session") == session)]  # fmt: skip


def run_folder():
    h = 0xCBF29CE484222325
    for byte in os.fsencode(os.path.realpath(HOME)):
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "seer" / f"{h:016x}"


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def output(cell, out):
    return {"t": "output", "cell": cell, "output": out}


class Failure(Exception):
    def __init__(self, code, message, hint=""):
        super().__init__(message)
        self.fields = {"kind": "user", "code": code, "message": message, "hint": hint}


class Connection:
    def __init__(self, sock):
        self.sock, self.lock, self.cancelled = sock, threading.Lock(), {}

    def send(self, **message):
        data = json.dumps(message).encode()
        with self.lock:
            self.sock.sendall(struct.pack("<I", len(data)) + data)

    def serve(self):
        f = self.sock.makefile("rb")
        while head := f.read(4):
            message = json.loads(f.read(struct.unpack("<I", head)[0]))
            n = message["id"]
            if message.get("cancel"):
                self.cancelled[n].set()
                continue
            self.cancelled[n] = threading.Event()
            threading.Thread(target=self.answer, args=(n, message), daemon=True).start()

    def answer(self, n, message):
        method, params = message["method"], message["params"]
        note(method=method, params=params)
        try:
            handler = globals()["do_" + method.replace(".", "_")]
            result = handler(params, lambda e, d: self.send(id=n, event=e, data=d),
                             self.cancelled[n])  # fmt: skip
            self.send(id=n, result=result)
        except Failure as why:
            self.send(id=n, error=why.fields)
        if method == "shutdown":
            os._exit(0)


def do_hello(p, event, cancelled):
    return {"version": os.environ.get("FAKE_VERSION", p["version"]), "pid": os.getpid(),
            "home": str(HOME), "http": "http://127.0.0.1:1"}  # fmt: skip


def do_shutdown(p, event, cancelled):
    return {}


def do_doctor(p, event, cancelled):
    state = os.environ.get("FAKE_DOCTOR", "ok")
    return {
        "checks": [
            {"name": "namespaces", "state": state, "found": "it", "mend": "do that"}
        ]
    }


def do_sandbox_list(p, event, cancelled):
    return {"sandboxes": []}


def do_sandbox_start(p, event, cancelled):
    event("progress", {"stage": "python", "state": "start", "text": "Building"})
    event(
        "progress",
        {"stage": "python", "state": "line", "text": "\x1b[31mhalf\n", "fraction": 0.5},
    )
    event("progress", {"stage": "python", "state": "done", "text": "Built"})
    if p["config"].get("gpu"):
        raise Failure(
            "no_gpu", "this machine has no GPU", "set SEER_GPU=none to run on the CPU"
        )
    return {
        "sandbox": "abc",
        "name": p.get("name", "abc"),
        "isolation": "namespaces",
        "notes": ["n1"],
    }


def do_session_create(p, event, cancelled):
    if p.get("name") == "fails":
        raise Failure("library", "no such library")
    return {"session": "0" * 32, "sandbox": p["sandbox"], "jupyter_url": "http://x/s/abc/?token=t",
            "notebook": "/n.ipynb", "model_info_text": "### Pre", "models": []}  # fmt: skip


def do_sandbox_stop(p, event, cancelled):
    return {"stopped": ["abc"] if p.get("all") else [p["sandbox"]]}


def do_sandbox_exec(p, event, cancelled):
    if p["argv"][0] == "hang":
        event(
            "out", {"stream": "stdout", "data64": base64.b64encode(b"on it\n").decode()}
        )
        cancelled.wait()
        return {"signal": 9, "timed_out": False, "seconds": 1.0, "dropped": 0}
    data = base64.b64decode(p.get("stdin64", "")) + b"\xff\x1b]0;x\x07"
    event("out", {"stream": "stdout", "data64": base64.b64encode(data).decode()})
    event("out", {"stream": "stderr", "data64": base64.b64encode(b"err\n").decode()})
    if p["argv"][0] == "signal":
        return {"signal": 11, "timed_out": False, "seconds": 1.0, "dropped": 0}
    return {
        "exit_code": int(p["argv"][1]),
        "timed_out": False,
        "seconds": 1.0,
        "dropped": 0,
    }


def do_sandbox_logs(p, event, cancelled):
    event("line", {"time_ns": 1764000000000000000, "source": "init", "text": "up"})
    if p.get("follow"):
        cancelled.wait()
    return {}


def do_session_interrupt(p, event, cancelled):
    INTERRUPT.set()
    return {"was_busy": True, "cell": "c"}


INTERRUPT = threading.Event()


def records(cell):
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE\x1b[0m: v"],
    }
    return [{"t": "start", "cell": cell}, output(cell, stream("one\n")),
            output(cell, stream("two\n", "stderr")), output("other", stream("not ours\n")),
            output(cell, {"output_type": "execute_result", "data": {"text/plain": "42"}}),
            output(cell, error)]  # fmt: skip


def play(cell, event, first, last):
    event("cell", {"cell": cell})
    for seq, rec in enumerate(records(cell), 1):
        if first <= seq <= last:
            event("record", {"seq": seq, "time_ns": 1, "rec": rec})


def end(cell, status="ok", **more):
    return {
        "cell": cell,
        "status": status,
        "execution_count": 1,
        "outputs": [],
        "truncated": [],
        **more,
    }


def do_session_execute(p, event, cancelled):
    cell, session = p["cell"], p["session"]
    if session == "none":
        raise Failure(
            "no_such_session", "there is no session none", "`seer ps` lists them"
        )
    if session == "dies-early" and len(seen("session.execute", session)) == 1:
        os._exit(9)
    if session == "dies":
        play(cell, event, 1, 3)
        os._exit(9)
    if session == "always-dies":
        os._exit(9)
    if session == "hang":
        event("cell", {"cell": cell})
        INTERRUPT.wait()
        return end(cell, "interrupted")
    if session == "kernel-dies":
        return end(cell, "died", reason="out of memory")
    play(cell, event, 1, 6 if session == "error" else 5)
    return end(cell, "error" if session == "error" else "ok")


def do_session_wait(p, event, cancelled):
    if p["session"] == "dies-early":
        raise Failure("no_such_cell", "no cell")
    if p["session"] == "always-dies":
        os._exit(9)
    play(p["cell"], event, 1, 5)
    return end(p["cell"])


def main():
    note(started=os.getpid(), session=os.getsid(0) == os.getpid(), cwd=os.getcwd(),
         fds=sorted(int(x) for x in os.listdir("/proc/self/fd"))[:-1])  # fmt: skip
    how = os.environ.get("FAKE_START")
    if how == "exit":
        sys.exit("something is wrong")
    if how == "error":
        os.write(
            3,
            json.dumps(
                {"error": Failure("disk_full", "the disk is full").fields}
            ).encode()
            + b"\n",
        )
        sys.exit(1)
    path = run_folder() / "d.sock"
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(64)
    os.write(3, b'{"ready": true}\n')
    os.close(3)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=Connection(sock).serve, daemon=True).start()


main()
