# SPDX-License-Identifier: Apache-2.0
"""extract_activations: what the residual stream holds after each layer, at one token.

    from extract_activations import get_layer_activations, get_all_layer_activations

    acts = get_layer_activations(model, tokenizer, text="Hello world", layer=15)
    all_acts = get_all_layer_activations(model, tokenizer, text="Hello world")

Layer i is the output of decoder layer i, the place where create_steering_hook(layer_idx=i) adds its
vector. One file without dependencies beside torch, so that it can be given to a sandbox as a library.
"""

import torch


def _decoder_layers(model):
    """The list of decoder layers, also through a PEFT wrapper; ValueError if none is found."""
    if hasattr(model, "get_base_model"):
        model = model.get_base_model()
    for path in (
        "model.layers",
        "model.language_model.layers",
        "language_model.model.layers",
        "model.decoder.layers",
        "transformer.h",
        "gpt_neox.layers",
        "layers",
        "h",
    ):
        found = model
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, torch.nn.ModuleList):
            return found
    raise ValueError(f"{type(model).__name__} has no list of decoder layers that is known here.")


def _run(model, tokenizer, text, position, indices):
    """The outputs of the layers named, at one token, in the order of indices."""
    layers = _decoder_layers(model)
    for index in indices:
        if not 0 <= index < len(layers):
            raise ValueError(
                f"layer {index} is out of range: the model has layers 0 to {len(layers) - 1}."
            )
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    length = inputs["input_ids"].shape[1]
    if not -length <= position < length:
        raise ValueError(f"position {position} is out of range: the text has {length} tokens.")

    # Hooks rather than output_hidden_states: that list's last entry has passed the final norm.
    kept = {}

    def keep(index):
        def hook(module, args, output):
            hidden = output[0] if isinstance(output, tuple) else output
            kept[index] = hidden[0, position].detach().clone()

        return hook

    handles = [layers[index].register_forward_hook(keep(index)) for index in indices]
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [kept[index] for index in indices]


def get_layer_activations(model, tokenizer, text, layer, position=-1):
    """The activations after one layer.

    Args:
        model: a language model of transformers, or a PEFT model around one.
        tokenizer: the model's tokenizer.
        text: the prompt. A chat has to be put through the chat template beforehand.
        layer: 0-indexed.
        position: which token; -1 is the last.

    Returns: torch.Tensor of shape (hidden_dim,), on the model's device and of its dtype.

    Raises:
        ValueError: no such layer, or no such token in the text.
    """
    return _run(model, tokenizer, text, position, [layer])[0]


def get_all_layer_activations(model, tokenizer, text, position=-1):
    """The activations after every layer, from one run.

    Returns: List[torch.Tensor], one per layer, each of shape (hidden_dim,).

    Raises:
        ValueError: no such token in the text.
    """
    return _run(model, tokenizer, text, position, range(len(_decoder_layers(model))))
