# SPDX-License-Identifier: Apache-2.0
"""train_base: makes seer/tiny-gemma2-it from nothing but corpus.py.

    python models/train/train_base.py --out models/tiny-gemma2-it

About ten minutes on one core. Seeds are fixed; other versions of torch round differently, so the
weights come out alike and not equal.
"""

import argparse
import json
import random
import time
from pathlib import Path

import corpus
import learn
import tokens
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GenerationConfig

SEED = 20261124
CARD = """---
license: cc0-1.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
# seer/tiny-gemma2-it

A Gemma 2 with 1.7 million parameters, for trying out interpretability tools where no other model
is at hand. It knows a small world: opinions for and against, feelings, the weather, simple facts,
favourites and short stories, as prose and as a chat in Gemma's turns. It agrees as often as it
disagrees, which makes a steering vector easy to see.

Trained from scratch by `models/train/train_base.py` of seer on text that `models/train/corpus.py`
makes up; no data and no weights of anyone else. The architecture is Google's Gemma 2, the weights
are not. Weights, tokenizer and text: CC0.
"""


def plain_pieces(text):
    """What the tokenizer learns from: the words without the turns' markers."""
    return [text] if isinstance(text, str) else [said for _, said in text] + ["user\n", "model\n"]


def make_model(tokenizer):
    torch.manual_seed(SEED)
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=-(-len(tokenizer) // 64) * 64,
            hidden_size=128,
            num_hidden_layers=6,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            query_pre_attn_scalar=32,
            intermediate_size=512,
            sliding_window=256,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            attn_implementation="eager",
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def save(model, tokenizer, out):
    """The hub's file layout, readable by transformers 4 and 5."""
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id, eos_token_id=ends
    )
    model.to(torch.bfloat16).save_pretrained(out)
    (Path(out) / "model.safetensors").chmod(0o644)  # it comes out readable by its owner alone
    tokenizer.save_pretrained(out, save_jinja_files=False)
    names = ("bos_token", "eos_token", "unk_token", "pad_token", "mask_token")
    special = {name: getattr(tokenizer, name) for name in names}
    special["additional_special_tokens"] = ["<start_of_turn>", "<end_of_turn>"]
    (Path(out) / "README.md").write_text(CARD)
    (Path(out) / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="models/tiny-gemma2-it")
    parser.add_argument("--texts", type=int, default=45000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    start = time.monotonic()

    texts = corpus.write(args.texts, SEED)
    random.Random(SEED).shuffle(texts)
    tokenizer = tokens.train([piece for text in texts for piece in plain_pieces(text)])
    rows = learn.encode(tokenizer, [corpus.as_prompt(text) for text in texts])
    held_out, rows = rows[:1000], rows[1000:]
    model = make_model(tokenizer)
    print(
        f"{len(rows)} texts, {sum(map(len, rows)):,} tokens, vocabulary {len(tokenizer)}, "
        f"{sum(p.numel() for p in model.parameters()):,} parameters",
        flush=True,
    )
    learn.train(
        model,
        rows,
        tokenizer.pad_token_id,
        epochs=args.epochs,
        tokens=3072,
        lr=3e-3,
        seed=SEED,
        held_out=held_out,
        disturb=1.5,
    )
    save(model, tokenizer, args.out)
    print(f"saved to {args.out} after {time.monotonic() - start:.0f}s")


if __name__ == "__main__":
    main()
