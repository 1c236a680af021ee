# SPDX-License-Identifier: Apache-2.0
"""core/kernel against a real ipykernel, without a sandbox: tests/tools/kernel-try does what the shim
does (records into a journal, the journal folded into a notebook), and these look at the records."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SEER_TEST_BUILD", "build")
CACHE = Path(os.environ.get("SEER_TEST_CACHE", str(Path.home() / ".cache" / "seer-tests")))
DEADLINE = 120.0
KEY = "0123456789abcdef0123456789abcdef"
Record = dict[str, Any]


@pytest.fixture(scope="session")
def kernel_python() -> str:
    """An interpreter with ipykernel, matplotlib and nbformat; made once a machine."""

    def works(python: str) -> bool:
        needs = [python, "-c", "import ipykernel, matplotlib, nbformat"]
        return (
            Path(python).exists()
            and not subprocess.run(needs, check=False, capture_output=True).returncode
        )

    for python in (os.environ.get("SEER_KERNEL_PYTHON"), sys.executable):
        if python and works(python):
            return python
    folder = CACHE / "kernel-venv"
    python = str(folder / "bin" / "python")
    if not works(python):
        venv.create(folder, with_pip=True, clear=True)
        packages = ["ipykernel", "matplotlib", "nbformat"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


class Driver:
    """One kernel and the program that drives it."""

    def __init__(self, python: str, folder: Path) -> None:
        self.folder = folder
        self.python = python
        sockets = folder / "k"
        sockets.mkdir()
        connection = {
            "transport": "ipc",
            "ip": str(sockets / "p"),
            "shell_port": 1,
            "iopub_port": 2,
            "stdin_port": 3,
            "control_port": 4,
            "hb_port": 5,
            "key": KEY,
            "signature_scheme": "hmac-sha256",
            "kernel_name": "python3",
        }
        (folder / "connection.json").write_text(json.dumps(connection))
        # Says on a pipe when the sockets are bound, as guest/boot.py does.
        read, write = os.pipe()
        start = (
            "import os, sys\n"
            "from ipykernel.kernelapp import IPKernelApp\n"
            "app = IPKernelApp.instance(connection_file=sys.argv[1])\n"
            "app.initialize(['--HistoryManager.enabled=False'])\n"
            f"os.write({write}, b'r'); os.close({write})\n"
            "app.start()\n"
        )
        self.kernel = subprocess.Popen(
            [python, "-c", start, str(folder / "connection.json")],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(folder / "kernel.log").open("w"),
            env={**os.environ, "IPYTHONDIR": str(folder / "ipython"), "MPLBACKEND": ""},
        )
        os.close(write)
        assert os.read(read, 1) == b"r", (folder / "kernel.log").read_text()
        os.close(read)
        self.notebook = folder / "n.ipynb"
        self.driver = subprocess.Popen(
            [
                str(BUILD / "tests" / "tools" / "kernel-try"),
                str(sockets),
                "p",
                KEY,
                str(folder / "journal"),
                str(self.notebook),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.buffer = b""
        self.next_cell = 0
        assert self.read() == {"t": "try", "event": "ready"}

    def send(self, **command: Any) -> None:
        assert self.driver.stdin
        self.driver.stdin.write(json.dumps(command).encode() + b"\n")
        self.driver.stdin.flush()

    def read(self) -> Record:
        assert self.driver.stdout
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.driver.stdout], [], [], DEADLINE)
            assert ready, "no record came"
            data = os.read(self.driver.stdout.fileno(), 1 << 20)
            assert data, "kernel-try ended"
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        record: Record = json.loads(line)
        return record

    def read_until(self, kind: str) -> list[Record]:
        records = [self.read()]
        while records[-1]["t"] != kind:
            records.append(self.read())
        return records

    def start(self, code: str, **more: Any) -> str:
        self.next_cell += 1
        cell = f"c{self.next_cell}"
        self.send(cell=cell, code=code, **more)
        assert self.read()["t"] == "cell"
        return cell

    def run(self, code: str, **more: Any) -> list[Record]:
        """The records of a cell, from start to end."""
        cell = self.start(code, **more)
        records = self.read_until("end")
        assert all(r["cell"] == cell for r in records)
        return records

    def finish(self) -> Record:
        """Ends both; the notebook."""
        assert self.driver.stdin
        self.driver.stdin.close()
        assert self.driver.wait(DEADLINE) == 0
        self.kernel.kill()
        self.kernel.wait()
        check = "import sys, nbformat; nbformat.validate(nbformat.read(sys.argv[1], 4))"
        subprocess.run([self.python, "-W", "error", "-c", check, str(self.notebook)], check=True)
        notebook: Record = json.loads(self.notebook.read_text())
        return notebook

    def close(self) -> None:
        for process in (self.driver, self.kernel):
            process.kill()
            process.wait()


@pytest.fixture
def driver(kernel_python: str, tmp_path: Path) -> Iterator[Driver]:
    d = Driver(kernel_python, tmp_path)
    yield d
    d.close()


def text_of(records: list[Record], name: str = "stdout") -> str:
    outputs = [r["output"] for r in records if r["t"] == "output"]
    return "".join(o["text"] for o in outputs if o.get("name") == name)


def end_of(records: list[Record]) -> str:
    return str(records[-1]["status"])


def test_results(driver: Driver) -> None:
    records = driver.run("1+1")
    assert [r["t"] for r in records] == ["start", "output", "end"]
    assert records[0]["count"] == records[2]["count"] == 1
    assert records[1]["output"]["data"] == {"text/plain": "2"}
    assert records[1]["output"]["execution_count"] == 1
    records = driver.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert text_of(records) == "out\n" and text_of(records, "stderr") == "err\n"
    records = driver.run("print?")
    assert any("Docstring" in json.dumps(r) for r in records), "the help page is lost"
    records = driver.run("def f():\n    return 1/0\nf()")
    assert end_of(records) == "error"
    error = records[-2]["output"]
    assert error["ename"] == "ZeroDivisionError" and len(error["traceback"]) > 2
    notebook = driver.finish()
    assert [c["execution_count"] for c in notebook["cells"]] == [1, 2, 3, 4]
    assert notebook["cells"][0]["metadata"]["execution"]["iopub.execute_input"]


def test_display(driver: Driver) -> None:
    driver.run(
        "from IPython.display import display, clear_output\nh = display('first', display_id='d')"
    )
    records = driver.run("h.update('second')")
    assert [r["t"] for r in records] == ["start", "update", "end"]
    driver.run(
        "for i in range(5):\n    clear_output(wait=True)\n    print(i)\nprint('10%\\r20%', end='')"
    )
    driver.run("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    cells = driver.finish()["cells"]
    assert cells[0]["outputs"][0]["data"]["text/plain"] == "'second'"
    assert cells[2]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "4\n20%"}]
    images = [
        o["data"]["image/png"] for o in cells[3]["outputs"] if "image/png" in o.get("data", {})
    ]
    assert len(images) == 1 and images[0].startswith("iVBOR")


def test_flood(driver: Driver) -> None:
    """Every line of a flood is in the records, in order."""
    records = driver.run("for i in range(200_000):\n    print(i)")
    assert text_of(records) == "".join(f"{i}\n" for i in range(200_000))
    records = driver.run("import os\nfor i in range(20_000):\n    print(i, flush=True)")
    assert text_of(records) == "".join(f"{i}\n" for i in range(20_000))
    assert not [r for r in records if r["t"] == "dropped"]
    driver.finish()


def test_one_long_print_is_many_records(driver: Driver) -> None:
    """A reader that had to parse 3 MB as one record stalled the daemon for everybody."""
    records = driver.run("print('aä€😀' * 300_000)")
    assert text_of(records) == "aä€😀" * 300_000 + "\n"
    pieces = [r["output"]["text"] for r in records if r["t"] == "output"]
    assert len(pieces) > 10 and max(len(p.encode()) for p in pieces) <= 256 << 10
    driver.finish()


def test_interrupt(driver: Driver) -> None:
    driver.start("print('go', flush=True)\nimport time\nwhile True: time.sleep(100)")
    driver.read_until("output")
    driver.send(interrupt=driver.kernel.pid)
    records = driver.read_until("end")
    assert end_of(records) == "interrupted"
    assert records[0]["output"]["ename"] == "KeyboardInterrupt"
    assert end_of(driver.run("1")) == "ok"
    assert end_of(driver.run("raise KeyboardInterrupt")) == "error"
    driver.finish()


def test_death(driver: Driver) -> None:
    """All that a kernel wrote before it died is there, then the end says so."""
    driver.start("import os\nfor i in range(5000): print(i, flush=True)\nos._exit(7)")
    assert driver.kernel.wait(DEADLINE) == 7
    driver.send(died="the kernel exited with status 7")
    records = driver.read_until("end")
    assert text_of(records).startswith("0\n1\n")
    assert end_of(records) == "died" and "status 7" in records[-1]["reason"]
    assert not [r for r in records if r["t"] == "dropped"]
    assert driver.finish()["cells"][0]["outputs"][-1]["ename"] == "KernelDied"


def test_killed(driver: Driver) -> None:
    driver.start("print('here', flush=True)\nimport time\ntime.sleep(1000)")
    driver.read_until("output")
    driver.kernel.send_signal(signal.SIGKILL)
    driver.kernel.wait()
    driver.send(died="killed")
    assert end_of(driver.read_until("end")) == "died"


def test_late_output(driver: Driver) -> None:
    """A thread that outlives its cell prints into that cell."""
    fifo = driver.folder / "go"
    os.mkfifo(fifo)
    cell = driver.start(
        "import threading\n"
        f"def late():\n    open({str(fifo)!r}).read()\n    print('late', flush=True)\n"
        "threading.Thread(target=late).start()"
    )
    driver.read_until("end")
    fifo.write_text("")
    record = driver.read()
    assert record["cell"] == cell and record["output"]["text"] == "late\n"
    assert text_of(driver.run("print('now')")) == "now\n"
    assert driver.finish()["cells"][0]["outputs"][0]["text"] == "late\n"


def test_input(driver: Driver) -> None:
    records = driver.run("input('name? ')")
    assert (
        end_of(records) == "error" and records[-2]["output"]["ename"] == "StdinNotImplementedError"
    )
    driver.start("print('hello', input('name? '))", stdin=True)
    question = driver.read_until("try")[-1]
    assert question["event"] == "input" and question["prompt"] == "name? "
    driver.send(input="Ada")
    assert text_of(driver.read_until("end")) == "hello Ada\n"
    driver.start("input()", stdin=True)
    driver.read_until("try")
    driver.send(input=None)
    assert driver.read_until("end")[-2]["output"]["ename"] == "EOFError"
    driver.finish()


def test_oversized(driver: Driver) -> None:
    """A frame above the limit breaks the connection: said, and the cell ends all the same."""
    records = driver.run(
        "from IPython.display import display, HTML\n"
        "print('before', flush=True)\ndisplay(HTML('x' * (70 << 20)))\nprint('after')"
    )
    assert end_of(records) == "ok"
    assert [r for r in records if r["t"] == "dropped"]
    assert "before" in text_of(records)
    assert text_of(driver.run("print('next')")) == "next\n"
    driver.finish()


def test_forged(driver: Driver) -> None:
    """Messages with a wrong signature, too deep or of wrong shape are refused and told of."""
    records = driver.run(
        "from ipykernel.kernelapp import IPKernelApp\n"
        "app = IPKernelApp.instance()\n"
        "s = app.iopub_socket\n"
        "for parts in ([b'x'], [b'<IDS|MSG>', b'0' * 64, b'{}', b'{}', b'{}', b'{}'], [b'y'] * 300):\n"
        "    s.send_multipart([b'topic', *parts])\n"
        "deep = x = []\n"
        "for _ in range(110):\n    x.append([])\n    x = x[0]\n"
        "from IPython.display import publish_display_data\n"
        "publish_display_data({'application/json': deep})\n"
        "print('good')"
    )
    assert end_of(records) == "ok" and text_of(records) == "good\n"
    assert [r for r in records if r["t"] == "dropped"]
    driver.finish()


def test_death_with_heir(driver: Driver) -> None:
    """A child that holds the dead kernel's sockets open does not hold up the end."""
    fifo = driver.folder / "go"
    os.mkfifo(fifo)
    driver.start(
        f"import os, time\nprint('before', flush=True)\nopen({str(fifo)!r}).read()\n"
        "if os.fork() == 0:\n    time.sleep(3)\n    os._exit(0)\n"
        "os._exit(1)"
    )
    assert text_of(driver.read_until("output")) == "before\n"
    fifo.write_text("")
    driver.kernel.wait()
    driver.send(died="exited")
    records = driver.read_until("end")
    assert end_of(records) == "died" and "exited" in records[-1]["reason"]
