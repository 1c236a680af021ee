# SPDX-License-Identifier: Apache-2.0
"""`from src.environment import ...` as docs/seed.md spells it."""

from seer.config import ExecutionMode, ModelConfig, RepoConfig, SandboxConfig
from seer.sandbox import Sandbox, ScopedSandbox

__all__ = [
    "ExecutionMode",
    "ModelConfig",
    "RepoConfig",
    "Sandbox",
    "SandboxConfig",
    "ScopedSandbox",
]
