# SPDX-License-Identifier: Apache-2.0
"""What the tests of the guest's Python share. They need torch, transformers, peft and ipykernel:

pytest tests/guest
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("HF_HUB_OFFLINE", "1")
for folder in ("experiments/toolkit", "models/train", "tests/guest"):
    sys.path.insert(0, str(ROOT / folder))

BASE = ROOT / "models" / "tiny-gemma2-it"
SECRET = ROOT / "models" / "tiny-gemma2-secret"


@pytest.fixture(scope="session")
def built_in():
    """The built-in model and its tokenizer. Tests must leave it as it was."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(BASE, dtype="auto").eval()
    return model, AutoTokenizer.from_pretrained(BASE)


@pytest.fixture(scope="session")
def secret():
    """The built-in adapter on a base of its own."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(BASE, dtype="auto")
    return PeftModel.from_pretrained(base, SECRET).eval()
