# SPDX-License-Identifier: Apache-2.0
"""The one exception of this package."""

from __future__ import annotations

from typing import Any


class SeerError(Exception):
    """Something that was asked for cannot be had. str() is one sentence.

    code: a stable word, such as "no_such_model"; hint: the remedy, may be empty;
    kind: "user", "guest", "system", "busy" or "bug": who can mend it.
    """

    def __init__(self, message: str, *, code: str, hint: str = "", kind: str = "user") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.kind = kind

    @classmethod
    def from_wire(cls, error: dict[str, Any]) -> SeerError:
        return cls(
            str(error.get("message") or "seerd gave no reason"),
            code=str(error.get("code") or "internal"),
            hint=str(error.get("hint") or ""),
            kind=str(error.get("kind") or "bug"),
        )
