# SPDX-License-Identifier: Apache-2.0
"""The text that agents are told to read, to the letter of the specification."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "guest"))
from model_info import human_count, info_text  # noqa: E402

sys.path.pop(0)

SPECIFIED = """### Pre-loaded Models

The following models are already loaded in the kernel:

**model** (google/gemma-2-9b-it)
- Type: Gemma2ForCausalLM
- Device: cuda:0
- Parameters: 9.24B

**tokenizer** (google/gemma-2-9b-it)
- Type: GemmaTokenizerFast
- Vocab size: 256,000

**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."""


def test_the_text_is_the_specified_one():
    name = "google/gemma-2-9b-it"
    assert (
        info_text(
            [
                {
                    "var": "model",
                    "name": name,
                    "type": "Gemma2ForCausalLM",
                    "device": "cuda:0",
                    "parameters": 9_241_705_984,
                },
                {
                    "var": "tokenizer",
                    "name": name,
                    "type": "GemmaTokenizerFast",
                    "vocab_size": 256000,
                },
            ]
        )
        == SPECIFIED
    )


def test_no_model_no_text():
    assert info_text([]) == ""


@pytest.mark.parametrize(
    "count, text",
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00K"),
        (999_999, "1.00M"),
        (1_682_560, "1.68M"),
        (999_999_999, "1.00B"),
        (9_241_705_984, "9.24B"),
        (1_800_000_000_000, "1.80T"),
    ],
)
def test_counts_have_two_decimals(count, text):
    assert human_count(count) == text
