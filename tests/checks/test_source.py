# SPDX-License-Identifier: Apache-2.0
"""Rules a compiler does not know: banned functions, licence lines, function and file size."""

import re
from pathlib import Path

from conftest import tracked

# function -> what to use instead
BANNED = {
    "strcpy": "buf or memcpy", "strcat": "buf", "strncpy": "buf or memcpy", "strncat": "buf",
    "sprintf": "snprintf or buf", "vsprintf": "vsnprintf or buf", "gets": "getline",
    "strtok": "strtok_r", "atoi": "strtol with checks", "atol": "strtol with checks",
    "system": "posix_spawn with an argv", "popen": "posix_spawn with an argv",
    "tmpnam": "mkstemp", "mktemp": "mkstemp", "alloca": "a buffer with a limit",
    "rand": "getrandom", "random": "getrandom", "sleep": "an event", "usleep": "an event",
    "nanosleep": "an event", "pthread_create": "a process", "asctime": "strftime",
    "ctime": "strftime", "localtime": "localtime_r", "gmtime": "gmtime_r",
}  # fmt: skip
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
LICENCE = "SPDX-License-Identifier: Apache-2.0"
FREE = "SPDX-License-Identifier: CC0-1.0"  # the text that the built-in model is trained on


def code_only(text: str) -> str:
    """The text without comments and strings, lines kept."""
    return COMMENT_OR_STRING.sub(lambda m: "\n" * m.group().count("\n") or " ", text)


def test_banned_functions(root: Path) -> None:
    found = []
    for path in tracked("core/*.c", "core/*.h", "bin/*.c"):
        for number, line in enumerate(code_only(path.read_text()).splitlines(), 1):
            for name in CALL.findall(line):
                where = f"{path.relative_to(root)}:{number}"
                found.append(f"{where}: {name}: use {BANNED[name]}")
    assert not found, "\n".join(found)


def test_the_check_sees_a_banned_function() -> None:
    assert CALL.search(code_only("x = strcpy(a, b);"))
    assert not CALL.search(code_only("/* strcpy(a, b) */ my_strcpy(a); o.system(1); p->rand();"))


def test_licence_lines(root: Path) -> None:
    missing = [
        str(path.relative_to(root))
        for path in tracked("*.c", "*.h", "*.py", "*.sh", "*.def", "meson.build")
        if "/corpus/" not in str(path)
        and "/seed_blocks/" not in str(path)
        and path.stat().st_size
        and LICENCE not in path.read_text()[:300]
        and not (path.is_relative_to(root / "models") and FREE in path.read_text()[:300])
        and path.name != "meson.build"
    ]
    assert not missing, f"no SPDX line: {missing}"


def test_no_todo_without_an_issue(root: Path) -> None:
    bare = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.{0,20}#\d)")
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in tracked("core/*.[ch]", "guest/*.py", "python/*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert not found, f"TODO without an issue number: {found}"
