# SPDX-License-Identifier: Apache-2.0
"""The toolkit, on small random models of several families, so that shapes and not quality count."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Gemma2Config, Gemma2ForCausalLM
from transformers import LlamaConfig, LlamaForCausalLM

from extract_activations import get_all_layer_activations, get_layer_activations
from generate_response import batch_generate, generate_response
from steering_hook import create_steering_hook

VOCAB, HIDDEN, LAYERS = 2048, 32, 3
SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "intermediate_size": 64,
    "sliding_window": 8,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}


def gemma():
    return Gemma2ForCausalLM(Gemma2Config(**SMALL))


def llama():
    return LlamaForCausalLM(
        LlamaConfig(**{k: v for k, v in SMALL.items() if k != "sliding_window"})
    )


def gpt2():
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB,
            n_embd=HIDDEN,
            n_layer=LAYERS,
            n_head=2,
            bos_token_id=2,
            eos_token_id=1,
            pad_token_id=0,
        )
    )


def peft():
    from peft import LoraConfig, get_peft_model

    return get_peft_model(
        gemma(), LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    )


@pytest.fixture(params=[gemma, llama, gpt2, peft], ids=lambda make: make.__name__)
def model(request):
    torch.manual_seed(0)
    return request.param().eval()


@pytest.fixture
def tokenizer(built_in):
    return built_in[1]


@pytest.fixture
def vector():
    return torch.randn(HIDDEN, generator=torch.Generator().manual_seed(1))


IDS = torch.tensor([[2, 300, 301, 302, 303, 304]])


def hidden_after(model, layer, ids=IDS, **hook):
    """All positions of one layer's output, with a steering hook if asked for."""
    kept = []
    layers = next(
        m
        for n, m in model.named_modules()
        if isinstance(m, torch.nn.ModuleList) and len(m) == LAYERS
    )

    def keep(module, args, output):
        kept.append((output[0] if isinstance(output, tuple) else output)[0])

    if hook:
        with create_steering_hook(model, layer, **hook), torch.no_grad():
            handle = layers[layer].register_forward_hook(keep)
            model(ids)
    else:
        handle = layers[layer].register_forward_hook(keep)
        with torch.no_grad():
            model(ids)
    handle.remove()
    return kept[0]


def test_the_vector_is_added_times_the_strength(model, vector):
    plain = hidden_after(model, 1)
    steered = hidden_after(model, 1, vector=vector, strength=2.0)
    torch.testing.assert_close(steered, plain + 2.0 * vector)


def test_start_pos_leaves_earlier_tokens_alone(model, vector):
    plain = hidden_after(model, 1)
    steered = hidden_after(model, 1, vector=vector, start_pos=4)
    torch.testing.assert_close(steered[:4], plain[:4])
    torch.testing.assert_close(steered[4:], plain[4:] + vector)


def test_the_model_is_as_before_after_the_block_and_after_an_error(model, vector):
    plain = model(IDS).logits
    with create_steering_hook(model, 1, vector, 5.0):
        assert not torch.allclose(model(IDS).logits, plain)
    torch.testing.assert_close(model(IDS).logits, plain)
    with pytest.raises(RuntimeError, match="inside"), create_steering_hook(model, 1, vector):
        raise RuntimeError("inside")
    torch.testing.assert_close(model(IDS).logits, plain)


def greedy(model, use_cache, ids=IDS):
    return model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=8,
        do_sample=False,
        min_new_tokens=8,
        use_cache=use_cache,
        output_logits=True,
        return_dict_in_generate=True,
    )


@pytest.mark.parametrize("start_pos", [0, 3, 6, 9])
def test_positions_are_counted_across_generation_with_a_cache(model, vector, start_pos):
    with create_steering_hook(model, 1, vector, 3.0, start_pos=start_pos):
        whole, cached = greedy(model, use_cache=False), greedy(model, use_cache=True)
        again = greedy(model, use_cache=True)  # a second sequence under one hook counts from 0
    assert whole.sequences.tolist() == cached.sequences.tolist() == again.sequences.tolist()
    torch.testing.assert_close(
        torch.stack(whole.logits), torch.stack(cached.logits), atol=1e-4, rtol=1e-3
    )
    plain = greedy(model, use_cache=True)
    changed = [
        not torch.allclose(a, b, atol=1e-5)
        for a, b in zip(plain.logits, cached.logits, strict=True)
    ]
    first = max(0, start_pos - IDS.shape[1] + 1)
    assert not any(changed[:first]) and changed[first]


