# SPDX-License-Identifier: Apache-2.0
"""What goes into a session besides the models: libraries, importable by their names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from seer.errors import SeerError

LIMIT_USER_FILE = 64 << 20  # as in core/base/limits.h


@dataclass(frozen=True)
class Library:
    """A Python module for the notebook. Made by from_file or from_code."""

    name: str
    source: str

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Library:
        """The file, importable by its name without ".py". It is read now."""
        path = Path(path)
        try:
            with open(path, "rb") as file:
                data = file.read(LIMIT_USER_FILE + 1)
        except OSError as error:
            raise SeerError(
                f"the library file {path} cannot be read: {error.strerror}",
                code="no_such_file" if isinstance(error, FileNotFoundError) else "bad_parameter",
                hint=f"paths are relative to {os.getcwd()}",
            ) from None
        if len(data) > LIMIT_USER_FILE:
            raise SeerError(f"the library file {path} is above 64 MiB", code="bad_parameter")
        try:
            source = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SeerError(f"the library file {path} is not UTF-8", code="bad_utf8") from None
        return cls.from_code(source, name=path.stem)

    @classmethod
    def from_code(cls, code: str, name: str) -> Library:
        """The code, importable as `name`."""
        if not (name.isidentifier() and name.isascii()):
            raise SeerError(
                f"{name!r} is no module name",
                code="bad_parameter",
                hint="a library is imported by its name: letters, digits and _",
            )
        return cls(name=name, source=code)


@dataclass
class Workspace:
    """The libraries of a session."""

    libraries: list[Library] = field(default_factory=list)
    workdir: str | None = None  # where the kernel starts, in the sandbox

    def to_wire(self) -> list[dict[str, str]]:
        return [{"name": item.name, "source": item.source} for item in self.libraries]
