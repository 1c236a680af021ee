# SPDX-License-Identifier: Apache-2.0
"""Real binaries on private folders: one seerd for the test session, gone without a trace at its end.

SEER_TEST_BUILD names the build tree (default build; build-asan for the sanitizer run). The cache of
Python environments is kept between runs in ~/.cache/seer-tests (SEER_TEST_CACHE), so that torch is
installed once a machine. Nothing here sleeps: what is waited for is an event with a deadline.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import seer as sdk
from seer import transport

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("SEER_TEST_BUILD", "build") / "bin"
TINY = "seer/tiny-gemma2-it"
DEADLINE = 120.0  # of one step that takes seconds: only a hang reaches it
SANITIZED = "asan" in os.environ.get("SEER_TEST_BUILD", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600 if SANITIZED else 300))


@dataclass
class World:
    """Where this test session lives."""

    top: Path

    @property
    def home(self) -> Path:
        return self.top / "home"

    def sandbox_ids(self) -> set[str]:
        """Every sandbox this session ever made: each leaves a log."""
        return {p.stem for p in (self.home / "logs").glob("*.log")} - {"seerd"}


@dataclass
class Done:
    """A command line that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    for program in ("seer", "seerd", "seer-shim", "seer-init"):
        if not (BIN / program).exists():
            pytest.fail(f"{BIN / program} is not built: run make")
    # /tmp itself, for a short path: a Unix address holds 107 bytes.
    top = Path(tempfile.mkdtemp(prefix="seer-test-", dir="/tmp"))
    cache = os.environ.get("SEER_TEST_CACHE") or os.path.expanduser("~/.cache/seer-tests")
    (top / "run").mkdir(mode=0o700)
    (top / "home").mkdir(mode=0o700)
    saved = dict(os.environ)
    for name in ("SEER_PORT", "SEER_GPU", "SEER_ISOLATION", "SEER_QUIET"):
        os.environ.pop(name, None)
    os.environ.update(
        SEER_HOME=str(top / "home"),
        SEER_CACHE=cache,
        XDG_RUNTIME_DIR=str(top / "run"),
        SEER_BIN=str(BIN),
        PATH=f"{BIN}:{os.environ['PATH']}:{ROOT / '.venv/bin'}",
    )
    world = World(top)
    try:
        yield world
        run_cli("stop", "--all")
        end_daemon()
        assert_no_orphans(world)
        sanitizer = [p.name for p in (top / "home/logs").glob("*") if "Sanitizer" in read(p)]
        assert not sanitizer, f"a sanitizer spoke in {sanitizer}"
        shutil.rmtree(top)
    finally:
        os.environ.clear()
        os.environ.update(saved)


@pytest.fixture(scope="session", autouse=True)
def _world(world: World) -> None:
    """Every test lives in it, the ones that do not ask by name too."""


def read(path: Path) -> str:
    """The text of a file; empty when it is not there, or no longer (a process's file in /proc)."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def run_cli(
    *args: str, input: str | bytes | None = None, cwd: Path | None = None, **env: str
) -> Done:
    given = input.encode() if isinstance(input, str) else input
    done = subprocess.run(
        [str(BIN / "seer"), *args], input=given, capture_output=True, cwd=cwd,
        stdin=subprocess.DEVNULL if given is None else None,
        env={**os.environ, **env}, timeout=DEADLINE * 2,
    )  # fmt: skip
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    return Done(done.returncode, out, err)


@pytest.fixture
def seer() -> Callable[..., Done]:
    """seer("ps", "--json") runs the command line and hands back how it ended."""
    return run_cli


# ------------------------------------------------------------------ processes


def process_start(pid: int) -> str | None:
    """Start time of a process: with the pid it names one process for good. None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def wait_gone(pids: Sequence[int], deadline: float = DEADLINE) -> None:
    """Returns when none of the processes lives; fails after the deadline."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([fd], [], [], deadline)[0], f"process {pid} lives on"
        finally:
            os.close(fd)


def daemon_pid() -> int:
    """The pid of seerd, started if none runs."""
    with transport.Connection() as connection:
        return int(connection.hello["pid"])


def kill(pid: int) -> None:
    os.kill(pid, 9)
    wait_gone([pid])


def end_daemon() -> None:
    with transport.Connection() as connection:
        pid = int(connection.hello["pid"])
        try:
            connection.call("shutdown", {})
        except sdk.SeerError as error:
            assert error.code == "connection_lost", error
    wait_gone([pid])


def shim_pid(sandbox: str) -> int:
    listed = transport.call("sandbox.list", {})["sandboxes"]
    return next(int(item["pid"]) for item in listed if item["sandbox"] == sandbox)


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


# -------------------------------------------------------------------- orphans


def orphan_processes(words: set[str]) -> list[str]:
    """Processes whose command line, environment, cgroup or mounts name one of the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        if process_start(int(entry.name)) is None:
            continue
        told = ""
        for name in ("cmdline", "cgroup", "mountinfo"):
            try:
                told += (entry / name).read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
        if any(word in told for word in words):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:100]
            found.append(f"process {entry.name}: {command}")
    return found


