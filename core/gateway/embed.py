#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUT.c FILE...: the files as the table of gateway/page.h."""

import sys
from pathlib import Path

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def as_bytes(data: bytes) -> str:
    values = [b if b < 128 else b - 256 for b in data]
    rows = [values[at : at + 24] for at in range(0, len(values), 24)]
    return "\n".join(",".join(map(str, row)) + "," for row in rows)


def main(out: str, files: list[str]) -> None:
    text = ['#include "gateway/page.h"']
    table = []
    for i, path in enumerate(map(Path, files)):
        data = path.read_bytes()
        text.append(f"static const char file_{i}[] = {{{as_bytes(data)}0}};")
        table.append(f'{{"{path.name}", "{TYPES[path.suffix]}", file_{i}, {len(data)}}},')
    text.append("const struct page_file page_files[] = {" + "\n".join(table) + "};")
    text.append(f"const size_t page_files_count = {len(table)};")
    Path(out).write_text("\n".join(text) + "\n")


main(sys.argv[1], sys.argv[2:])
