# SPDX-License-Identifier: Apache-2.0
"""The code blocks of docs/seed.md, verbatim but for the words in WORDS.

A block of Python that makes a session runs as a script of its own in a folder that has
`experiments/`; a block of tool calls runs with attach_to_session, execute_code and add_markdown
bound to `seer mcp`, driven by the official client.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from conftest import BIN, DEADLINE, ROOT, load_notebook
from seer import transport

# What stands for what: the page was written for a GPU machine and a 9B model.
WORDS = {
    "google/gemma-2-9b-it": "seer/tiny-gemma2-it",  # the built-in model of the same class
    "layer=20": "layer=1",  # it has fewer layers
    "layer_idx=20": "layer_idx=1",
}
IMPORTS = """
from src.environment import Sandbox, SandboxConfig, ExecutionMode, ModelConfig, RepoConfig
from src.environment import ScopedSandbox
from src.workspace import Workspace, Library
from src.execution import create_notebook_session, create_local_session
import json
"""


def block_after(heading: str, number: int = 0) -> str:
    """The number-th Python block below a heading of docs/seed.md."""
    text = (ROOT / "docs/seed.md").read_text()
    section = text[text.index(f"\n{heading}\n") + 1 :]
    blocks = re.findall(r"^```python\n(.*?)^```", section, re.M | re.S)
    code = blocks[number]
    for word, ours in WORDS.items():
        code = code.replace(word, ours)
    return str(code)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    return tmp_path


@pytest.fixture
def script(folder: Path) -> Iterator[Callable[[str], Any]]:
    """script(code) runs it as a file; the JSON line it prints. Its sandboxes are stopped after."""
    before = {s["sandbox"] for s in transport.call("sandbox.list")["sandboxes"]}

    def run(code: str) -> Any:
        path = folder / "block.py"
        path.write_text(code)
        done = subprocess.run(
            [sys.executable, str(path)], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "SEER_GPU": "none"}, timeout=DEADLINE * 2,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    yield run
    for item in transport.call("sandbox.list")["sandboxes"]:
        if item["sandbox"] not in before and item["state"] != "gone":
            transport.call("sandbox.stop", {"sandbox": item["sandbox"]})


def tool_calls(code: str, **names: Any) -> list[str]:
    """Runs a block of tool calls against `seer mcp`; the text of every answer."""
    from mcp import Client, StdioServerParameters

    answers: list[str] = []

    async def main() -> None:
        server = StdioServerParameters(
            command=str(BIN / "seer"), args=["mcp"], env=dict(os.environ)
        )
        async with Client(server) as client:

            async def call(name: str, arguments: dict[str, Any]) -> str:
                result = await client.call_tool(name, arguments)
                text = "".join(getattr(part, "text", "") for part in result.content)
                assert not result.is_error, text
                answers.append(text)
                return text

            def tool(name: str, *parameters: str) -> Callable[..., str]:
                def function(*args: Any, **kwargs: Any) -> str:
                    given = {**dict(zip(parameters, args, strict=False)), **kwargs}
                    return anyio.from_thread.run(call, name, given)

                return function

            scope = {
                "attach_to_session": tool("attach_to_session", "session_id", "jupyter_url"),
                "execute_code": tool("execute_code", "session_id", "code"),
                "add_markdown": tool("add_markdown", "session_id", "markdown"),
                **names,
            }
            await anyio.to_thread.run_sync(exec, code, scope)

    anyio.run(main)
    return answers


def test_example_1(script: Callable[[str], Any], folder: Path) -> None:
    """The script, then attach, the experiment and the markdown of the page."""
    heading = "### Example 1: Basic Interpretability Experiment"
    info = script(block_after(heading))
    assert set(info) == {"session_id", "jupyter_url", "model_info"}
    attach = block_after(heading, 1)
    attach = attach.replace('session_id="<from output>"', f'session_id="{info["session_id"]}"')
    attach = attach.replace('jupyter_url="<from output>"', f'jupyter_url="{info["jupyter_url"]}"')
    tool_calls(attach)
    answers = tool_calls(block_after(heading, 2), session_id=info["session_id"])
    assert "Model: Gemma2ForCausalLM on cpu" in answers[0]
    assert "Steered response: " in answers[0]
    tool_calls(block_after("### 4. Document as You Go"), session_id=info["session_id"])
    (notebook,) = (folder / "outputs").glob("*.ipynb")
    cells = load_notebook(notebook)["cells"]
    assert [c["cell_type"] for c in cells] == ["code", "markdown"]
    assert "Hypothesis 1" in "".join(cells[1]["source"])


def test_model_info_text(script: Callable[[str], Any]) -> None:
    """The text of the page, with the loaded objects' own numbers."""
    page = (ROOT / "docs/seed.md").read_text()
    printed = re.search(r"^```\n(### Pre-loaded Models\n.*?)^```", page, re.M | re.S)
    assert printed
    info = script(block_after("### Example 1: Basic Interpretability Experiment"))
    pattern = re.escape(printed[1].strip())
    pattern = pattern.replace(re.escape("google/gemma-2-9b-it"), "seer/tiny-gemma2-it")
    pattern = pattern.replace(re.escape("cuda:0"), "cpu")
    pattern = pattern.replace(re.escape("9.24B"), r"\d+\.\d\d[KMB]")
    pattern = pattern.replace(re.escape("256,000"), r"[\d,]+")
    pattern = pattern.replace("GemmaTokenizerFast", r"\w+")
    assert re.fullmatch(pattern, info["model_info"].strip()), info["model_info"]


