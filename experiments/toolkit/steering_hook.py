# SPDX-License-Identifier: Apache-2.0
"""steering_hook: adds a vector to one layer's output while a `with` block runs.

    from steering_hook import create_steering_hook

    with create_steering_hook(model, layer_idx=20, vector=steering_vec, strength=2.0, start_pos=0):
        outputs = model.generate(**inputs)

One file without dependencies beside torch, so that it can be given to a sandbox as a library.
"""

from contextlib import contextmanager

import torch


def _decoder_layers(model):
    """The list of decoder layers, also through a PEFT wrapper; ValueError if none is found."""
    if hasattr(model, "get_base_model"):  # PEFT: the hooks belong on the modules it has adapted
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


@contextmanager
def create_steering_hook(model, layer_idx, vector, strength=1.0, start_pos=0):
    """Adds strength * vector to the output of a layer for as long as the block runs.

    Args:
        model: a language model of transformers, or a PEFT model around one.
        layer_idx: which layer to inject into, 0-indexed.
        vector: steering vector, torch.Tensor of shape (hidden_dim,), on any device, of any dtype.
        strength: multiplier for the injection.
        start_pos: token position to start steering from, counted in the padded row that the model
            is given. The count goes on through generation with a cache, where the model sees one
            new token at a time, and starts anew with each new sequence.

    Yields nothing. The layer is as before when the block ends, however it ends.

    Raises:
        ValueError: no such layer, a vector of another shape, or a negative start_pos.
    """
    layers = _decoder_layers(model)
    if not 0 <= layer_idx < len(layers):
        raise ValueError(
            f"layer_idx {layer_idx} is out of range: the model has layers 0 to {len(layers) - 1}."
        )
    vector = torch.as_tensor(vector).detach()
    if vector.dim() != 1:
        raise ValueError(f"vector must have shape (hidden_dim,), not {tuple(vector.shape)}.")
    if start_pos < 0:
        raise ValueError(f"start_pos must not be negative, but is {start_pos}.")
    past = 0  # tokens of the present sequence that lie in the cache already

    def note_past(module, args, kwargs):
        # Before the layer runs its cache holds what earlier calls gave it, and nothing of this one.
        nonlocal past
        caches = [c for c in (*args, *kwargs.values()) if hasattr(c, "get_seq_length")]
        past = int(caches[0].get_seq_length(layer_idx)) if caches else 0

    def steer(module, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.shape[-1] != vector.shape[0]:
            raise ValueError(
                f"vector has {vector.shape[0]} entries, but the model's hidden size "
                f"is {hidden.shape[-1]}."
            )
        skip = max(0, start_pos - past)
        if skip >= hidden.shape[1]:
            return output
        steered = hidden.clone()
        steered[:, skip:] += (strength * vector).to(hidden.device, hidden.dtype)
        return (steered, *output[1:]) if isinstance(output, tuple) else steered

    layer = layers[layer_idx]
    handles = [
        layer.register_forward_pre_hook(note_past, with_kwargs=True),
        layer.register_forward_hook(steer),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
