#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites one after the other and ends with one line: `N passed, N failed`.

Parts, in order: unit and fuzz (meson test in build/), checks (tests/checks), integration
(tests/integration), guest (tests/guest), then unit, fuzz and a chosen part of integration once more
against build-asan. Each part writes JUnit XML; this program adds the numbers up, prints the reason
of every skip, and exits 1 when anything failed or when a part ran nothing that should have. With CI
set, a skip that is not listed in SKIPS counts as a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "test-results"
# Reasons that may stand behind a skip in CI (a part of the message is enough).
SKIPS = (
    "needs a GPU", "needs the internet", "this machine forbids", "not run as root",
    "the cgroup tree is not ours to write",  # an ordinary user on cgroup v1
)  # fmt: skip
# What runs again against the sanitizer build: each speaks to every process once. The whole suite
# would double the time and find the same.
ASAN_FILES = (
    "test_sdk.py",
    "test_notebook.py",
    "test_crash.py",
    "test_bad_input.py",
    "test_mcp.py",
    "test_daemon.py",
    "test_shim.py",
)

# What tests/guest imports; the same list as tests/guest/requirements.txt.
GUEST_PACKAGES = [
    line.strip()
    for line in (ROOT / "tests/guest/requirements.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]
PROGRAMS = ("seer", "seerd", "seer-shim", "seer-init")


@dataclass
class Part:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def read_junit(part: Part, path: Path) -> None:
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}".removeprefix("::")
        bad = case.find("failure")
        bad = case.find("error") if bad is None else bad
        skip = case.find("skipped")
        if bad is not None:
            part.failed += 1
            part.failures.append(name)
        elif skip is not None:
            part.skipped.append((name, skip.get("message") or (skip.text or "no reason").strip()))
        else:
            part.passed += 1


def run(part: Part, command: list[str], xml: Path, env: dict[str, str] | None = None) -> Part:
    """Runs a suite that writes xml. A suite that ends badly without naming a test is a failure."""
    print(f"== {part.name}", flush=True)
    xml.unlink(missing_ok=True)
    started = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}).returncode
    if xml.exists():
        read_junit(part, xml)
    if status != 0 and not part.failed and not (part.name in EMPTY_OK and status == 5):
        part.failed += 1
        part.failures.append(f"{part.name}: {command[0]} ended with status {status}")
    print(f"   {part.passed} passed, {part.failed} failed, {len(part.skipped)} skipped, "
          f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    return part


EMPTY_OK: set[str] = set()


def meson_part(name: str, build: str, only: str | None) -> Part:
    xml = ROOT / build / "meson-logs" / "testlog.junit.xml"
    command = [".venv/bin/meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs"]
    if only:
        known = subprocess.run(
            [".venv/bin/meson", "test", "-C", build, "--list", "--no-rebuild"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        names = [line.split(" / ")[-1] for line in known.splitlines() if only in line]
        if not names:
            return Part(name)
        command += names
    options = "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    env = {"ASAN_OPTIONS": options, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    return run(Part(name), command, xml, env)


def pytest_part(
    name: str,
    paths: list[str],
    only: str | None,
    env: dict[str, str],
    python: list[str] | None = None,
) -> Part:
    xml = RESULTS / f"{name}.xml"
    command = [*(python or [sys.executable]), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
               "-o", "junit_family=xunit2", f"--junitxml={xml}", *paths]  # fmt: skip
    if only:
        command += ["-k", only]
        EMPTY_OK.add(name)
    return run(Part(name), command, xml, env)


def guest_part(only: str | None) -> Part:
    """tests/guest runs the guest's Python on the host, with the packages of a sandbox."""
    home = tempfile.mkdtemp(prefix="seer-guest-", dir="/tmp")
    cache = os.environ.get("SEER_TEST_CACHE") or os.path.expanduser("~/.cache/seer-tests")
    env = {"SEER_HOME": home, "XDG_RUNTIME_DIR": home, "SEER_CACHE": cache,
           "SEER_BIN": str(ROOT / "build/bin")}  # fmt: skip
    words = [sys.executable, "tools/guestenv.py", *GUEST_PACKAGES, "--"]
    try:
        return pytest_part("guest", ["tests/guest"], only, env, words)
    finally:
        stop = "from seer import transport; transport.call('shutdown')"
        subprocess.run([sys.executable, "-c", stop], env={**os.environ, **env}, cwd=ROOT)
        shutil.rmtree(home, ignore_errors=True)


def asan_parts(only: str | None) -> list[Part]:
    print("== build-asan", flush=True)
    if subprocess.run(["tools/setup.sh", "asan"], cwd=ROOT).returncode != 0:
        return [Part("build-asan", failed=1, failures=["build-asan does not build"])]
    parts = [meson_part("unit-asan", "build-asan", only)]
    files = [f"tests/integration/{name}" for name in ASAN_FILES]
    files = [name for name in files if (ROOT / name).exists()]
    if files and all_built("build-asan"):
        env = {"SEER_TEST_BUILD": "build-asan"}
        parts.append(pytest_part("integration-asan", files, only, env))
    return parts


def all_built(build: str) -> bool:
    return all((ROOT / build / "bin" / p).exists() for p in PROGRAMS)


def all_parts(options: argparse.Namespace) -> list[Part]:
    only, wanted = options.k, options.only
    parts = []
    if wanted in (None, "unit"):
        parts.append(meson_part("unit", "build", only))
    if wanted in (None, "checks"):
        parts.append(pytest_part("checks", ["tests/checks"], only, {}))
    if options.quick:
        return parts
    if wanted in (None, "integration") and all_built("build"):
        parts.append(pytest_part("integration", ["tests/integration"], only, {}))
    if wanted in (None, "guest") and all_built("build"):
        parts.append(guest_part(only))
    if wanted in (None, "asan"):
        parts += asan_parts(only)
    return parts


def unexpected_skips(parts: list[Part]) -> list[str]:
    return [
        f"{name}: {reason}"
        for part in parts
        for name, reason in part.skipped
        if not any(known in reason for known in SKIPS)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", help="only tests whose name holds this word")
    parser.add_argument("--quick", action="store_true", help="unit, fuzz replays and checks only")
    parser.add_argument("--only", choices=["unit", "checks", "integration", "guest", "asan"])
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    parts = all_parts(options)
    for part in parts:
        for name, reason in part.skipped:
            print(f"skipped {name}: {reason}")
    failures = [name for part in parts for name in part.failures]
    if os.environ.get("CI"):
        failures += [f"unexpected skip of {skip}" for skip in unexpected_skips(parts)]
    for name in failures:
        print(f"FAILED {name}")
    passed = sum(part.passed for part in parts)
    if not passed and not failures:
        failures.append("nothing ran")
        print("FAILED nothing ran")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
