# SPDX-License-Identifier: Apache-2.0
"""`seer` against a seerd that does as it is told (fake_seerd.py): python3 test_client.py PATH-OF-SEER.
Standard library only; nothing waits but for an event."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEER = Path(os.environ.get("SEER", ""))
DEADLINE = 60


class Case(unittest.TestCase):
    def setUp(self):
        self.top = Path(tempfile.mkdtemp(prefix="seer-test-"))
        (self.top / "bin").mkdir()
        shutil.copy(SEER, self.top / "bin/seer")
        shutil.copy(HERE / "fake_seerd.py", self.top / "bin/seerd")
        (self.top / "bin/seerd").chmod(0o755)
        self.env = {**os.environ, "SEER_HOME": str(self.top / "home"),
                    "SEER_CACHE": str(self.top / "cache"), "XDG_RUNTIME_DIR": str(self.top)}  # fmt: skip

    def tearDown(self):
        for line in self.log():
            if "started" in line:
                try:
                    os.kill(line["started"], signal.SIGKILL)
                except ProcessLookupError:
                    pass
        shutil.rmtree(self.top)

    def log(self, method=None):
        path = self.top / "home/fake.log"
        lines = (
            [json.loads(x) for x in path.read_text().splitlines()]
            if path.exists()
            else []
        )
        return [x for x in lines if method is None or x.get("method") == method]

    def popen(self, *args, stdin=subprocess.DEVNULL, **env):
        return subprocess.Popen([self.top / "bin/seer", *args], stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**self.env, **env}, cwd=self.top)  # fmt: skip

    def seer(self, *args, data=None, **env):
        p = self.popen(
            *args,
            stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
            **env,
        )
        out, err = p.communicate(data, DEADLINE)
        self.assertNotIn(b"Sanitizer", err, err.decode())
        return p.returncode, out, err.decode()

    def starts(self):
        return sum("started" in x for x in self.log())


class Starting(Case):
    def test_starts_one_daemon_apart_from_us(self):
        code, out, err = self.seer("daemon", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(set(json.loads(out)), {"socket", "http", "pid", "version"})
        line = self.log()[0]
        self.assertTrue(line["session"])
        self.assertEqual(line["cwd"], "/")
        self.assertEqual(line["fds"], [0, 1, 2, 3])
        self.assertEqual(
            json.loads(self.seer("daemon", "--json")[1])["pid"], line["started"]
        )
        self.assertEqual(self.starts(), 1)

    def test_racing_clients_start_one(self):
        running = [self.popen("ps") for _ in range(8)]
        for p in running:
            self.assertIn(b"no sandbox", p.communicate(timeout=DEADLINE)[0])
            self.assertEqual(p.returncode, 0)
        self.assertEqual(self.starts(), 1)

    def test_a_killed_daemon_is_replaced(self):
        pid = json.loads(self.seer("daemon", "--json")[1])["pid"]
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.seer("ps")[0], 0)
        self.assertEqual(self.starts(), 2)

    def test_stop(self):
        self.assertEqual(
            json.loads(self.seer("daemon", "--stop", "--json")[1]), {"stopped": False}
        )
        self.assertEqual(self.starts(), 0)
        self.seer("daemon")
        self.assertEqual(
            json.loads(self.seer("daemon", "--stop", "--json")[1]), {"stopped": True}
        )

    def test_says_why_it_cannot_start(self):
        code, out, err = self.seer("ps", "--json", FAKE_START="error")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["error"]["code"], "disk_full")
        code, _, err = self.seer("ps", FAKE_START="exit")
        self.assertEqual(code, 1)
        self.assertIn("something is wrong", err)
        self.assertIn("seerd.log", err)
        (self.top / "bin/seerd").unlink()
        code, out, _ = self.seer("ps", "--json", PATH="/nonexistent")
        self.assertEqual(json.loads(out)["error"]["code"], "daemon_start")

    def test_another_version_is_told(self):
        code, _, err = self.seer("ps", FAKE_VERSION="9.9")
        self.assertEqual(code, 0)
        self.assertIn("version 9.9", err)


class Usage(Case):
    def test_usage_errors(self):
        for args in (["nope"], ["start", "--nope"], ["code"], ["stop"], ["stop", "--all", "x"],
                     ["ps", "x"], ["start", "--model"], ["start", "--env", "x"], ["exec", "box"],
                     ["code", "s", "--timeout", "-1"], ["completion", "tcsh"],
                     ["start", "--base-model", "b"]):  # fmt: skip
            code, out, err = self.seer(*args)
            self.assertEqual((code, out), (2, b""), args)
            self.assertTrue(err.startswith("seer: "), args)
            code, out, _ = self.seer(*args[:1], "--json", *args[1:])
            self.assertEqual(json.loads(out)["error"]["code"], "usage", args)
        self.assertEqual(self.seer()[0], 2)
        self.assertEqual(self.starts(), 0)

    def test_help_of_every_verb_has_examples(self):
        code, out, _ = self.seer("help")
        self.assertEqual(code, 0)
        verbs = [
            x.split()[0]
            for x in out.decode().split("Commands:\n")[1].split("\n\n")[0].splitlines()
        ]
        self.assertGreater(len(verbs), 10)
        for verb in verbs:
            code, out, _ = self.seer(verb, "--help")
            self.assertEqual(code, 0)
            self.assertIn(b"Examples:\n  ", out)
            self.assertIn(b"--json", out)

    def test_completion(self):
        for shell, check in (
            ("bash", ["bash", "-n"]),
            ("zsh", ["zsh", "-n"]),
            ("fish", ["fish", "-n"]),
        ):
            out = self.seer("completion", shell)[1]
            self.assertIn(b"interrupt", out)
            if shutil.which(check[0]):
                subprocess.run(check, input=out, check=True)

    def test_version(self):
        self.assertRegex(self.seer("--version")[1], rb"^seer \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.seer("--version", "--json")[1]))


class Start(Case):
    def test_start(self):
        (self.top / "lib.py").write_text("x = 1\n")
        (self.top / "c.json").write_text(
            '{"python_packages": ["a"], "secrets": ["S1", "S2"]}'
        )
        code, out, err = self.seer(
            "start", "-m", "o/n:v", "-m", "o/m", "-p", "b", "-l", "lib.py", "--config", "c.json",
            "-e", "K=a=b", "--file", "/x:/y", "--json", S1="s", S2="",
        )  # fmt: skip
        self.assertEqual((code, err), (0, "seer: note: n1\n"))
        answer = json.loads(out)
        for key in (
            "session_id",
            "sandbox_id",
            "jupyter_url",
            "model_info",
            "notebook",
        ):
            self.assertIn(key, answer)
        p = self.log("sandbox.start")[0]["params"]
        self.assertEqual(p["config"], {
            "models": [{"name": "o/n", "var_name": "v"}, {"name": "o/m"}], "python_packages": ["a", "b"],
            "secrets": ["S1", "S2"], "env": {"K": "a=b"}, "local_files": [["/x", "/y"]],
        })  # fmt: skip
        self.assertEqual(p["secrets"], {"S1": "s", "S2": ""})
        self.assertEqual(p["cwd"], str(self.top))
        self.assertIn("PATH", p["environ"])
        self.assertNotIn("S1", p["environ"])
        self.assertEqual(self.log("session.create")[0]["params"]["libraries"],
                         [{"name": "lib", "source": "x = 1\n"}])  # fmt: skip

    def test_progress_as_lines(self):
        _, out, err = self.seer("start")
        self.assertIn(b"Session   000", out)
        self.assertIn("Building\nBuilt (", err)
        self.assertNotIn("half", err)

    def test_a_failed_session_leaves_no_sandbox(self):
        code, _, err = self.seer("start", "--name", "fails")
        self.assertEqual(code, 1)
        self.assertIn("no such library", err)
        self.assertEqual(len(self.log("sandbox.stop")), 1)

    def test_no_session(self):
        out = json.loads(self.seer("start", "--no-session", "--json")[1])
        self.assertEqual(out["sandbox_id"], "abc")
        self.assertNotIn("session_id", out)

    def test_errors_keep_their_code_and_hint(self):
        code, out, err = self.seer("start", "--gpu", "A100", "--json")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["error"]["code"], "no_gpu")
        self.assertIn("SEER_GPU=none", err)

    def test_bad_files(self):
        (self.top / "latin.py").write_bytes(b"\xe9")
        (self.top / "a-b.py").write_text("")
        (self.top / "bad.json").write_text("[1]")
        for args, want in ((["-l", "no.py"], "no_such_file"), (["-l", "latin.py"], "bad_utf8"),
                           (["-l", "a-b.py"], "bad_parameter"), (["-c", "no.json"], "no_such_file"),
                           (["-c", "bad.json"], "bad_json"), (["-l", "."], "system")):  # fmt: skip
            code, out, _ = self.seer("start", "--json", *args)
            self.assertEqual((code, json.loads(out)["error"]["code"]), (1, want), args)
        self.assertEqual(self.starts(), 0)


class Code(Case):
    def test_streams(self):
        code, out, err = self.seer("code", "ok", "-c", "x")
        self.assertEqual((code, out, err), (0, b"one\n42\n", "two\n"))
        self.assertEqual(self.log("session.execute")[0]["params"]["origin"], "cli")

    def test_code_from_input_and_file(self):
        self.assertEqual(self.seer("code", "ok", data=b"y = 1")[0], 0)
        self.assertEqual(self.seer("code", "ok", "-", data=b"y = 2")[0], 0)
        (self.top / "f.py").write_text("y = 3")
        self.assertEqual(self.seer("code", "ok", "f.py")[0], 0)
        codes = [x["params"]["code"] for x in self.log("session.execute")]
        self.assertEqual(codes, ["y = 1", "y = 2", "y = 3"])

    def test_error(self):
        code, _, err = self.seer("code", "error", "-c", "x")
        self.assertEqual((code, err), (1, "two\nE: v\n"))
        code, out, _ = self.seer("code", "error", "-c", "x", "--json")
        self.assertEqual((code, json.loads(out)["status"]), (1, "error"))

    def test_bad_input(self):
        code, out, _ = self.seer("code", "ok", "--json", data=b"\xff\xfe")
        self.assertEqual((code, json.loads(out)["error"]["code"]), (1, "bad_utf8"))
        self.assertEqual(self.starts(), 0)
        code, _, err = self.seer("code", "none", "-c", "1")
        self.assertEqual(code, 1)
        self.assertEqual(
            err, "seer: there is no session none\n      `seer ps` lists them\n"
        )

    def test_kernel_died(self):
        code, _, err = self.seer("code", "kernel-dies", "-c", "1")
        self.assertEqual(code, 1)
        self.assertIn("out of memory", err)

    def test_survives_the_daemon(self):
        code, out, err = self.seer("code", "dies", "-c", "x")
        self.assertEqual((code, out, err), (0, b"one\n42\n", "two\n"))
        self.assertEqual(len(self.log("session.execute")), 1)
        self.assertEqual(len(self.log("session.wait")), 1)
        cells = {
            x["params"]["cell"]
            for x in self.log("session.execute") + self.log("session.wait")
        }
        self.assertEqual(len(cells), 1)

    def test_a_request_that_never_arrived_is_sent_again(self):
        code, out, _ = self.seer("code", "dies-early", "-c", "x")
        self.assertEqual((code, out), (0, b"one\n42\n"))
        sent = [x["params"]["cell"] for x in self.log("session.execute")]
        self.assertEqual(len(sent), 2)
        self.assertEqual(sent[0], sent[1])

    def test_gives_up_in_the_end(self):
        code, out, _ = self.seer("code", "always-dies", "-c", "x", "--json")
        self.assertEqual(
            (code, json.loads(out)["error"]["code"]), (1, "connection_lost")
        )
        self.assertLess(self.starts(), 10)

    def test_ctrl_c_interrupts(self):
        self.seer("daemon")
        p = self.popen("code", "hang", "-c", "x")
        self.wait_for(lambda: self.log("session.execute"))
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=DEADLINE)
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"interrupted", err)
        self.assertEqual(len(self.log("session.interrupt")), 1)

    def wait_for(self, condition):
        """Until the log says so: looks again at each line that it grows by."""
        with subprocess.Popen(["tail", "-n", "+1", "-F", self.top / "home/fake.log"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tail:  # fmt: skip
            while not condition():
                tail.stdout.readline()
            tail.kill()


class Exec(Case):
    def test_exec(self):
        code, out, err = self.seer(
            "exec", "box", "--", "exit", "7", "--json", data=b"in\0put"
        )
        self.assertEqual((code, out, err), (7, b"in\0put\xff\x1b]0;x\x07", "err\n"))
        self.assertEqual(
            self.log("sandbox.exec")[0]["params"]["argv"], ["exit", "7", "--json"]
        )
        self.assertEqual(self.seer("exec", "box", "exit", "0", "--", "x")[0], 0)
        self.assertEqual(
            self.log("sandbox.exec")[1]["params"]["argv"], ["exit", "0", "--", "x"]
        )
        self.assertEqual(self.seer("exec", "box", "signal")[0], 139)

    def test_exec_json(self):
        code, out, _ = self.seer(
            "exec", "--json", "-e", "A=b", "-w", "/w", "box", "--", "exit", "3"
        )
        answer = json.loads(out)
        self.assertEqual((code, answer["exit_code"], answer["stderr"]), (3, 3, "err\n"))
        p = self.log("sandbox.exec")[0]["params"]
        self.assertEqual((p["env"], p["cwd"]), ({"A": "b"}, "/w"))

    def test_ctrl_c_kills(self):
        p = self.popen("exec", "box", "hang")
        self.assertEqual(p.stdout.readline(), b"on it\n")
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=DEADLINE)
        self.assertEqual(p.returncode, 137)


class Rest(Case):
    def test_doctor(self):
        code, out, _ = self.seer("doctor", FAKE_DOCTOR="fail")
        self.assertEqual(code, 1)
        self.assertIn(b"do that", out)

    def test_doctor_ok(self):
        self.assertEqual(self.seer("doctor")[0], 0)

    def test_logs(self):
        self.assertEqual(
            self.seer("logs", "box")[1], b"2025-11-24T16:00:00Z init    up\n"
        )
        p = self.popen("logs", "-f", "box", "--json")
        self.assertEqual(json.loads(p.stdout.readline())["text"], "up")
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=DEADLINE)
        self.assertEqual(p.returncode, 0)

    def test_logs_into_a_pipe_that_closes(self):
        p = self.popen("logs", "-f", "box")
        p.stdout.close()
        with p.stderr:
            p.stderr.read()
        self.assertEqual(p.wait(DEADLINE), 1)

    def test_stop_and_interrupt(self):
        self.assertEqual(self.seer("stop", "a", "b")[1], b"a\nb\n")
        self.assertEqual(
            json.loads(self.seer("stop", "--all", "--json")[1]), {"stopped": ["abc"]}
        )
        self.assertEqual(self.seer("interrupt", "s")[1], b"interrupted cell c\n")

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            p = subprocess.run(
                [self.top / "bin/seer", "ps", "--json"], check=False, timeout=DEADLINE,
                stdout=full, stderr=subprocess.PIPE, env=self.env,
            )  # fmt: skip
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"No space", p.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SEER = Path(sys.argv.pop(1)).resolve()
    unittest.main()
