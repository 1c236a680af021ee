# SPDX-License-Identifier: Apache-2.0
"""generate_response: a prompt in, the model's answer out, through its chat template if it has one.

    from generate_response import generate_response, batch_generate

    response = generate_response(model, tokenizer, prompt="What is AI?", max_tokens=256)
    responses = batch_generate(model, tokenizer, ["Prompt 1", "Prompt 2"], max_tokens=128)

Works inside `with create_steering_hook(...)` like any other call of the model.
"""

import torch


def _encode(tokenizer, prompts):
    """Token ids and mask of all prompts, padded on the left so that every row ends in its prompt."""
    if getattr(tokenizer, "chat_template", None):
        texts = [
            tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
            )
            for prompt in prompts
        ]
        special = False  # the template has written <bos> already
    else:
        texts, special = list(prompts), True
    side, pad = tokenizer.padding_side, tokenizer.pad_token
    try:
        tokenizer.padding_side = "left"
        if pad is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=special)
    finally:
        tokenizer.padding_side, tokenizer.pad_token = side, pad


def batch_generate(model, tokenizer, prompts, max_tokens=256, temperature=0.7):
    """Answers to several prompts, generated together.

    Args:
        model, tokenizer: the pair to ask.
        prompts: list of str, each one user's turn.
        max_tokens: at most so many new tokens for each.
        temperature: 0 takes the likeliest token every time; above 0 samples.

    Returns: list of str, in the order of prompts, without the prompts and special tokens.

    Raises:
        ValueError: a negative temperature, max_tokens below 1, or one str where a list belongs.
    """
    if isinstance(prompts, str):
        raise ValueError("prompts must be a list of strings; use generate_response for one.")
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, but is {temperature}.")
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, but is {max_tokens}.")
    if not prompts:
        return []
    inputs = _encode(tokenizer, prompts).to(model.device)
    sampling = (
        {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
    )
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    with torch.no_grad():
        outputs = model.generate(**inputs, max_new_tokens=max_tokens, pad_token_id=pad, **sampling)
    answers = outputs[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(answers, skip_special_tokens=True)]


def generate_response(model, tokenizer, prompt, max_tokens=256, temperature=0.7):
    """The answer to one prompt, a str. Arguments and errors as in batch_generate."""
    return batch_generate(model, tokenizer, [prompt], max_tokens, temperature)[0]
