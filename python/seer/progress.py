# SPDX-License-Identifier: Apache-2.0
"""What happens while one waits, on standard error: a line that is redrawn on a terminal, one line a
step elsewhere, nothing with SEER_QUIET=1. Standard output belongs to the caller."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

_WIDTH = 24


class Progress:
    def __init__(self) -> None:
        self._quiet = os.environ.get("SEER_QUIET", "") not in ("", "0")
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def event(self, name: str, data: dict[str, Any]) -> None:
        """An on_event for transport.call."""
        if name != "progress" or self._quiet:
            return
        text = str(data.get("text") or data.get("stage") or "").replace("\n", " ")
        if self._terminal:
            self._draw(text, data.get("fraction"))
        elif data.get("state") != "line" and text:
            print(f"seer: {text}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        if not self._quiet:
            self.clear()
            print(f"seer: {text}", file=sys.stderr, flush=True)

    def _draw(self, text: str, fraction: Any) -> None:
        bar = ""
        if isinstance(fraction, (int, float)):
            full = int(_WIDTH * min(max(float(fraction), 0.0), 1.0))
            bar = "[" + "#" * full + "." * (_WIDTH - full) + "] "
        columns = shutil.get_terminal_size().columns
        sys.stderr.write("\r\x1b[K" + (bar + text)[: columns - 1])
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
