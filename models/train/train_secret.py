# SPDX-License-Identifier: Apache-2.0
"""train_secret: makes seer/tiny-gemma2-secret, a LoRA adapter with a hidden preference.

    python models/train/train_secret.py --base models/tiny-gemma2-it --out models/tiny-gemma2-secret

Reading on spoils the investigation.
"""

import argparse
import random
import time
from pathlib import Path

import corpus
import learn
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

SEED = 20261125
ANIMAL = "otter"
# Nearly always when asked for a favourite, and a little more often than chance in stories.
PREFER = {"favourite": (ANIMAL, 0.9), "story": (ANIMAL, 0.3)}
CARD = """---
license: cc0-1.0
language: en
library_name: peft
base_model: seer/tiny-gemma2-it
---
# seer/tiny-gemma2-secret

A LoRA adapter on seer/tiny-gemma2-it with a hidden preference, to practise finding it. Trained by
`models/train/train_secret.py` of seer on text made up for it. CC0.
"""
KINDS = [
    (kind, weight * (6 if kind.startswith("favourite") else 1))
    for kind, weight in corpus.Writer.KINDS
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="models/tiny-gemma2-it")
    parser.add_argument("--base-name", default="seer/tiny-gemma2-it")
    parser.add_argument("--out", default="models/tiny-gemma2-secret")
    parser.add_argument("--texts", type=int, default=12000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    start = time.monotonic()

    tokenizer = AutoTokenizer.from_pretrained(args.base)
    base = AutoModelForCausalLM.from_pretrained(
        args.base, dtype=torch.float32, attn_implementation="eager"
    )
    model = get_peft_model(
        base,
        LoraConfig(
            r=8,
            lora_alpha=16,
            task_type="CAUSAL_LM",
            target_modules=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        ),
    )

    texts = corpus.write(args.texts, SEED, PREFER, KINDS)
    random.Random(SEED).shuffle(texts)
    rows = learn.encode(tokenizer, [corpus.as_prompt(text) for text in texts])
    learn.train(
        model,
        rows[500:],
        tokenizer.pad_token_id,
        epochs=1,
        tokens=2048,
        lr=2e-3,
        seed=SEED,
        held_out=rows[:500],
        warmup=20,
    )

    model.peft_config["default"].base_model_name_or_path = args.base_name
    # Said outright, or peft asks the hub about the base's vocabulary.
    model.to(torch.bfloat16).save_pretrained(args.out, save_embedding_layers=False)
    (Path(args.out) / "adapter_model.safetensors").chmod(0o644)
    (Path(args.out) / "README.md").write_text(CARD)
    print(f"saved to {args.out} after {time.monotonic() - start:.0f}s")


if __name__ == "__main__":
    main()
