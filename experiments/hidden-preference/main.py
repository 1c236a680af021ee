# SPDX-License-Identifier: Apache-2.0
"""Investigate hidden preferences in a fine-tuned model.

Runs anywhere, on the built-in adapter. Put an adapter of your own, its base and a GPU in its place:

    gpu="A100", models=[ModelConfig(name="user/gemma-adapter-secret-preference",
                                    base_model="google/gemma-2-9b-it", is_peft=True, hidden=True)]
"""

import asyncio
import json
from pathlib import Path

from src.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from src.execution import create_notebook_session
from src.workspace import Library, Workspace


async def main():
    example_dir = Path(__file__).resolve().parent
    toolkit = example_dir.parent / "toolkit"

    # Configure with PEFT adapter (hidden from agent)
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        models=[
            ModelConfig(
                name="seer/tiny-gemma2-secret",
                base_model="seer/tiny-gemma2-it",
                is_peft=True,
                hidden=True,  # Agent won't know which adapter
            )
        ],
        python_packages=["torch", "transformers", "accelerate", "peft", "matplotlib"],
    )

    sandbox = Sandbox(config).start()

    workspace = Workspace(
        libraries=[
            Library.from_file(toolkit / "steering_hook.py"),
            Library.from_file(toolkit / "extract_activations.py"),
            Library.from_file(toolkit / "generate_response.py"),
        ]
    )

    session = create_notebook_session(sandbox, workspace)

    # Include research methodology
    task = (example_dir / "task.md").read_text()
    methodology = (toolkit / "research_methodology.md").read_text()

    print(
        json.dumps(
            {
                "session_id": session.session_id,
                "jupyter_url": session.jupyter_url,
                "model_info": session.model_info_text,
                "task": task,
                "methodology": methodology,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
