# SPDX-License-Identifier: Apache-2.0
"""`from src.execution import ...` as docs/seed.md spells it."""

from seer.execution import attach_to_session, create_local_session, create_notebook_session

__all__ = ["attach_to_session", "create_local_session", "create_notebook_session"]
