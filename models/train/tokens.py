# SPDX-License-Identifier: Apache-2.0
"""tokens: trains the built-in model's tokenizer, a Gemma tokenizer of about two thousand entries.

Gemma's recipe: BPE over the whole text with "▁" for a space, bytes for what it never saw, and the
same special tokens under the same names. Merges are learned within words only.
"""

import json

from tokenizers import (
    AddedToken,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import GemmaTokenizer

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
BYTES = [f"<0x{i:02X}>" for i in range(256)]

# Gemma's own template.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)


def train(texts, vocab_size=2048, max_length=512):
    """A GemmaTokenizer. texts: strings without special tokens."""
    words = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    words.normalizer = normalizers.Replace(" ", "▁")
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("▁", "merged_with_next"),
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    letters = [chr(c) for c in range(32, 127) if chr(c) != " "] + ["▁", "\n"]
    words.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=SPECIAL + BYTES,
            initial_alphabet=letters,
            show_progress=False,
        ),
    )

    model = json.loads(words.to_str())["model"]
    tokenizer = GemmaTokenizer(
        vocab=model["vocab"],
        merges=[tuple(m) for m in model["merges"]],
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        add_bos_token=True,
        additional_special_tokens=[
            AddedToken(t, special=True, normalized=False)
            for t in ("<start_of_turn>", "<end_of_turn>")
        ],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
