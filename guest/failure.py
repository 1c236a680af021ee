# SPDX-License-Identifier: Apache-2.0
"""failure: the one exception that carries a reason from the guest to the person who waits."""


class BootError(Exception):
    """code: a stable word. message: one sentence. hint: what to do about it, or ""."""

    def __init__(self, code, message, hint=""):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def one_line(error, limit=300):
    """An exception as part of a sentence: its type and the first line it has to say."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