def test_a_vector_of_another_dtype_is_converted(vector):
    model = gemma().to(torch.bfloat16).eval()
    steered = hidden_after(model, 0, vector=vector.double())
    assert steered.dtype == torch.bfloat16


@pytest.mark.parametrize("layer", [-1, LAYERS, 20])
def test_a_layer_out_of_range_is_refused_in_one_sentence(model, tokenizer, vector, layer):
    with pytest.raises(ValueError, match=f"{layer} is out of range: the model has layers 0 to 2."):
        with create_steering_hook(model, layer, vector):
            pass
    with pytest.raises(ValueError, match="layers 0 to 2"):
        get_layer_activations(model, tokenizer, "Hello world", layer=layer)


def test_bad_vectors_and_positions_are_refused(model, tokenizer, vector):
    for bad, word in ((vector[None], "shape"), (vector[:-1], "entries")):
        with pytest.raises(ValueError, match=word), create_steering_hook(model, 0, bad):
            model(IDS)
    with (
        pytest.raises(ValueError, match="negative"),
        create_steering_hook(model, 0, vector, start_pos=-1),
    ):
        pass
    with pytest.raises(ValueError, match="position 99"):
        get_layer_activations(model, tokenizer, "Hello world", layer=0, position=99)
    with (
        pytest.raises(ValueError, match="decoder layers"),
        create_steering_hook(torch.nn.Linear(1, 1), 0, vector),
    ):
        pass


def test_activations_have_one_vector_per_layer_and_match_the_hidden_states(model, tokenizer):
    inputs = tokenizer("Hello world", return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs, output_hidden_states=True).hidden_states
    found = get_all_layer_activations(model, tokenizer, text="Hello world")
    assert len(found) == LAYERS and all(v.shape == (HIDDEN,) for v in found)
    for layer in range(LAYERS - 1):  # the last hidden state has passed the final norm
        torch.testing.assert_close(found[layer], states[layer + 1][0, -1])
    torch.testing.assert_close(
        get_layer_activations(model, tokenizer, text="Hello world", layer=1), found[1]
    )
    torch.testing.assert_close(
        get_layer_activations(model, tokenizer, "Hello world", layer=1, position=1), states[2][0, 1]
    )
    assert not found[0].requires_grad


def test_a_batch_answers_as_each_prompt_alone(built_in):
    model, tokenizer = built_in
    prompts = ["What is the capital of France?", "Why?", "How is the weather in Oslo today?"]
    side = tokenizer.padding_side
    together = batch_generate(model.float(), tokenizer, prompts, max_tokens=12, temperature=0)
    alone = [
        generate_response(model, tokenizer, prompt=p, max_tokens=12, temperature=0) for p in prompts
    ]
    model.bfloat16()
    assert together == alone and tokenizer.padding_side == side
    assert "Paris" in together[0] and "user" not in together[0]


def test_a_tokenizer_without_template_or_padding_works(built_in):
    from transformers import AutoTokenizer
    from conftest import BASE

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    tokenizer.chat_template, tokenizer.pad_token = None, None
    answers = batch_generate(built_in[0], tokenizer, ["I agree", "I"], max_tokens=4)
    assert len(answers) == 2 and tokenizer.pad_token is None


def test_sampling_follows_the_seed(built_in):
    def ask(seed):
        torch.manual_seed(seed)
        return generate_response(
            *built_in, prompt="Tell me a story.", max_tokens=40, temperature=1.0
        )

    assert ask(1) == ask(1) != ask(2)


def test_bad_arguments_of_generate_are_refused(built_in):
    for call, word in (
        (lambda: batch_generate(*built_in, "one"), "list"),
        (lambda: generate_response(*built_in, "x", temperature=-1), "temperature"),
        (lambda: generate_response(*built_in, "x", max_tokens=0), "max_tokens"),
    ):
        with pytest.raises(ValueError, match=word):
            call()
    assert batch_generate(*built_in, []) == []
