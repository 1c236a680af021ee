# SPDX-License-Identifier: Apache-2.0
"""Bad input gets one clear sentence and exit 1, or a SeerError with code and hint, and leaves
nothing behind. Each case goes through the command line and through the SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import seer as sdk
from conftest import BIN, Done, World, load_notebook, run_cli
from seer import transport


@pytest.fixture(autouse=True)
def nothing_left_behind(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)

    def seen() -> set[str]:
        folder = world.home / "sandboxes"
        listed = transport.call("sandbox.list")["sandboxes"]
        alive = {s["sandbox"] for s in listed if s["state"] != "gone"}
        return alive | ({p.name for p in folder.iterdir()} if folder.exists() else set())

    before = seen()
    yield
    assert seen() == before, "something is left behind"


def is_clear(done: Done, *words: str) -> None:
    """Exit 1, nothing on standard output, a sentence (not a trace) that holds the words."""
    assert done.code == 1, (done.code, done.out, done.err)
    assert not done.out.strip(), done.out
    text = done.err.strip()
    assert text and "Traceback" not in text and "assert" not in text.lower()
    for word in words:
        assert word.lower() in text.lower(), f"{word!r} is not in: {text}"


def fails(code: str | tuple[str, ...], *words: str, **fields: Any) -> sdk.SeerError:
    """The SDK refuses to start a sandbox of these fields."""
    with pytest.raises(sdk.SeerError) as caught:
        sdk.Sandbox(sdk.SandboxConfig(**fields)).start()
    error = caught.value
    assert error.code in ((code,) if isinstance(code, str) else code), (error.code, str(error))
    # A wrong parameter is named in the sentence itself; everything else has its remedy apart.
    assert error.hint or error.code == "bad_parameter", f"no hint: {error}"
    for word in words:
        assert word.lower() in f"{error} {error.hint}".lower(), f"{word!r} is not in: {error}"
    return error


def test_unknown_model(seer: Callable[..., Done]) -> None:
    is_clear(seer("start", "--model", "nobody/no-such-model"), "nobody/no-such-model")
    model = sdk.ModelConfig(name="nobody/no-such-model")
    fails("no_such_model", "nobody/no-such-model", models=[model])


@pytest.mark.parametrize("name", ["", "/", "../../etc", "a/b/c", "a b/c", "-x", "a/\n", "x" * 300])
def test_no_model_id(seer: Callable[..., Done], name: str) -> None:
    is_clear(seer("start", "--model=" + name))
    fails(("bad_model_name", "no_such_model"), models=[sdk.ModelConfig(name=name)])


def test_package_that_does_not_resolve(seer: Callable[..., Done]) -> None:
    package = "six==99.99.99"
    is_clear(seer("start", "--package", package), "six")
    error = fails("package_resolution", "six", python_packages=[package])
    assert "99.99.99" in str(error), "the resolver's last lines are missing"


def test_package_that_is_an_option(seer: Callable[..., Done]) -> None:
    is_clear(seer("start", "--package=--index-url=http://127.0.0.1:1/"))
    fails(("bad_parameter", "package_resolution"), python_packages=["-e ."])


def test_library_that_is_missing(seer: Callable[..., Done]) -> None:
    is_clear(seer("start", "--library", "nope/helper.py"), "nope/helper.py")
    with pytest.raises(sdk.SeerError) as caught:
        sdk.Library.from_file("nope/helper.py")
    assert caught.value.code == "no_such_file" and "nope/helper.py" in str(caught.value)


def test_gpu_where_there_is_none(seer: Callable[..., Done], tmp_path: Path) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine forbids the test: it has a GPU")
    (tmp_path / "c.json").write_text(json.dumps({"gpu": "A100"}))
    is_clear(seer("start", "--config", str(tmp_path / "c.json")), "A100", "SEER_GPU=none")
    fails("no_gpu", "SEER_GPU=none", gpu="A100")


def test_gpu_none_says_so(
    new_sandbox: Callable[..., sdk.Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_GPU", "none")
    sandbox = new_sandbox(gpu="A100")
    assert any("A100" in note or "CPU" in note for note in sandbox.notes), sandbox.notes
    sandbox.terminate()


def test_secret_that_is_not_set() -> None:
    fails(("bad_parameter", "no_such_secret"), "NOT_SET_ANYWHERE", secrets=["NOT_SET_ANYWHERE"])


def test_local_file_that_is_missing() -> None:
    fails("no_such_file", "nope.txt", local_files=[("nope.txt", "/workspace/nope.txt")])


def test_later_parts_say_so() -> None:
    fails("unsupported", repos=[sdk.RepoConfig(url="owner/repo")])
    fails("unsupported", "no-such-deb", system_packages=["no-such-deb"])


@pytest.mark.parametrize(
    "config",
    ["", "[]", "{", '{"gpu": 5}', '{"models": "x"}', '{"models": [{"var_name": "m"}]}',
     '{"timeout": "long"}', '{"env": {"A": 1}}', '{"no_such_field": 1}', '{"timeout": -1}',
     '{"execution_mode": "gui"}', '{"python_packages": [1]}', "[" * 5000, "\udcff"],
)  # fmt: skip
def test_config_file_that_is_wrong(seer: Callable[..., Done], tmp_path: Path, config: str) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(config.encode("utf-8", "surrogateescape"))
    is_clear(seer("start", "--config", str(path)))


def test_config_file_that_is_missing(seer: Callable[..., Done]) -> None:
    is_clear(seer("start", "--config", "nope.json"), "nope.json")


def test_two_models_with_one_variable() -> None:
    models = [sdk.ModelConfig(name="seer/tiny-gemma2-it"), sdk.ModelConfig("seer/tiny-gemma2-it")]
    fails(("bad_parameter", "bad_model_name"), models=models)


@pytest.mark.parametrize("session", ["0" * 32, "nope", "", "../../etc/passwd", "x" * 5000, "ü"])
def test_session_that_does_not_exist(seer: Callable[..., Done], session: str) -> None:
    done = seer("code", session, "-", input="1")
    assert done.code in (1, 2) and done.err.strip() and not done.out
    with pytest.raises(sdk.SeerError) as caught:
        sdk.attach_to_session(session)
    assert caught.value.code in ("no_such_session", "bad_parameter")


def test_session_not_found_names_it(seer: Callable[..., Done]) -> None:
    is_clear(seer("code", "0" * 32, "-", input="1"), "0" * 32)
    is_clear(seer("interrupt", "0" * 32), "0" * 32)


def test_sandbox_that_does_not_exist(seer: Callable[..., Done]) -> None:
    is_clear(seer("exec", "nope", "--", "true"), "nope")
    is_clear(seer("stop", "nope"), "nope")
    is_clear(seer("logs", "nope"), "nope")
    with pytest.raises(sdk.SeerError) as caught:
        transport.call("sandbox.stop", {"sandbox": "nope"})
    assert caught.value.code == "no_such_sandbox"


def test_code_that_is_not_utf8(
    seer: Callable[..., Done], plain_session: sdk.NotebookSession, tmp_path: Path
) -> None:
    (tmp_path / "bad.py").write_bytes(b"print('\xff\xfe')")
    is_clear(seer("code", plain_session.session_id, str(tmp_path / "bad.py")), "UTF-8")
    is_clear(seer("code", plain_session.session_id, "-", input=b"\xff"), "UTF-8")
    with pytest.raises(sdk.SeerError) as caught:
        plain_session.execute("print('\udcff')")
    assert caught.value.code == "bad_utf8"
    assert plain_session.execute("1").ok


def test_code_file_that_is_missing(
    seer: Callable[..., Done], plain_session: sdk.NotebookSession
) -> None:
    is_clear(seer("code", plain_session.session_id, "nope.py"), "nope.py")


def test_kernel_that_dies_by_the_command_line(
    seer: Callable[..., Done], new_sandbox: Callable[..., sdk.Sandbox]
) -> None:
    sandbox = new_sandbox()
    session = sdk.create_notebook_session(sandbox)
    done = seer("code", session.session_id, "-", input="import os\nos._exit(1)")
    is_clear(done, "kernel", "died")
    load_notebook(session.notebook_path)
    sandbox.terminate()


@pytest.mark.parametrize(
    "args", [["nope"], ["start", "--nope"], ["code"], ["exec"], ["stop"], ["ps", "x", "y"]]
)
def test_usage(seer: Callable[..., Done], args: list[str]) -> None:
    done = seer(*args)
    assert done.code == 2 and done.err.strip() and not done.out


def test_namespaces_forbidden(world: World, tmp_path: Path) -> None:
    """A machine that forbids namespaces, played by a limit of zero user namespaces below us."""
    script = f"""
