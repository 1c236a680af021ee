# SPDX-License-Identifier: Apache-2.0
"""Plays the shim for guest/boot.py: starts it as plain Python and speaks the boot protocol."""

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient

BOOT = Path(__file__).resolve().parents[2] / "guest" / "boot.py"


class Boot:
    def __init__(
        self,
        folder,
        models=(),
        libraries=(),
        python=sys.executable,
        python_flags=(),
        env=None,
        send=True,
        **config,
    ):
        folder = Path(folder)
        self.connection = {
            "transport": "ipc",
            "ip": str(folder / ("k" + secrets.token_hex(3))),
            **{
                f"{name}_port": i
                for i, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)
            },
            "key": secrets.token_hex(32),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "python3",
        }
        config = {
            "session": "s" * 32,
            "connection": self.connection,
            "models": list(models),
            "libraries": list(libraries),
            "workdir": str(folder / "workspace"),
            "lib_dir": str(folder / "lib"),
            **config,
        }
        home = folder / "home"
        home.mkdir(exist_ok=True)
        self.log_path = folder / "log"
        ours, theirs = socket.socketpair()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HF_HUB_OFFLINE": "1",
            # The packages may lie beside the interpreter that runs the tests (tools/guestenv.py).
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **(env or {}),
        }
        with open(self.log_path, "ab") as log, theirs:
            self.process = subprocess.Popen(
                [python, *python_flags, str(BOOT), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=folder,
            )
        ours.settimeout(120)
        self.socket = ours
        self.lines = ours.makefile("r", encoding="utf-8")
        if send:
            ours.sendall(json.dumps(config).encode() + b"\n")
        self.client = None

    def events(self):
        """Every event until the guest closes its end."""
        return [json.loads(line) for line in self.lines]

    def connect(self):
        """After "ready": a client with both of its channels proven."""
        client = BlockingKernelClient()
        client.load_connection_info({**self.connection, "key": self.connection["key"].encode()})
        client.start_channels()
        client.wait_for_ready(timeout=60)
        self.client = client
        return client

    def run(self, code, **options):
        """One cell. Returns its reply and its iopub messages."""
        messages = []
        reply = self.client.execute_interactive(
            code, timeout=60, output_hook=messages.append, allow_stdin=False, **options
        )
        return reply["content"], messages

    def text(self, code):
        """What a cell printed; an error is raised with its traceback."""
        reply, messages = self.run(code)
        if reply["status"] != "ok":
            raise AssertionError("\n".join(reply["traceback"]))
        return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")

    @property
    def log(self):
        return self.log_path.read_text()

    def close(self):
        if self.client:
            self.client.stop_channels()
        self.process.kill()
        self.process.wait()
        self.lines.close()
        self.socket.close()
