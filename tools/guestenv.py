#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Python environment of seer's cache, used from the host: for a peer in a benchmark, and for the
tests of the guest's Python, which need torch without a second copy of it.

    tools/guestenv.py PACKAGE... -- ARGUMENTS     runs python ARGUMENTS with those packages

The environment is the one that a sandbox of these packages gets; it is built if it is new.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def host_command(packages: list[str]) -> tuple[str, dict[str, str]]:
    """Interpreter and environment variables with which the host imports these packages."""
    import seer

    with seer.Sandbox(seer.SandboxConfig(python_packages=packages)) as sandbox:
        # The sandbox's own words about itself: nothing is guessed from the cache's layout but its root.
        code = "import sys, json; print(json.dumps([sys.base_prefix, list(sys.version_info[:2])]))"
        done = sandbox.exec(["/opt/env/bin/python", "-c", code])
        assert done.exit_code == 0, done.stderr
    prefix, (major, minor) = json.loads(done.stdout)
    wanted = set(packages)
    for meta in sorted(cache().glob("env/*/meta.json"), key=os.path.getmtime, reverse=True):
        if wanted <= set(json.loads(meta.read_text())["packages"]):
            break
    else:
        raise SystemExit(f"no environment with {packages} below {cache()}")
    folder = meta.parent / "tree" / "lib" / f"python{major}.{minor}" / "site-packages"
    python = Path(prefix) / "bin" / f"python{major}.{minor}"
    if not python.exists():  # its prefix is bound elsewhere inside: this interpreter's, then
        python = Path(sys.base_prefix) / "bin" / f"python{major}.{minor}"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return str(python), {**env, "PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1"}


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("SEER_CACHE") or f"{base}/seer")


def main() -> None:
    split = sys.argv.index("--")
    python, env = host_command(sys.argv[1:split])
    os.execve(python, [python, *sys.argv[split + 1 :]], env)


if __name__ == "__main__":
    main()
