# SPDX-License-Identifier: Apache-2.0
"""The HTTP front and the live page: who gets in, what the stream says, what a reader sees."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import seer as sdk
from conftest import daemon_pid, kill

Headers = dict[str, str]


@pytest.fixture(scope="module")
def session(plain_sandbox: sdk.Sandbox, world: Any) -> sdk.NotebookSession:
    return sdk.create_notebook_session(
        plain_sandbox, name="page", notebook_dir=world.top / "outputs"
    )


class Site:
    """One sandbox's address, taken apart."""

    def __init__(self, session: sdk.NotebookSession) -> None:
        parts = urlsplit(session.jupyter_url)
        self.host = parts.netloc
        self.path = parts.path
        self.token = parse_qs(parts.query)["token"][0]
        self.session = session.session_id

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, Headers, bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, self.path + path, body=body, headers=named)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        data = answer.read()
        connection.close()
        return answer.status, found, data

    def get(self, path: str, **headers: str) -> tuple[int, Headers, bytes]:
        return self.ask(path, Authorization=f"token {self.token}", **headers)


@pytest.fixture
def site(session: sdk.NotebookSession) -> Site:
    return Site(session)


class Events:
    """A stream of server-sent events, read one by one."""

    def __init__(self, site: Site, start: int = 1, after: int | None = None) -> None:
        self.connection = http.client.HTTPConnection(site.host, timeout=30)
        query = f"events?session={site.session}&from={start}&token={site.token}"
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        self.connection.request("GET", site.path + query, headers=headers)
        self.answer = self.connection.getresponse()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line in self.answer:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def until(self, kind: str, cell: str) -> list[dict[str, Any]]:
        found = []
        for event in self:
            found.append(event)
            if event["rec"]["t"] == kind and event["rec"].get("cell") == cell:
                break
        return found

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


# --- who gets in -------------------------------------------------------------------------------------


def test_the_token_moves_into_a_cookie(site: Site) -> None:
    status, headers, page = site.ask(f"?token={site.token}")
    assert status == 200
    assert b"<title>Seer</title>" in page and site.token.encode() not in page
    cookie = headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=Strict", f"Path={site.path}"):
        assert word in cookie
    pair = cookie.split(";")[0]
    assert site.ask("", Cookie=pair)[0] == 200
    assert site.ask(f"?token={site.token}", Cookie=pair)[0] == 200
    assert site.ask("?token=" + "0" * 32, Cookie=pair)[0] == 403


@pytest.mark.parametrize("path", ["", "sessions", "events", "notebook.ipynb"])
def test_without_the_token(site: Site, path: str) -> None:
    for answer, want in (
        (site.ask(path), 401),
        (site.ask(path, Authorization="token " + "0" * 32), 403),
        (site.ask(path, Authorization="Bearer ../.."), 403),
    ):
        assert answer[0] == want
        assert json.loads(answer[2])["message"].endswith((".", "token"))


def test_the_token_opens_one_sandbox(site: Site) -> None:
    site.path = "/s/" + "x" * 12 + "/"
    assert site.get("sessions")[0] in (403, 404)


def test_other_hosts_and_origins(site: Site) -> None:
    assert site.get("sessions", Host="evil.example")[0] == 403
    assert site.get("sessions", Host="localhost:1234")[0] == 200
    assert site.get("sessions", Origin="http://evil.example")[0] == 403
    assert site.get("sessions", Origin="null")[0] == 403
    assert site.get("sessions", Origin=f"http://{site.host}")[0] == 200


