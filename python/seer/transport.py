# SPDX-License-Identifier: Apache-2.0
"""Frames over seerd's Unix socket (the format stands in core/proto/frame.h).

A call is a connection: connect, hello, request, events, answer. It costs a fraction of a
millisecond and leaves nothing shared between threads.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seer.errors import SeerError

LIMIT_FRAME = 64 << 20  # as in core/base/limits.h
Event = Callable[[str, dict[str, Any]], None]

# What of the caller's environment a sandbox.start honours: the lists of core/client/environ.c, which
# tests/checks/test_twins.py compares.
ENVIRON_PREFIXES = ("SEER_", "HF_", "PIP_", "UV_")
ENVIRON_NAMES = frozenset(
    """PATH HOME XDG_CACHE_HOME XDG_CONFIG_HOME TRANSFORMERS_OFFLINE VIRTUAL_ENV
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
    REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE""".split()
)


def find_binary(name: str = "seer") -> str:
    """The program: SEER_BIN (a file or its folder), beside this Python, on PATH, or the source
    tree's build/bin."""
    given = os.environ.get("SEER_BIN")
    candidates = []
    if given:
        path = Path(given)
        candidates.append(path / name if path.is_dir() else path.with_name(name))
    else:
        candidates.append(Path(sys.executable).with_name(name))
        on_path = shutil.which(name)
        if on_path:
            candidates.append(Path(on_path))
        candidates.append(Path(__file__).resolve().parents[2] / "build" / "bin" / name)
    for path in candidates:
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    raise SeerError(
        f"the program {name} is not installed",
        code="not_installed",
        hint="build it with `make`, or name its folder in SEER_BIN",
        kind="system",
    )


def caller_environ() -> dict[str, str]:
    """The part of os.environ that travels. The folder of a virtual environment's programs is put at
    the end of PATH, so that `uv` is found when only the interpreter was called by its path."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(ENVIRON_PREFIXES) or name in ENVIRON_NAMES
    }
    if sys.prefix != sys.base_prefix:
        here = str(Path(sys.executable).parent)
        environ["PATH"] = os.pathsep.join(p for p in (environ.get("PATH"), here) if p)
    return environ


def _lost(why: str) -> SeerError:
    return SeerError(
        f"the connection to seerd was lost: {why}",
        code="connection_lost",
        hint="ask again; sandboxes and running cells go on without seerd",
        kind="system",
    )


def _start_daemon() -> str:
    """Makes sure that seerd runs; its socket's path."""
    done = subprocess.run(
        [find_binary("seer"), "daemon", "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    try:
        return str(json.loads(done.stdout)["socket"])
    except (ValueError, KeyError, TypeError):
        message = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
        raise SeerError(
            f"seerd could not be started: {message}",
            code="no_daemon",
            hint="`seer doctor` says what this machine lacks",
            kind="system",
        ) from None


# The socket's path for each (SEER_HOME, XDG_RUNTIME_DIR, HOME): a cache, the daemon may move on.
_sockets: dict[tuple[str | None, ...], str] = {}


def _connect() -> socket.socket:
    key = tuple(
        os.environ.get(n) for n in ("SEER_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "HOME")
    )
    for path in (_sockets.get(key), None):
        if path is None:
            path = _sockets[key] = _start_daemon()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            connection.close()
            last = error
    raise _lost(str(last)) from None


class Connection:
    """One connection to seerd, hello done."""

    def __init__(self) -> None:
        self._socket = _connect()
        self._next_id = 0
        try:
            self.hello: dict[str, Any] = self.call("hello", {})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self, method: str, params: dict[str, Any], on_event: Event | None = None
    ) -> dict[str, Any]:
        """The result, or SeerError. An exception while waiting (KeyboardInterrupt) cancels."""
        self._next_id += 1
        number = self._next_id
        self._send({"id": number, "method": method, "params": params})
        try:
            while True:
                frame = self._receive()
                if frame.get("id") != number:
                    continue
                if "event" in frame:
                    if on_event is not None:
                        on_event(str(frame["event"]), frame.get("data") or {})
                elif "error" in frame:
                    raise SeerError.from_wire(frame["error"])
                else:
                    result = frame.get("result")
                    return result if isinstance(result, dict) else {}
        except SeerError:
            raise
        except BaseException:
            self._cancel(number)
            raise

    def _cancel(self, number: int) -> None:
        try:
            self._send({"id": number, "cancel": True})
        except SeerError:
            pass  # it died first: nothing is left to cancel

    def _send(self, frame: dict[str, Any]) -> None:
        payload = json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            raise SeerError(
                "this text is not UTF-8 (it holds lone surrogates)", code="bad_utf8"
            ) from None
        if len(payload) > LIMIT_FRAME:
            raise SeerError(
                f"a request of {len(payload)} bytes is above the limit of {LIMIT_FRAME}",
                code="bad_parameter",
            )
        try:
            self._socket.sendall(struct.pack("<I", len(payload)) + payload)
        except OSError as error:
            raise _lost(error.strerror or str(error)) from None

    def _receive(self) -> dict[str, Any]:
        (length,) = struct.unpack("<I", self._read(4))
        if not 0 < length <= LIMIT_FRAME:
            raise _lost(f"a frame of {length} bytes came")
        try:
            frame = json.loads(self._read(length))
        except ValueError:
            raise _lost("a frame that is no JSON came") from None
        return frame if isinstance(frame, dict) else {}

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                chunk = self._socket.recv(min(count - len(data), 1 << 20))
            except OSError as error:
                raise _lost(error.strerror or str(error)) from None
            if not chunk:
                raise _lost("seerd closed it")
            data += chunk
        return bytes(data)


def call(
    method: str, params: dict[str, Any] | None = None, on_event: Event | None = None
) -> dict[str, Any]:
    """One request on a connection of its own."""
    given = {k: v for k, v in (params or {}).items() if v is not None}
    with Connection() as connection:
        return connection.call(method, given, on_event)
