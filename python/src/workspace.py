# SPDX-License-Identifier: Apache-2.0
"""`from src.workspace import ...` as docs/seed.md spells it."""

from seer.workspace import Library, Workspace

__all__ = ["Library", "Workspace"]
