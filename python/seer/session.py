# SPDX-License-Identifier: Apache-2.0
"""A notebook session: cells that run in order, all of it journaled by the shim."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seer import transport
from seer.errors import SeerError

LOST_IN_A_ROW = 5  # connections without an event between them, as in core/client/client.c
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
OnRecord = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class CellResult:
    """A cell that ran. outputs are nbformat 4.5 outputs."""

    cell: str
    status: str  # ok, error, aborted, interrupted, died, timeout
    execution_count: int | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)
    truncated: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""  # why, unless ok

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def text(self) -> str:
        """What a person would read: streams, results as text, tracebacks (without colours)."""
        return "".join(_text_of(output) for output in self.outputs)

    @property
    def error(self) -> str | None:
        """`Name: value` of the exception that ended it."""
        for output in self.outputs:
            if output.get("output_type") == "error":
                return f"{output.get('ename')}: {output.get('evalue')}"
        return None


def _joined(value: Any) -> str:
    return "".join(str(v) for v in value) if isinstance(value, list) else str(value or "")


def _text_of(output: dict[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _joined(output.get("text"))
    if kind == "error":
        return COLOURS.sub("", "\n".join(str(x) for x in output.get("traceback") or [])) + "\n"
    return _joined((output.get("data") or {}).get("text/plain")) + "\n"


class NotebookSession:
    """Made by create_notebook_session or attach_to_session."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.session_id = str(info["session"])
        self.sandbox_id = str(info.get("sandbox") or "")
        self.jupyter_url = str(info.get("jupyter_url") or "")
        self.notebook_path = Path(str(info.get("notebook") or ""))
        self.model_info_text = str(info.get("model_info_text") or "")
        self.models: list[dict[str, Any]] = list(info.get("models") or [])

    def execute(
        self, code: str, timeout: float | None = None, on_record: OnRecord | None = None
    ) -> CellResult:
        """Runs a cell to its end. After timeout seconds it answers with status "timeout" while the
        cell goes on; wait() follows it. The death of seerd in between is not noticed."""
        # The cell gets its id here, so that it can be found again whatever is lost.
        cell = secrets.token_hex(6)
        params = {"session": self.session_id, "code": code, "cell": cell, "origin": "sdk",
                  "timeout": timeout}  # fmt: skip
        return self._follow("session.execute", params, on_record)

    def wait(
        self, cell: str, timeout: float | None = None, on_record: OnRecord | None = None
    ) -> CellResult:
        """Follows a cell that exists to its end."""
        params = {"session": self.session_id, "cell": cell, "timeout": timeout}
        return self._follow("session.wait", params, on_record)

    def _follow(
        self, method: str, params: dict[str, Any], on_record: OnRecord | None
    ) -> CellResult:
        seen, lost = 0, 0
        deadline = time.monotonic() + params["timeout"] if params.get("timeout") else None

        def on_event(name: str, data: dict[str, Any]) -> None:
            nonlocal seen, lost
            lost = 0
            if name != "record" or int(data.get("seq", seen + 1)) <= seen:
                return
            seen = int(data.get("seq", seen + 1))
            if on_record is not None:
                on_record(data)

        # seerd may die meanwhile; the shim and the cell do not. What client_execute() does in C:
        # follow the cell by its id, and ask anew only if the shim never heard of it.
        asked, given = method, params
        while True:
            try:
                result = transport.call(asked, given, on_event)
                break
            except SeerError as error:
                unheard = asked != method and error.code == "no_such_cell"
                if not (unheard or error.code == "connection_lost") or lost >= LOST_IN_A_ROW:
                    raise
                lost += 1
            asked = method if unheard else "session.wait"
            given = params if unheard else {k: params[k] for k in ("session", "cell")}
            if deadline is not None:
                given = {**given, "timeout": max(0.001, deadline - time.monotonic())}
        return CellResult(
            cell=str(result.get("cell") or params["cell"]),
            status=str(result.get("status") or "error"),
            execution_count=result.get("execution_count"),
            outputs=list(result.get("outputs") or []),
            truncated=list(result.get("truncated") or []),
            reason=str(result.get("reason") or ""),
        )

    def add_markdown(self, markdown: str) -> str:
        """Appends a markdown cell; its id."""
        result = self._call("session.markdown", markdown=markdown, origin="sdk")
        return str(result.get("cell") or "")

    def interrupt(self) -> bool:
        """Interrupts the running cell and drops the queued ones; whether anything ran."""
        return bool(self._call("session.interrupt").get("was_busy"))

    def notebook(self) -> dict[str, Any]:
        """The notebook as it stands, nbformat 4.5."""
        return dict(self._call("session.notebook").get("notebook") or {})

    def stop(self) -> None:
        """Ends the session with its sandbox; the notebook stays."""
        transport.call("sandbox.stop", {"sandbox": self.sandbox_id})

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return transport.call(method, {"session": self.session_id, **params})

    def __repr__(self) -> str:
        return f"<seer.NotebookSession {self.session_id}>"
