# SPDX-License-Identifier: Apache-2.0
"""The walls, looked at from inside and from outside, by tests/tools/sandbox-try.

Needs no daemon, no Python environment and no network. Runs as root and as an ordinary user; as root
the latter is played by a user id of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SEER_TEST_BUILD", "build")
ORDINARY = 61234
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@dataclass
class Run:
    code: int
    out: str
    err: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Walls:
    """A private place with the programs in it, for one user."""

    top: Path
    uid: int
    count: int = 0

    def plan(self, **more: Any) -> Path:
        self.count += 1
        name = f"t{os.getpid()}x{self.uid}x{self.count}"
        plan = {
            "id": name,
            "dir": str(self.top / "sandboxes" / name),
            "env": ENV,
            **more,
        }
        path = self.top / f"{name}.json"
        path.write_text(json.dumps(plan))
        path.chmod(0o644)
        return path

    def folder(self, name: str) -> Path:
        path = self.top / name
        path.mkdir()
        os.chown(path, self.uid, self.uid) if os.geteuid() == 0 else None
        return path

    def argv(self, *words: str) -> list[str]:
        drop = [
            "setpriv",
            f"--reuid={self.uid}",
            f"--regid={self.uid}",
            "--clear-groups",
        ]
        return [
            *(drop if self.uid != os.geteuid() else []),
            str(self.top / "sandbox-try"),
            *words,
        ]

    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "SEER_INIT": str(self.top / "seer-init"),
            "SECRET_OF_HOST": "s3cret",
        }

    def start(
        self, plan: Path, *command: str, flags: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*flags, str(plan), str(self.top / "cache"), "--", *command),
            env=self.env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, plan: Path, *command: str) -> Run:
        process = self.start(plan, *command, flags=("--notes",))
        out, err = process.communicate(timeout=120)
        first, _, rest = err.partition("\n")
        if first.startswith("["):
            return Run(process.returncode, out, rest, json.loads(first))
        return Run(process.returncode, out, err)

    def sh(self, script: str, **more: Any) -> Run:
        return self.run(self.plan(**more), "/bin/sh", "-c", script)

    def python(self, script: str, **more: Any) -> Run:
        return self.run(self.plan(**more), "/usr/bin/python3", "-c", script)

    def leftovers(self) -> list[str]:
        folders = [str(p) for p in (self.top / "sandboxes").glob("*")]
        mounts = [
            m
            for m in Path("/proc/self/mountinfo").read_text().split("\n")
            if str(self.top) in m
        ]
        groups = [
            str(p)
            for p in Path("/sys/fs/cgroup").rglob(f"seer-t{os.getpid()}x{self.uid}x*")
        ]
        return folders + mounts + groups


@pytest.fixture(params=["own", "ordinary"])
def walls(request: pytest.FixtureRequest) -> Iterator[Walls]:
    uid = os.geteuid()
    if request.param == "ordinary":
        if uid != 0:
            pytest.skip("this is the ordinary user already")
        uid = ORDINARY
    top = Path(tempfile.mkdtemp(prefix="seer-walls-", dir="/tmp"))
    top.chmod(0o755)
    for source in (BUILD / "tests/tools/sandbox-try", BUILD / "bin/seer-init"):
        shutil.copy(source, top / source.name)
    here = Walls(top, uid)
    for name in ("sandboxes", "cache"):
        here.folder(name)
    try:
        yield here
        assert here.leftovers() == []
    finally:
        shutil.rmtree(top)


def wait_end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            assert select.select([fd], [], [], 60)[0], f"process {pid} lives on"
        finally:
            os.close(fd)


def test_nothing_of_the_host_is_seen(walls: Walls) -> None:
    secret = walls.folder("home") / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    host = subprocess.Popen(["sleep", "98765"])
    try:
        run = walls.sh(
            "ls -RA /home /root /mnt /tmp /var/tmp /srv /run /media; env; ps -ef 2>/dev/null;"
            "cat /proc/self/mountinfo /proc/1/cmdline /proc/self/cgroup; ls -l /proc/self/fd /proc/1/exe;"
            "ls /etc/ssh /etc/shadow /sys/fs/cgroup /sys/firmware /var/lib/dpkg; hostname"
        )
    finally:
        host.kill()
        host.wait()
    said = run.out + run.err
    for leak in (
        "s3cret",
        "SECRET_OF_HOST",
        "98765",
        str(walls.top),
        str(ROOT),
    ):
        assert leak not in said
    assert run.out.split()[-1] == "seer"
    inside = set(walls.sh("ls -A /").out.split())
    assert "usr" in inside and not inside & {"lost+found", "boot", "snap", ".dockerenv"}
    assert walls.sh("ls -A /home /root").out.split() == ["/home:", "/root:"]


def test_environment_and_descriptors(walls: Walls) -> None:
    run = walls.python(
        "import os, json; print(json.dumps([dict(os.environ), sorted(os.listdir('/proc/self/fd')),"
        "os.getcwd(), os.getuid(), os.getgid(), os.getgroups(), os.getsid(0) == os.getpid()]))"
    )
    env, fds, cwd, uid, gid, groups, leads = json.loads(run.out)
    env.pop("LC_CTYPE", None)
    assert env == ENV
    assert fds == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert (cwd, uid, gid, leads) == ("/", 0, 0, True)
    assert groups in ([], [0]) or walls.uid != 0


def test_privileges(walls: Walls) -> None:
    run = walls.sh("cat /proc/self/status; ulimit -c")
    status = dict(
        line.split(":\t", 1) for line in run.out.splitlines() if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[name], 16) == 0x800405FB
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert run.out.splitlines()[-1] == "0"


def test_sockets_of_the_host(walls: Walls) -> None:
    path = walls.folder("run") / "s"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        named.bind(str(path))
        path.chmod(0o777)
        named.listen()
        name = f"seer-walls-{os.getpid()}-{walls.uid}"
        abstract.bind("\0" + name)
        abstract.listen()
        probe = (
            "import socket\n"
            f"tcp, path, name = ('127.0.0.1', {tcp.getsockname()[1]}), {str(path)!r}, {name!r}\n"
            "for f, a in ((2, tcp), (1, path), (1, chr(0) + name)):\n"
            "    try: socket.socket(f).connect(a); print('open')\n"
            "    except OSError as e: print(type(e).__name__)\n"
            "s = socket.create_server(('127.0.0.1', 0))\n"
            "socket.create_connection(s.getsockname()); print('lo')\n"
        )
        run = walls.python(probe)
        assert run.out.split() == [
            "ConnectionRefusedError",
            "FileNotFoundError",
            "ConnectionRefusedError",
            "lo",
        ]
        # With the host's network the loopback is there on request; the abstract socket is not,
        # where the kernel has a wall for it.
        run = walls.python(probe, network="host")
        refused = "PermissionError" if not run.notes else "open"
        assert run.out.split() == ["open", "FileNotFoundError", refused, "lo"]


SYSCALLS = r"""
import ctypes, errno, socket, json
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *args):
    ctypes.set_errno(0)
    r = libc.syscall(ctypes.c_long(nr), *[ctypes.c_ulong(a) for a in args])
    return errno.errorcode.get(ctypes.get_errno(), '0') if r < 0 else 'done'
