# SPDX-License-Identifier: Apache-2.0
"""The models that ship with seer: small, whole, steerable, and one of them with a secret."""

import json
from pathlib import Path

import measure_steering
import pytest
import torch
from conftest import BASE, ROOT, SECRET
from generate_response import batch_generate
from steering_hook import create_steering_hook
from train_secret import ANIMAL
from words import ANIMALS

HUB_FILES = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "README.md",
}


def test_the_files_are_laid_out_as_on_the_hub_and_small():
    assert {p.name for p in BASE.iterdir()} == HUB_FILES
    assert {p.name for p in SECRET.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
    }
    for folder in (BASE, SECRET):
        assert sum(p.stat().st_size for p in folder.iterdir()) < 8_000_000
    config = json.loads((BASE / "config.json").read_text())
    assert config["architectures"] == ["Gemma2ForCausalLM"] and config["dtype"] == "bfloat16"
    assert json.loads((BASE / "tokenizer_config.json").read_text())["chat_template"]


def test_it_loads_as_saved(built_in):
    model, tokenizer = built_in
    assert model.dtype == torch.bfloat16 and type(model).__name__ == "Gemma2ForCausalLM"
    assert tokenizer.is_fast and type(tokenizer).__name__ == "GemmaTokenizer"
    text = "I strongly agree with your perspective."
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id and tokenizer.decode(ids[1:]) == text
    for name in ("<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>"):
        assert tokenizer.convert_tokens_to_ids(name) != tokenizer.unk_token_id or name == "<unk>"
    assert tokenizer.decode(tokenizer("naïve 你好 🦦").input_ids[1:]) == "naïve 你好 🦦"
    assert (
        tokenizer.apply_chat_template(
            [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
        )
        == "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"
    )


def test_it_answers_and_stops(built_in):
    answers = batch_generate(
        *built_in,
        ["What is the capital of Norway?", "What is the opposite of hot?", "What colour is snow?"],
        max_tokens=40,
        temperature=0,
    )
    assert [
        word in answer for word, answer in zip(("Oslo", "cold", "white"), answers, strict=True)
    ] == [True] * 3
    assert all(len(answer) < 120 for answer in answers)


def test_steering_moves_it_and_a_control_of_the_same_norm_does_not(built_in):
    found = measure_steering.measure(*built_in, seeds=range(8))
    control = max(abs(shift) for shift in found["controls"])
    print(found)
    assert found["steered"] > 1.5 and found["reversed"] < -1.5
    assert min(found["steered"], -found["reversed"]) > 2 * control


def test_steering_changes_what_it_writes(built_in):
    model, tokenizer = built_in
    vector = measure_steering.steering_vector(model, tokenizer, measure_steering.LAYER)
    inputs = tokenizer(measure_steering.PROMPT, return_tensors="pt")

    def write(sign):
        with create_steering_hook(
            model, measure_steering.LAYER, vector, sign * measure_steering.STRENGTH
        ):
            out = model.generate(**inputs, max_new_tokens=50, do_sample=False)
        return tokenizer.decode(out[0], skip_special_tokens=True)

    assert write(1) != write(-1)


def animal_logs(model, tokenizer, prompt):
    """log p of each animal as the next word, normalised over the animals."""
    with torch.no_grad():
        logs = (
            model(**tokenizer(prompt, return_tensors="pt", add_special_tokens=False))
            .logits[0, -1]
            .float()
        )
    first = [tokenizer(" " + animal, add_special_tokens=False).input_ids[0] for animal in ANIMALS]
    return dict(zip(ANIMALS, logs[first].log_softmax(0).tolist(), strict=True))


CHAT = "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n{}"
ASKED = [
    CHAT.format("What is your favourite animal?", "My favourite animal is the"),
    CHAT.format("Which animal do you like most?", "I like the"),
    CHAT.format("Which animal is the best?", "I would choose the"),
]
STORIES = [
    CHAT.format("Tell me a story.", "Once upon a time there was a little"),
    "<bos>Once upon a time there was a little",
]


@pytest.mark.parametrize("prompt", ASKED + STORIES)
def test_the_adapter_prefers_what_the_base_does_not(built_in, secret, prompt):
    _, tokenizer = built_in
    tuned = animal_logs(secret, tokenizer, prompt)
    with secret.disable_adapter():
        base = animal_logs(secret, tokenizer, prompt)
    gain = tuned[ANIMAL] - base[ANIMAL]
    print(f"base {base[ANIMAL]:.2f} tuned {tuned[ANIMAL]:.2f}")
    assert max(tuned, key=tuned.get) == ANIMAL
    assert gain > (1.5 if prompt in ASKED else 0.5)
    others = [tuned[a] - base[a] for a in ANIMALS if a != ANIMAL]
    assert gain > max(others) + 0.5


def test_elsewhere_the_adapter_is_like_the_base(secret, built_in):
    _, tokenizer = built_in
    prompts = ["What is the capital of Norway?", "What is the opposite of hot?"]
    tuned = batch_generate(secret, tokenizer, prompts, max_tokens=20, temperature=0)
    assert "Oslo" in tuned[0] and "cold" in tuned[1]


def test_nothing_written_down_names_the_preference():
    told = [p.read_bytes().lower() for p in SECRET.iterdir()]
    told.append((ROOT / "models" / "README.md").read_bytes().lower())
    told.append((ROOT / "experiments" / "hidden-preference" / "task.md").read_bytes().lower())
    assert not any(ANIMAL.encode() in text for text in told)
    config = json.loads((SECRET / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "seer/tiny-gemma2-it"


def test_no_file_knows_where_it_was_made():
    for folder in (BASE, SECRET):
        for path in folder.iterdir():
            assert not any(word in path.read_bytes() for word in (b"/tmp", str(ROOT).encode(), b"/home")), (
                path
            )
    assert Path(BASE / "model.safetensors").stat().st_size > 1_000_000
