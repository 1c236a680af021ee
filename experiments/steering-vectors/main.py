# SPDX-License-Identifier: Apache-2.0
"""Basic steering vectors experiment on Gemma.

Needs a GPU and the model from the hub. `experiments/hello` is the same on the built-in model.
It prints how to connect; attach with attach_to_session, then experiment with execute_code.
"""

import asyncio
import json
from pathlib import Path

from src.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from src.execution import create_notebook_session
from src.workspace import Library, Workspace


async def main():
    toolkit = Path(__file__).resolve().parent.parent / "toolkit"

    # Configure sandbox
    config = SandboxConfig(
        execution_mode=ExecutionMode.NOTEBOOK,
        gpu="A100",
        models=[ModelConfig(name="google/gemma-2-9b-it")],
        python_packages=["torch", "transformers", "accelerate", "matplotlib", "numpy"],
    )

    # Start sandbox
    sandbox = Sandbox(config).start()

    # Add helper libraries
    workspace = Workspace(
        libraries=[
            Library.from_file(toolkit / "steering_hook.py"),
            Library.from_file(toolkit / "extract_activations.py"),
        ]
    )

    # Create notebook session
    session = create_notebook_session(sandbox, workspace)

    # Output connection info
    print(
        json.dumps(
            {
                "session_id": session.session_id,
                "jupyter_url": session.jupyter_url,
                "model_info": session.model_info_text,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
