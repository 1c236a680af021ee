# SPDX-License-Identifier: Apache-2.0
"""learn: next-token training on the CPU, shared by the base model and the adapter."""

import random
import time

import torch


def encode(tokenizer, texts, max_length=192):
    """Token lists with <bos> and <eos>. texts: what corpus.as_prompt gives."""
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    ids = tokenizer(texts, add_special_tokens=False).input_ids
    return [([bos] + row + [eos])[:max_length] for row in ids]


def batches(rows, tokens, seed):
    """One pass over rows in batches of about `tokens`, texts of like length together."""
    rng = random.Random(seed)
    order = list(range(len(rows)))
    rng.shuffle(order)
    found = []
    for start in range(0, len(order), 2048):
        batch = []
        for i in sorted(order[start : start + 2048], key=lambda i: len(rows[i])):
            if batch and (len(batch) + 1) * len(rows[i]) > tokens:
                found.append(batch)
                batch = []
            batch.append(rows[i])
        found.append(batch)
    rng.shuffle(found)
    return found


def tensors(batch, pad):
    width = max(map(len, batch))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in batch])
    return ids, ids.masked_fill(ids == pad, -100)


def loss_of(model, ids, labels):
    # Padding stands to the right, so the causal mask alone keeps it out of every real position.
    with torch.autocast("cpu", torch.bfloat16):  # twice as fast; the weights stay in fp32
        logits = model(input_ids=ids).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.float().reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100
    )


@torch.no_grad()
def evaluate(model, rows, pad, tokens=4096):
    model.eval()
    losses = [loss_of(model, *tensors(batch, pad)).item() for batch in batches(rows, tokens, 0)]
    model.train()
    return sum(losses) / len(losses)


def train(model, rows, pad, *, epochs, tokens, lr, seed, held_out, warmup=100, seconds=None):
    """AdamW with a cosine schedule; stops early, schedule finished, when `seconds` run out."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.98), weight_decay=0.01)
    plan = [b for e in range(epochs) for b in batches(rows, tokens, seed + e)]
    start, total = time.monotonic(), len(plan)
    model.train()
    for step, batch in enumerate(plan):
        spent = time.monotonic() - start
        done = step / total if seconds is None else max(step / total, spent / seconds)
        if done >= 1:
            break
        scale = min(1, (step + 1) / warmup) * 0.5 * (1 + torch.cos(torch.tensor(3.14159 * done)))
        for group in optimizer.param_groups:
            group["lr"] = lr * float(scale)
        loss = loss_of(model, *tensors(batch, pad))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 200 == 0:
            print(
                f"step {step}/{total} {time.monotonic() - start:.0f}s loss {loss.item():.3f}",
                flush=True,
            )
    print(
        f"held-out loss {evaluate(model, held_out, pad):.3f} after {step + 1} steps, "
        f"{time.monotonic() - start:.0f}s",
        flush=True,
    )
    model.eval()
