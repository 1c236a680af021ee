# SPDX-License-Identifier: Apache-2.0
"""Sessions: a notebook in a sandbox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from seer import transport
from seer.errors import SeerError
from seer.progress import Progress
from seer.sandbox import Sandbox
from seer.session import NotebookSession
from seer.workspace import Workspace


def create_notebook_session(
    sandbox: Sandbox,
    workspace: Workspace | None = None,
    name: str | None = None,
    notebook_dir: str | os.PathLike[str] | None = None,
) -> NotebookSession:
    """Starts a kernel with the sandbox's models loaded and the workspace's libraries importable.
    The notebook is written to notebook_dir, by default ./outputs."""
    workspace = workspace if workspace is not None else Workspace()
    params = {
        "sandbox": sandbox.sandbox_id,
        "name": name,
        "notebook_dir": None if notebook_dir is None else str(Path(notebook_dir).absolute()),
        "cwd": os.getcwd(),
        "libraries": workspace.to_wire(),
        "workdir": workspace.workdir,
    }
    with Progress() as progress:
        return NotebookSession(transport.call("session.create", params, progress.event))


def attach_to_session(session_id: str, jupyter_url: str | None = None) -> NotebookSession:
    """A session that runs already. With its URL, that the two belong together is checked."""
    params = {"session": session_id, "jupyter_url": jupyter_url}
    return NotebookSession(transport.call("session.find", params))


def create_local_session(*_: Any, **__: Any) -> NotebookSession:
    """A session on this side that calls functions in a ScopedSandbox. It comes with issue 8."""
    raise SeerError(
        "create_local_session is not there yet: it comes with issue 8 (functions served by RPC)",
        code="unsupported",
        hint="use create_notebook_session with a Sandbox for now",
    )