def sock(family, kind=1, proto=0):
    try: socket.socket(family, kind, proto); return 'done'
    except OSError as e: return errno.errorcode[e.errno]
high = 1 << 32
print(json.dumps({
 'mount': call(165, 0, 0, 0, 0, 0), 'umount2': call(166, 0, 0), 'pivot_root': call(155, 0, 0),
 'setns': call(308, 0, 0), 'unshare user': call(272, 0x10000000),
 'unshare net high': call(272, 0x40000000 | high),
 'unshare time': call(272, 0x80),
 'clone user': call(56, 0x10000011, 0, 0, 0, 0), 'clone3': call(435, 0, 0),
 'bpf': call(321, 0, 0, 0), 'keyctl': call(250, 0, 0, 0, 0, 0), 'add_key': call(248, 0, 0, 0, 0, 0),
 'userfaultfd': call(323, 0), 'perf': call(298, 0, 0, 0, 0, 0),
 'open_by_handle_at': call(304, 0, 0, 0),
 'io_uring': call(425, 1, 0), 'open_tree': call(428, 0, 0, 0), 'open_tree_attr': call(467, 0, 0, 0, 0, 0),
 'fsopen': call(430, 0, 0), 'reboot': call(169, 0, 0, 0, 0), 'init_module': call(175, 0, 0, 0),
 'kexec_load': call(246, 0, 0, 0, 0), 'settimeofday': call(164, 0, 0), 'swapon': call(167, 0, 0),
 'syslog': call(103, 3, 0, 0), 'acct': call(163, 0), 'future': call(1000),
 'sethostname': call(170, 0, 0), 'personality': call(135, 0x0400000),
 'tiocsti': call(16, 0, 0x5412, 0), 'tiocsti high': call(16, 0, 0x5412 | high, 0),
 'packet': sock(17, 3), 'alg': sock(38, 5), 'vsock': sock(40), 'audit': sock(16, 3, 9), 'key': sock(15, 3, 2),
 'unix': sock(1), 'inet': sock(2), 'inet6': sock(10), 'netlink': sock(16, 3, 0),
 'unshare files': call(272, 0x400),
}))
"""


@pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the numbers are those of x86-64"
)
def test_system_calls(walls: Walls) -> None:
    got = json.loads(walls.python(SYSCALLS).out)
    for name in ("clone3", "io_uring", "future"):
        assert got.pop(name) == "ENOSYS", name
    for name in ("packet", "alg", "vsock", "audit", "key"):
        assert got.pop(name) == "EAFNOSUPPORT", name
    for name in ("unix", "inet", "inet6", "netlink", "unshare files"):
        assert got.pop(name) == "done", name
    assert {k: v for k, v in got.items() if v != "EPERM"} == {}


def test_hostile_tries(walls: Walls) -> None:
    usr = os.stat("/usr/bin/env")
    tries = {
        "mount": "mount -t tmpfs none /mnt",
        "remount": "mount -o remount,rw /proc/sys",
        "namespaces": "unshare -Ur true",
        "enter": "nsenter -t 1 -m true",
        "sysrq": "sh -c 'echo h > /proc/sysrq-trigger' && test -c /proc/sysrq-trigger && false",
        "core pattern": "sh -c 'echo x > /proc/sys/kernel/core_pattern'",
        "kcore": "head -c 1 /proc/kcore | grep -q .",
        "keys": "grep -q . /proc/keys",
        "device": "mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda",
        "chmod of the host": "chmod 777 /usr/bin/env",
        "write to the host": "sh -c 'echo x >> /usr/bin/env'",
        "init memory": "head -c 1 /proc/1/mem",
        "init root": "ls /proc/1/root/",
        "init program": "sh -c 'echo x > /proc/1/exe'",
        "cpu": "sh -c 'echo 0 > /sys/devices/system/cpu/cpu1/online'",
        "cgroup": "ls /sys/fs/cgroup",
    }
    script = "".join(
        f"if ({t}) >/dev/null 2>&1; then echo '{n}'; fi\n" for n, t in tries.items()
    )
    run = walls.sh(script + "kill -9 1; kill -TERM 1; echo alive")
    assert run.out.split("\n") == ["alive", ""]
    assert os.stat("/usr/bin/env").st_mode == usr.st_mode
    assert os.stat("/usr/bin/env").st_mtime_ns == usr.st_mtime_ns


def test_layers_are_not_written(walls: Walls) -> None:
    low, top, model = (walls.folder(n) for n in ("low", "top", "model"))
    (low / "a").write_text("low")
    (low / "b").write_text("low")
    (top / "b").write_text("top")
    (model / "weights").write_text("w")
    (low / "out").symlink_to(
        "/etc"
    )  # a hostile layer: leads to the guest's /etc, not the host's
    given = walls.top / "given"
    given.write_text("given")
    mounts = [
        {"type": "overlay", "lower": [str(top), str(low)], "dst": "/opt/env"},
        {"type": "bind", "src": str(model), "dst": "/models/m0"},
        {"type": "tmpfs", "dst": "/scratch", "size": 1 << 20},
    ]
    files = [
        {"src": str(given), "dst": "/root/deep/er/given"},
        {"src": str(given), "dst": "/opt/env/out/seer-walls-test"},
    ]
    run = walls.sh(
        "cat /opt/env/a /opt/env/b /root/deep/er/given /etc/seer-walls-test; echo x > /opt/env/n && echo;"
        "echo x > /models/m0/weights || echo ro; rm /models/m0/weights || echo ro;"
        "head -c 2000000 /dev/zero > /scratch/big || echo full; echo x > /root/f && echo kept",
        mounts=mounts,
        files=files,
    )
    assert run.out.split() == ["lowtopgivengiven", "ro", "ro", "full", "kept"]
    assert sorted(p.name for p in low.iterdir()) == ["a", "b", "out"]
    assert (model / "weights").read_text() == "w"
    assert not Path("/etc/seer-walls-test").exists()
    again = walls.sh("ls /opt/env /root", mounts=mounts)
    assert again.out.split() == ["/opt/env:", "a", "b", "out", "/root:"]


def test_a_writable_bind(walls: Walls) -> None:
    shared = walls.folder("shared")
    if walls.uid == 0:
        os.chown(shared, 1900019712, 1900019712)
    mount = {"type": "bind", "src": str(shared), "dst": "/run/seer", "writable": True}
    assert walls.sh("echo hi > /run/seer/f", mounts=[mount]).code == 0
    assert (shared / "f").read_text() == "hi\n"
    assert os.stat(shared / "f").st_uid == (1900019712 if walls.uid == 0 else walls.uid)


def limited(walls: Walls, script: str, **limits: Any) -> Run:
    run = walls.python(script, limits=limits)
    if run.notes:
        assert walls.uid != 0, "root must get its limits"
        pytest.skip("; ".join(run.notes))
    return run


def test_memory_limit(walls: Walls) -> None:
    hog = "import os\nif os.fork() == 0: bytearray(400 << 20); os._exit(0)\nprint(os.wait()[1])"
    assert limited(walls, hog, memory=128 << 20).out.split() == ["9"]


def test_process_limit(walls: Walls) -> None:
    bomb = """