import os, subprocess, sys
libc = __import__("ctypes").CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x20000) != 0:
    sys.exit(77)
uid = {__import__("os").getuid()}
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write(f"0 {{uid}} 1")
open("/proc/self/gid_map", "w").write(f"0 {__import__("os").getgid()} 1")
open("/proc/sys/user/max_user_namespaces", "w").write("0")
env = dict(os.environ, SEER_HOME={str(tmp_path / "h")!r}, XDG_RUNTIME_DIR={str(tmp_path)!r})
done = subprocess.run([{str(BIN / "seer")!r}, "start"], env=env)
pid = subprocess.run([{str(BIN / "seer")!r}, "daemon", "--json"], env=env, capture_output=True)
os.kill(__import__("json").loads(pid.stdout)["pid"], 15)
sys.exit(done.returncode)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this machine forbids user namespaces altogether")
    is_clear(Done(done.returncode, done.stdout, done.stderr), "namespace")
    assert "doctor" in done.stderr or "sysctl" in done.stderr


def test_disk_full(world: World, tmp_path: Path) -> None:
    """State on a file system with no room: the start says so."""
    script = f"""
import os, subprocess, sys
libc = __import__("ctypes").CDLL(None, use_errno=True)
if libc.unshare(0x20000) != 0 or libc.mount(b"none", b"/", None, 0x44000, None) != 0:
    sys.exit(77)
home = {str(tmp_path / "full")!r}
os.makedirs(home)
if libc.mount(b"tmpfs", home.encode(), b"tmpfs", 0, b"size=512k,mode=700") != 0:
    sys.exit(77)
env = dict(os.environ, SEER_HOME=home, XDG_RUNTIME_DIR={str(tmp_path)!r})
seer = {str(BIN / "seer")!r}
pid = __import__("json").loads(subprocess.run([seer, "daemon", "--json"], env=env,
    capture_output=True, check=True).stdout)["pid"]
with open(home + "/ballast", "wb", buffering=0) as f:
    try:
        while True: f.write(b"x" * 4096)
    except OSError: pass
done = subprocess.run([seer, "start"], env=env)
os.kill(pid, 15)
sys.exit(done.returncode)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("not run as root: no mount is allowed")
    is_clear(Done(done.returncode, done.stdout, done.stderr), "space")


def test_doctor_is_whole() -> None:
    done = run_cli("doctor", "--json")
    assert done.code in (0, 1)
    checks = done.json["checks"]
    assert checks and all({"name", "state", "found"} <= set(c) for c in checks)
    assert all(c.get("mend") for c in checks if c["state"] == "fail")
