# SPDX-License-Identifier: Apache-2.0
"""The import paths of docs/seed.md. Re-exports of the package `seer`, nothing else."""
