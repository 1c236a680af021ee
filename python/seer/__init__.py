# SPDX-License-Identifier: Apache-2.0
"""seer: sandboxes with language models loaded, and a live notebook in them.

    from seer import Sandbox, SandboxConfig, ModelConfig, create_notebook_session

    with Sandbox(SandboxConfig(models=[ModelConfig(name="seer/tiny-gemma2-it")])) as sandbox:
        session = create_notebook_session(sandbox)
        print(session.execute("model.device").text)

This package is a wire library: it describes what is wanted, speaks to seerd and hands back what it
answers. Retries, limits and decisions are the daemon's, so that the command line, MCP and Python
behave alike.
"""

from seer.config import ExecutionMode, ModelConfig, RepoConfig, SandboxConfig
from seer.errors import SeerError
from seer.execution import attach_to_session, create_local_session, create_notebook_session
from seer.sandbox import ExecResult, Sandbox, ScopedSandbox
from seer.session import CellResult, NotebookSession
from seer.transport import find_binary
from seer.workspace import Library, Workspace

__version__ = "0.1.0"
__all__ = [
    "CellResult",
    "ExecResult",
    "ExecutionMode",
    "Library",
    "ModelConfig",
    "NotebookSession",
    "RepoConfig",
    "Sandbox",
    "SandboxConfig",
    "ScopedSandbox",
    "SeerError",
    "Workspace",
    "attach_to_session",
    "create_local_session",
    "create_notebook_session",
    "find_binary",
]
