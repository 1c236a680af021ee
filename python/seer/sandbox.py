# SPDX-License-Identifier: Apache-2.0
"""A sandbox: start, run commands, terminate."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seer import transport
from seer.config import SandboxConfig
from seer.errors import SeerError
from seer.progress import Progress


@dataclass(frozen=True)
class ExecResult:
    """How a command in a sandbox ended."""

    exit_code: int  # 128 + signal when a signal ended it
    stdout: str
    stderr: str
    timed_out: bool = False
    signal: int | None = None
    seconds: float = 0.0
    dropped: int = 0  # bytes of output above the limit


class Sandbox:
    """A sandbox of the given config. Nothing happens before start()."""

    def __init__(self, config: SandboxConfig | None = None, name: str | None = None) -> None:
        self.config = config if config is not None else SandboxConfig()
        self.name = name
        self.isolation = ""
        self.notes: list[str] = []
        self._id: str | None = None
        self._terminated = False

    @property
    def sandbox_id(self) -> str:
        if self._id is None:
            raise SeerError(
                "the sandbox is not started", code="no_such_sandbox", hint="call .start() first"
            )
        return self._id

    def start(self) -> Sandbox:
        """Starts it and returns it. Returns when it is ready; raises SeerError when it cannot be
        made, with nothing left behind. KeyboardInterrupt cancels the start."""
        if self._id is not None:
            raise SeerError(
                "the sandbox is started already" if not self._terminated else
                "the sandbox is terminated",
                code="already_started",
                hint="make another Sandbox for another start",
            )  # fmt: skip
        with Progress() as progress:
            result = transport.call("sandbox.start", self._start_params(), progress.event)
            self._id = str(result["sandbox"])
            self.name = str(result.get("name") or self._id)
            self.isolation = str(result.get("isolation") or "")
            self.notes = [str(note) for note in result.get("notes") or []]
            for note in self.notes:
                progress.note(note)
        return self

    def _start_params(self) -> dict[str, Any]:
        names = self.config.secrets
        return {
            "config": self.config.to_wire(),
            "name": self.name,
            "cwd": os.getcwd(),
            "environ": transport.caller_environ(),
            "secrets": {n: os.environ[n] for n in names if n in os.environ},
        }

    def exec(
        self,
        cmd: str | Sequence[str],
        timeout: float | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        input: str | bytes | None = None,
    ) -> ExecResult:
        """Runs a command inside: a string by `bash -c`, a list as it stands. A command that fails
        is no exception: look at exit_code. After timeout seconds it is killed (timed_out)."""
        streams = {"stdout": bytearray(), "stderr": bytearray()}

        def on_event(name: str, data: dict[str, Any]) -> None:
            if name == "out":
                stream = "stderr" if data.get("stream") == "stderr" else "stdout"
                streams[stream] += base64.b64decode(data.get("data64") or "")

        given = input.encode() if isinstance(input, str) else input
        argv = ["bash", "-c", cmd] if isinstance(cmd, str) else [os.fspath(word) for word in cmd]
        params = {
            "sandbox": self.sandbox_id,
            "argv": argv,
            "timeout": timeout,
            "cwd": cwd,
            "env": env,
            "stdin64": None if given is None else base64.b64encode(given).decode(),
        }
        result = transport.call("sandbox.exec", params, on_event)
        signal = result.get("signal")
        return ExecResult(
            exit_code=int(result["exit_code"]) if signal is None else 128 + int(signal),
            stdout=streams["stdout"].decode("utf-8", "replace"),
            stderr=streams["stderr"].decode("utf-8", "replace"),
            timed_out=bool(result.get("timed_out")),
            signal=None if signal is None else int(signal),
            seconds=float(result.get("seconds") or 0),
            dropped=int(result.get("dropped") or 0),
        )

    def terminate(self) -> None:
        """Ends it, and returns when all of it is gone. A second call does nothing."""
        if self._id is None or self._terminated:
            return
        try:
            transport.call("sandbox.stop", {"sandbox": self._id})
        except SeerError as error:
            if error.code not in ("no_such_sandbox", "sandbox_died"):
                raise
        self._terminated = True

    def __enter__(self) -> Sandbox:
        return self if self._id is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def __repr__(self) -> str:
        state = "terminated" if self._terminated else self._id or "not started"
        return f"<seer.Sandbox {state}>"


class ScopedSandbox:
    """A sandbox whose functions are called from outside. It comes with issue 8."""

    def __init__(self, config: SandboxConfig | None = None) -> None:
        raise SeerError(
            "ScopedSandbox is not there yet: it comes with issue 8 (functions served by RPC)",
            code="unsupported",
            hint="use Sandbox with create_notebook_session for now",
        )