def test_correct_usage(script: Callable[[str], Any]) -> None:
    info = script(IMPORTS + block_after("### Minimal Notebook Setup"))
    answers = tool_calls(block_after("### ✅ Correct Usage"), session_id=info["session_id"])
    assert "Model device: cpu" in answers[0] and "Logits shape: torch.Size" in answers[0]


@pytest.mark.parametrize(
    "heading",
    ["### Pattern 1: Quick Single-Model Experiment", "### Pattern 2: Steering Investigation"],
)
def test_pattern(script: Callable[[str], Any], heading: str) -> None:
    tail = "print(json.dumps({'id': session.session_id}))\n"
    info = script(IMPORTS + block_after(heading) + tail)
    assert tool_calls("execute_code(session_id, '1+1')", session_id=info["id"])[0].strip() == "2"


def test_quick_reference_imports(script: Callable[[str], Any]) -> None:
    script(block_after("### Essential Imports"))


def test_secrets(script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, f"value of {name}")
    heading = "### Pattern 5: Using Secrets"
    tail = (
        "session = create_notebook_session(Sandbox(config).start())\n"
        "print(json.dumps({'id': session.session_id}))\n"
    )
    info = script(IMPORTS + block_after(heading) + tail)
    tool_calls(block_after(heading, 1), session_id=info["id"])
    answer = tool_calls("execute_code(session_id, 'print(hf_token, openai_key)')",
                        session_id=info["id"])[0]  # fmt: skip
    assert answer.strip() == "value of HF_TOKEN value of OPENAI_API_KEY"


def test_library_blocks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating libraries: the blocks themselves, as far as this issue goes."""
    monkeypatch.chdir(folder)
    (folder / "path/to").mkdir(parents=True)
    (folder / "path/to/helper.py").write_text("x = 1\n")
    (folder / "custom_helpers.py").write_text("y = 2\n")
    scope: dict[str, Any] = {}
    exec(block_after("### Creating Libraries", 0), scope)
    exec(block_after("### Creating Libraries", 1), scope)
    assert scope["lib"].name == "helpers"
    block = block_after("### Using Workspaces").replace(
        "session = create_notebook_session(sandbox, workspace)", ""
    )
    exec(block, scope)
    assert len(scope["workspace"].libraries) == 3