def test_only_loopback_listens(site: Site) -> None:
    port = int(site.host.split(":")[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {
        r[1] for r in rows if r[3] == "0A" and int(r[1].split(":")[1], 16) == port
    }
    assert listening == {f"0100007F:{port:04X}"}


def test_what_is_open_and_what_is_not_there(site: Site) -> None:
    assert "version" in json.loads(site.ask("api")[2])
    assert site.ask("page.js")[1]["content-type"].startswith("text/javascript")
    assert site.ask("no-such")[0] == 404
    assert site.ask("sessions", "DELETE")[0] == 405
    assert site.ask("interrupt", "POST", body="x" * 100)[0] == 413
    assert site.get("notebook.ipynb?session=" + "0" * 32)[0] == 404
    policy = site.get("")[1]["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy


def test_interrupt_wants_its_header(site: Site) -> None:
    cookie = site.ask(f"?token={site.token}")[1]["set-cookie"].split(";")[0]
    where = f"interrupt?session={site.session}"
    assert site.ask(where, "POST", Cookie=cookie)[0] == 403
    status, _, body = site.ask(where, "POST", Cookie=cookie, X_XSRFToken="1")
    assert (status, json.loads(body)["was_busy"]) == (200, False)


def test_the_notebook_can_be_kept(site: Site, session: sdk.NotebookSession) -> None:
    session.execute("'kept'")
    status, headers, body = site.get(f"notebook.ipynb?session={site.session}")
    assert status == 200
    assert f'filename="{session.notebook_path.name}"' in headers["content-disposition"]
    assert json.loads(body)["cells"][-1]["source"] in ("'kept'", ["'kept'"])


# --- the stream --------------------------------------------------------------------------------------


def test_events_live_and_by_cursor(site: Site, session: sdk.NotebookSession) -> None:
    events = Events(site)
    result = session.execute("print('one')\nprint('two')")
    seen = events.until("end", result.cell)
    events.close()
    numbers = [event["seq"] for event in seen]
    assert numbers == list(range(1, len(numbers) + 1))
    assert seen[0]["rec"]["t"] == "session"
    middle = numbers[-3]
    again = Events(site, after=middle).until("end", result.cell)
    assert [event["seq"] for event in again] == numbers[-2:]
    later = Events(site, start=middle).until("end", result.cell)
    assert later == seen[-3:]


def test_markdown_comes_as_html(site: Site, session: sdk.NotebookSession) -> None:
    cell = session.add_markdown("# a *b* <script>alert(1)</script>")
    (record,) = [
        e["rec"]
        for e in Events(site).until("cell", cell)
        if e["rec"].get("cell") == cell
    ]
    assert (
        record["html"]
        == "<h1>a <em>b</em> &lt;script&gt;alert(1)&lt;/script&gt;</h1>\n"
    )


def test_a_slow_reader_holds_up_nobody(plain_sandbox: sdk.Sandbox, world: Any) -> None:
    session = sdk.create_notebook_session(
        plain_sandbox, name="flood", notebook_dir=world.top / "outputs"
    )
    site = Site(session)
    slow = Events(site)  # never read while the flood is on
    result = session.execute("for _ in range(300): print('x' * 99999)")
    assert result.status == "ok"
    assert Events(site).until("end", result.cell)[-1]["rec"]["status"] == "ok"
    seen = slow.until("end", result.cell)
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    slow.close()


def test_a_reader_that_leaves_costs_nothing(site: Site) -> None:
    for _ in range(250):  # more than the streams there may be at once
        events = Events(site)
        assert next(iter(events))["seq"] == 1
        events.close()


def test_the_stream_goes_on_after_seerd_is_killed(
    site: Site, session: sdk.NotebookSession
) -> None:
    first = Events(site)
    result = session.execute("print('before')")
    seen = first.until("end", result.cell)
    kill(daemon_pid())
    assert not list(first)
    daemon_pid()  # starts it anew, at the same port
    rest = Events(site, after=seen[-1]["seq"])
    result = session.execute("print('after')")
    more = rest.until("end", result.cell)
    assert more[0]["seq"] == seen[-1]["seq"] + 1


def test_the_token_is_in_no_log(site: Site, world: Any) -> None:
    site.ask(f"?token={site.token}")
    for log in (world.home / "logs").iterdir():
        assert site.token.encode() not in log.read_bytes()


# --- what a reader sees ------------------------------------------------------------------------------


class Browser:
    """A headless Chromium over its pipe: one page."""

    def __init__(self, folder: Path) -> None:
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        command = (
            "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage "
            f"--remote-debugging-pipe --user-data-dir={folder} about:blank 3<&{to_read} 4>&{to_write}"
        )
        self.process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.pipe = os.fdopen(self.read_end, "rb")
        self.watchdog = threading.Timer(120, self.process.kill)
        self.watchdog.start()
        self.number = 0
        self.page: str | None = None
        targets = self.command("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        self.page = attached["sessionId"]
        self.command("Page.enable")

    def message(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self.pipe.read(1)) != b"\0":
            if not byte:
                raise EOFError("the browser is gone")
            data += byte
        found: dict[str, Any] = json.loads(data)
        return found

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        asked: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if self.page:
            asked["sessionId"] = self.page
        os.write(self.write_end, json.dumps(asked).encode() + b"\0")
        while (answer := self.message()).get("id") != self.number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def js(self, expression: str) -> Any:
        """The value of an expression; a promise is waited for."""
        answer = self.command(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Returns when the condition holds on the page, tried at each change of it."""
        self.js(
            f"new Promise((done) => {{ const f = () => {{ if ({condition}) {{ o.disconnect(); done() }} }};"
            "const o = new MutationObserver(f); o.observe(document, {subtree: true, childList: true, "
            "attributes: true, characterData: true}); f() })"
        )

    def close(self) -> None:
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.pipe.close()
        os.close(self.write_end)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if not shutil.which("chromium"):
        pytest.skip("no chromium on this machine: apt-get install chromium")
    made = Browser(tmp_path / "chromium")
    yield made
    made.close()


def shown(cell: str, what: str = "") -> str:
    return f"document.querySelector('#cell-{cell}{what}')"


def test_the_page_shows_what_runs(
    browser: Browser, plain_sandbox: sdk.Sandbox, world: Any
) -> None:
    session = sdk.create_notebook_session(
        plain_sandbox, name="shown", notebook_dir=world.top / "outputs"
    )
    url = f"{session.jupyter_url}&session={session.session_id}"
    browser.command("Page.navigate", url=url)
    browser.wait("document.querySelector('#state')?.dataset.state === 'idle'")
    assert "token" not in browser.js("location.href")
    note = session.add_markdown(
        "# Found\n\n<img src=x onerror=alert(1)> [x](javascript:alert(1))"
    )
    text = session.execute("print('\\x1b[31mred\\x1b[0m'); 40 + 2")
    bad = session.execute("1 / 0")
    html = session.execute(
        "from IPython.display import HTML\n"
        "HTML('<p id=p>hi</p><script>parent.document.title=\"owned\"</script>')"
    )
    flood = session.execute("for i in range(50000): print(i)")
    browser.wait(f"{shown(flood.cell)}?.classList.contains('ok')")
    assert browser.js(f"{shown(note, ' h1')}.textContent") == "Found"
    assert browser.js(f"{shown(note, ' a')}.hasAttribute('href')") is False
    assert browser.js(f"{shown(text.cell, ' .f1')}.textContent") == "red"
    assert browser.js(f"{shown(text.cell, ' .gutter')}.textContent") == "In [1]"
    assert "42" in browser.js(f"{shown(text.cell, ' .outs')}.textContent")
    assert browser.js(f"{shown(bad.cell, ' .what')}.textContent").startswith(
        "ZeroDivisionError"
    )
    browser.wait(f"{shown(html.cell, ' iframe')}?.contentDocument?.querySelector('#p')")
    assert browser.js("document.title") == "shown · Seer"
    lines = browser.js(f"{shown(flood.cell)}.querySelectorAll('.l').length")
    assert 0 < lines <= 100
    assert browser.js(f"{shown(flood.cell, ' .l:last-child')}.textContent") == "49999"


def test_the_page_survives_seerd(
    browser: Browser, site: Site, session: sdk.NotebookSession
) -> None:
    session.execute("'first'")
    browser.command(
        "Page.navigate", url=f"{session.jupyter_url}&session={session.session_id}"
    )
    browser.wait("document.querySelector('#state')?.dataset.state === 'idle'")
    kill(daemon_pid())
    browser.wait("document.querySelector('#state').dataset.state === 'lost'")
    daemon_pid()
    result = session.execute("print('again')")
    browser.wait(f"{shown(result.cell)}?.classList.contains('ok')")
    count = browser.js(f"document.querySelectorAll('#cell-{result.cell}').length")
    all_cells = browser.js("[...document.querySelectorAll('.cell')].map((c) => c.id)")
    assert count == 1 and len(all_cells) == len(set(all_cells))
    shot = browser.command("Page.captureScreenshot", format="png")
    assert base64.b64decode(shot["data"]).startswith(b"\x89PNG")
