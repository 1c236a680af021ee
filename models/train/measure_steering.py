# SPDX-License-Identifier: Apache-2.0
"""measure_steering: how far a steering vector moves the built-in model, beside a control.

    python models/train/measure_steering.py [--model models/tiny-gemma2-it] [--layer 3]

The vector is that of the first example: the activations of an agreeing sentence less those of a
disagreeing one. What is measured is the preference of the model for agreeing answers, in nats:

    mean log p(answer | prompt) over the agreeing answers - the same over the disagreeing ones

and how it shifts under the vector, against random vectors of the same norm.
"""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments" / "toolkit"))
from extract_activations import get_layer_activations  # noqa: E402
from steering_hook import create_steering_hook  # noqa: E402

POSITIVE = "I strongly agree with your perspective."
NEGATIVE = "I disagree with your perspective."
PROMPT = "What do you think about this idea?"
LAYER, STRENGTH = 3, 2.0
AGREEING = [
    " I agree with you.",
    " Yes, I agree.",
    " You are right.",
    " That is a good idea.",
    " I like this idea.",
    " I support this idea.",
]
DISAGREEING = [
    " I disagree with you.",
    " No, I disagree.",
    " You are wrong.",
    " That is a bad idea.",
    " I do not like this idea.",
    " I oppose this idea.",
]


@torch.no_grad()
def log_prob(model, tokenizer, prompt, answer):
    """log p(answer | prompt), in nats, summed over the answer's tokens."""
    start = tokenizer(prompt, return_tensors="pt").input_ids.shape[1]
    ids = tokenizer(prompt + answer, return_tensors="pt").input_ids.to(model.device)
    logs = model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
    return logs.gather(1, ids[0, 1:, None])[start - 1 :].sum().item()


def agreement(model, tokenizer, prompt=PROMPT):
    def mean(answers):
        return sum(log_prob(model, tokenizer, prompt, a) for a in answers) / len(answers)

    return mean(AGREEING) - mean(DISAGREEING)


def steering_vector(model, tokenizer, layer):
    return get_layer_activations(model, tokenizer, POSITIVE, layer=layer) - get_layer_activations(
        model, tokenizer, NEGATIVE, layer=layer
    )


def random_like(vector, seed):
    """A vector of the same norm in a random direction."""
    noise = torch.randn(vector.shape, generator=torch.Generator().manual_seed(seed)).to(vector)
    return noise * (vector.norm() / noise.norm())


def measure(model, tokenizer, layer=LAYER, strength=STRENGTH, seeds=range(8), prompt=PROMPT):
    """{"plain", "steered", "reversed", "controls"}: agreement, and its shifts under each vector."""
    plain = agreement(model, tokenizer, prompt)

    def shift(vector, sign=1):
        with create_steering_hook(model, layer, vector, sign * strength):
            return agreement(model, tokenizer, prompt) - plain

    vector = steering_vector(model, tokenizer, layer)
    return {
        "plain": plain,
        "norm": vector.norm().item(),
        "steered": shift(vector),
        "reversed": shift(vector, -1),
        "controls": [shift(random_like(vector, seed)) for seed in seeds],
    }


def main():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="models/tiny-gemma2-it")
    parser.add_argument("--layer", type=int, help="one layer; all of them when left out")
    parser.add_argument("--strength", type=float, default=STRENGTH)
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="auto").eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model)

    layers = range(model.config.num_hidden_layers) if args.layer is None else [args.layer]
    print(f"strength {args.strength}; shifts of the preference for agreeing answers, in nats")
    print("layer   norm  plain  steered  reversed  control (mean of sizes, largest)")
    for layer in layers:
        found = measure(model, tokenizer, layer, args.strength)
        sizes = [abs(c) for c in found["controls"]]
        print(
            f"{layer:5} {found['norm']:6.2f} {found['plain']:+6.2f}  {found['steered']:+7.2f}  "
            f"{found['reversed']:+8.2f}  {sum(sizes) / len(sizes):7.2f} {max(sizes):7.2f}"
        )

    layer = LAYER if args.layer is None else args.layer
    vector = steering_vector(model, tokenizer, layer)
    inputs = tokenizer(PROMPT, return_tensors="pt")
    print(f"\nGreedy continuations of {PROMPT!r}, layer {layer}:")
    for name, sign in (("without", 0), ("with", 1), ("reversed", -1)):
        hook = (
            create_steering_hook(model, layer, vector, sign * args.strength)
            if sign
            else nullcontext()
        )
        with hook:
            outputs = model.generate(**inputs, max_new_tokens=30, do_sample=False)
        text = tokenizer.decode(outputs[0][inputs.input_ids.shape[1] :], skip_special_tokens=True)
        print(f"  {name:9}{text.strip()!r}")


if __name__ == "__main__":
    main()