def orphans_of(world: World, ids: set[str]) -> list[str]:
    """All that is left of sandboxes that should be gone."""
    found = orphan_processes(ids)
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if any(i in line for i in ids)]
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [f"cgroup {top}/{f}" for f in folders if any(i in f for i in ids)]
    found += [f"folder {i}" for i in ids if (world.home / "sandboxes" / i).exists()]
    for top, folders, files in os.walk(world.top / "run"):
        found += [f"run file {top}/{f}" for f in folders + files if f in ids]
    return found


def assert_gone(world: World, *ids: str) -> None:
    left = orphans_of(world, set(ids))
    assert not left, "\n".join(left)


def assert_no_orphans(world: World) -> None:
    ids = world.sandbox_ids()
    left = orphans_of(world, ids) + orphan_processes({world.top.name})
    assert not left, "\n".join(left)


# ------------------------------------------------------------------- sandboxes


@pytest.fixture
def new_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """new_sandbox(field=...) starts a sandbox, terminated at the end of the test. The test runs in
    a folder of its own, where ./outputs goes."""
    monkeypatch.chdir(tmp_path)
    made: list[sdk.Sandbox] = []

    def make(**fields: Any) -> sdk.Sandbox:
        made.append(sdk.Sandbox(sdk.SandboxConfig(**fields)))
        return made[-1].start()

    yield make
    for sandbox in made:
        sandbox.terminate()


@pytest.fixture(scope="session")
def plain_sandbox(world: World) -> sdk.Sandbox:
    """A sandbox without models, shared: do not break it."""
    return sdk.Sandbox(sdk.SandboxConfig()).start()


@pytest.fixture(scope="session")
def plain_session(world: World, plain_sandbox: sdk.Sandbox) -> sdk.NotebookSession:
    """A session without models, shared: do not break it."""
    return sdk.create_notebook_session(plain_sandbox, notebook_dir=world.top / "outputs")


@pytest.fixture(scope="session")
def model_sandbox(world: World) -> sdk.Sandbox:
    """A sandbox with the built-in model, shared: do not break it."""
    config = sdk.SandboxConfig(
        models=[sdk.ModelConfig(name=TINY)],
        python_packages=["torch", "transformers", "accelerate", "matplotlib", "numpy"],
    )
    return sdk.Sandbox(config).start()


@pytest.fixture(scope="session")
def model_session(world: World, model_sandbox: sdk.Sandbox) -> sdk.NotebookSession:
    toolkit = ROOT / "experiments" / "toolkit"
    names = ("steering_hook.py", "extract_activations.py")
    workspace = sdk.Workspace([sdk.Library.from_file(toolkit / name) for name in names])
    return sdk.create_notebook_session(model_sandbox, workspace, notebook_dir=world.top / "outputs")


def stream_text(outputs: list[dict[str, Any]]) -> str:
    """Text of the streams among nbformat outputs."""
    return "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")


def load_notebook(path: Path) -> Any:
    """The notebook, after nbformat's own check against the 4.5 schema."""
    import nbformat

    with open(path, encoding="utf-8") as file:
        raw = json.load(file)
    nbformat.validate(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    return raw
