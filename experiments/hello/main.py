# SPDX-License-Identifier: Apache-2.0
"""A first experiment: steering vectors, on the built-in model, without a GPU.

    make run        or        .venv/bin/python experiments/hello/main.py

This script makes a sandbox with a model loaded in it and a notebook, and prints how to connect. An
agent would take it from there; here agent.py does, with the same tools. The session stays open when
the script has ended: look at it under the URL in the last line, stop it with `seer stop --all`.
"""

import asyncio
import json
from pathlib import Path

import agent
from src.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from src.execution import create_notebook_session
from src.workspace import Library, Workspace

TOOLKIT = Path(__file__).resolve().parent.parent / "toolkit"


async def main():
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        models=[ModelConfig(name="seer/tiny-gemma2-it")],
        python_packages=["torch", "transformers", "accelerate", "matplotlib", "numpy"],
    )
    sandbox = Sandbox(config).start()

    workspace = Workspace(
        libraries=[
            Library.from_file(TOOLKIT / "steering_hook.py"),
            Library.from_file(TOOLKIT / "extract_activations.py"),
        ]
    )
    session = create_notebook_session(sandbox, workspace, name="hello")

    print(
        json.dumps(
            {
                "session_id": session.session_id,
                "jupyter_url": session.jupyter_url,
                "model_info": session.model_info_text,
            }
        ),
        flush=True,
    )

    await agent.investigate(session.session_id, session.jupyter_url)

    print(f"notebook: {session.notebook_path}")
    print(f"live: {session.jupyter_url}")


if __name__ == "__main__":
    asyncio.run(main())