import os, signal
n = 0
try:
    while n < 500:
        if os.fork() == 0: signal.pause()
        n += 1
except OSError as e:
    print(n < 40, e.errno)
"""
    assert limited(walls, bomb, pids=40).out.split() == ["True", "11"]


def test_a_failed_start_leaves_nothing(walls: Walls) -> None:
    for mount, words in (
        ({"type": "bind", "src": "/nowhere/at/all", "dst": "/x"}, "/nowhere/at/all"),
        ({"type": "bind", "src": "/dev/null", "dst": "/x"}, "/dev/null"),
        ({"type": "overlay", "lower": ["/etc/passwd"], "dst": "/x"}, "/etc/passwd"),
    ):
        run = walls.run(walls.plan(mounts=[mount], limits={"pids": 50}), "/bin/true")
        assert run.code == 125
        error = json.loads(run.err)
        assert error["kind"] == "user" and words in error["message"]
        assert walls.leftovers() == []
    run = walls.run(walls.plan(), "/no/such/command")
    assert run.code == 125 and "No such file" in json.loads(run.err)["message"]


def guest_pid(walls: Walls, plan: Path) -> int:
    record = json.loads(
        (Path(json.loads(plan.read_text())["dir"]) / "record.json").read_text()
    )
    return int(record["pid"])


def test_death_of_the_starter_is_death_inside(walls: Walls) -> None:
    plan = walls.plan(limits={"pids": 100})
    process = walls.start(plan, "/bin/sh", "-c", "setsid sleep 97531 & echo up; wait")
    assert process.stdout and process.stdout.readline() == "up\n"
    pid = guest_pid(walls, plan)
    # As an ordinary user it is setpriv, replaced by exec, so the pid is the starter's in any case.
    process.kill()
    process.communicate()
    wait_end(pid)
    assert (
        b"97531"
        not in subprocess.run(
            ["ps", "-eo", "args"], capture_output=True, check=False
        ).stdout
    )
    folder = json.loads(plan.read_text())["dir"]
    assert Path(folder).exists()
    done = subprocess.run(
        walls.argv("--reap", folder),
        env=walls.env(),
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    again = subprocess.run(
        walls.argv("--reap", folder),
        env=walls.env(),
        capture_output=True,
        check=False,
        text=True,
    )
    assert (again.returncode, again.stderr) == (0, "")


def test_a_reap_spares_a_recycled_pid(walls: Walls) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    folder = walls.folder("sandboxes/recycled")
    started = int(
        Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19]
    )
    for record in (
        {
            "pid": stranger.pid,
            "started": started - 1,
            "pidns": os.stat("/proc/self/ns/pid").st_ino,
        },
        {"pid": stranger.pid, "started": started, "pidns": 1},
        {"pid": 1, "started": 1, "pidns": 1},
        {
            "pid": -1,
            "started": 1,
            "pidns": 1,
            "cgroups": [{"path": "/sys/fs/cgroup/memory", "v2": False}],
        },
    ):
        folder.mkdir(exist_ok=True)
        (folder / "record.json").write_text(
            json.dumps({"version": 1, "isolation": "namespaces", **record})
        )
        os.chown(folder, walls.uid, walls.uid) if os.geteuid() == 0 else None
        done = subprocess.run(
            walls.argv("--reap", str(folder)),
            env=walls.env(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_hostile_tree_is_removed(walls: Walls) -> None:
    run = walls.python(
        "import os\nos.chdir('/root')\n"
        "for i in range(3000): os.mkdir('d'); os.chdir('d')\n"
        "os.chdir('/root'); os.mkdir('closed'); os.mkdir('closed/in'); open('closed/in/f', 'w').close()\n"
        "os.chmod('closed/in', 0o500); os.chmod('closed', 0o000); os.symlink('/usr', 'link')\n"
        "print('made')"
    )
    assert (run.code, run.out) == (0, "made\n"), run.err
    assert Path("/usr/bin/env").exists()


def test_orphans_are_reaped(walls: Walls) -> None:
    run = walls.sh(
        "for i in 1 2 3 4 5; do (sleep 0.01 &) ; done; sleep 0.3; ls -d /proc/[0-9]* | wc -l"
    )
    assert int(run.out) <= 5  # init, sh, ls, wc: no zombie


def test_no_walls_only_when_asked(walls: Walls) -> None:
    run = walls.sh(
        "setsid sh -c 'sleep 96421 & sleep 96421' & cat /proc/self/status | grep Seccomp:; id -u",
        isolation="none",
    )
    assert run.out.split() == ["Seccomp:", "0", str(walls.uid)]
    assert any("no walls" in n for n in run.notes)
    assert (
        b"96421"
        not in subprocess.run(
            ["ps", "-eo", "args"], capture_output=True, check=False
        ).stdout
    )


def test_no_zombie_of_the_host(walls: Walls) -> None:
    """Signals sent to the starter's group do not reach inside; its end does."""
    plan = walls.plan()
    process = walls.start(plan, "/bin/sh", "-c", "echo up; read x; echo $x")
    assert process.stdout and process.stdout.readline() == "up\n"
    pid = guest_pid(walls, plan)
    os.kill(pid, signal.SIGTERM) if os.geteuid() == 0 else None  # PID 1 does not mind
    out, _ = process.communicate("word\n", timeout=60)
    assert (process.returncode, out) == (0, "word\n")


def test_doctor_finds_this_machine_fit(walls: Walls) -> None:
    done = subprocess.run(
        walls.argv("--doctor", str(walls.top / "cache")),
        env=walls.env(),
        capture_output=True,
        check=False,
        text=True,
    )
    checks = {c["name"]: c for c in json.loads(done.stderr)}
    for name in ("user namespaces", "namespaces", "proc", "overlay", "seccomp", "ids"):
        assert checks[name]["state"] == "ok", checks[name]
    for check in checks.values():
        assert set(check) == {"name", "state", "found", "mend"}
        assert bool(check["mend"]) == (check["state"] != "ok")
