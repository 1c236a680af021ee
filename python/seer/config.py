# SPDX-License-Identifier: Apache-2.0
"""What a sandbox is to be made of. Fields, order and defaults are the contract's (docs/seed.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: UP035  (spelled as the contract)

# ruff: noqa: UP006, UP007, UP045 -- the annotations are read by people who compare with the contract


class ExecutionMode(Enum):
    """NOTEBOOK: for Jupyter sessions. CLI: for commands alone."""

    NOTEBOOK = "notebook"
    CLI = "cli"


@dataclass
class ModelConfig:
    """A model to load into the sandbox."""

    name: str  # model id: "org/name"
    var_name: str = "model"  # variable in the notebook
    hidden: bool = False  # keep the name from whoever works inside
    is_peft: bool = False  # a PEFT adapter
    base_model: Optional[str] = None  # what the adapter goes on


@dataclass
class RepoConfig:
    """A git repository to clone into the sandbox."""

    url: str  # "owner/repo" or a full URL
    dockerfile: Optional[str] = None  # path of a Dockerfile in it
    install: bool = False  # pip install -e


@dataclass
class SandboxConfig:
    """A sandbox. The fields after local_files are seer's own."""

    gpu: Optional[str] = None  # "A100", "H100", "T4"; None: CPU
    execution_mode: ExecutionMode = ExecutionMode.NOTEBOOK
    models: List[ModelConfig] = field(default_factory=list)
    python_packages: List[str] = field(default_factory=list)
    system_packages: List[str] = field(default_factory=list)
    secrets: List[str] = field(default_factory=list)  # names, looked up in os.environ
    repos: List[RepoConfig] = field(default_factory=list)
    env: Dict[str, str] = field(default_factory=dict)
    timeout: int = 3600  # seconds
    local_files: List[Tuple[str, str]] = field(default_factory=list)  # (local, in the sandbox)
    network: Union[str, List[str], None] = None  # "none" (default); more with later issues
    memory: Union[int, str, None] = None  # bytes, or "8G"
    pids: Optional[int] = None
    cpu: Optional[float] = None  # cores

    def to_wire(self) -> Dict[str, Any]:
        """The `config` of sandbox.start (core/proto/methods.def)."""
        return {
            f.name: value
            for f in fields(self)
            if (value := _wire(getattr(self, f.name))) is not None
        }


def _wire(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (ModelConfig, RepoConfig)):
        return {f.name: _wire(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
