# SPDX-License-Identifier: Apache-2.0
"""learn: next-token training on the CPU, shared by the base model and the adapter."""

import math
import random
import time
from contextlib import contextmanager, nullcontext

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


@contextmanager
def disturbed(model, size, seed):
    """Shifts one layer's output at a time, for half of the texts, while the model trains.

    The shift is the difference between the activations of two other texts of the batch, the same at
    every position: what a steering vector is. A network this small has nowhere to go outside of what
    it has seen, and one that never saw a shift answers a strong one by repeating a single word. This
    one has learnt to stay fluent. size() is the largest multiple of a difference.
    """
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    chosen = 0

    def choose(module, args, kwargs):
        nonlocal chosen
        chosen = rng.randrange(len(model.model.layers))

    def hook(index):
        def shift(module, args, output):
            if index != chosen or not model.training:
                return output
            hidden = output[0] if isinstance(output, tuple) else output
            count, length, _ = hidden.shape

            def others():
                texts = torch.randperm(count, generator=noise)
                return hidden.detach()[texts, torch.randint(length, (count,), generator=noise)]

            scale = torch.rand(count, 1, generator=noise) * size()
            scale *= torch.rand(count, 1, generator=noise) < 0.5
            hidden = hidden + ((others() - others()) * scale).unsqueeze(1).to(hidden.dtype)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return shift

    handles = [model.register_forward_pre_hook(choose, with_kwargs=True)]
    handles += [x.register_forward_hook(hook(i)) for i, x in enumerate(model.model.layers)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def train(model, rows, pad, *, epochs, tokens, lr, seed, held_out, warmup=100, disturb=0.0):
    """AdamW with a cosine schedule. disturb: see disturbed(); it grows to this over the training."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.98), weight_decay=0.01)
    plan = [b for e in range(epochs) for b in batches(rows, tokens, seed + e)]
    start, done = time.monotonic(), 0.0

    def report(step, what, loss):
        print(
            f"step {step}/{len(plan)} {time.monotonic() - start:.0f}s {what} {loss:.3f}", flush=True
        )

    model.train()
    with disturbed(model, lambda: disturb * done, seed) if disturb else nullcontext():
        for step, batch in enumerate(plan):
            done = step / len(plan)
            rate = lr * min(1, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * done))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(model, *tensors(batch, pad))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            if step % 200 == 0:
                report(step, "loss", loss.item())
    report(len(plan), "held-out loss", evaluate(model, held_out, pad))
    model.eval()
