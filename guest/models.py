# SPDX-License-Identifier: Apache-2.0
"""models: loads what the sandbox was promised, from folders with neutral names.

One request per model, as the shim sends it:

    {"var", "name", "path", "base_path"|null, "base_name"|null, "is_peft", "hidden"}

A model is loaded in the precision it was saved in, in eval mode, on the GPU where there is one. A
PEFT adapter is put on its base. A hidden model goes by its variable's name; whatever "name" says,
it is not repeated, although the sender is expected to have left it out.
"""

import keyword
import os
import warnings

from failure import BootError, one_line


class Loaded:
    """One model with its tokenizer, and the names under which the notebook sees them."""

    def __init__(self, request, model, tokenizer, tokenizer_var):
        self.var = request["var"]
        self.name = "hidden" if request.get("hidden") else request["name"]
        self.model = model
        self.tokenizer = tokenizer  # None for a model that has none
        self.tokenizer_var = tokenizer_var

    def variables(self):
        found = {self.var: self.model}
        if self.tokenizer is not None:
            found[self.tokenizer_var] = self.tokenizer
        return found


def tokenizer_vars(variables):
    """The tokenizer's variable for each model variable.

    `tokenizer` for the only model or the one called `model`; `<var>_tokenizer` for the others.
    """
    names = {}
    for var in variables:
        plain = len(variables) == 1 or var == "model"
        names[var] = "tokenizer" if plain and "tokenizer" not in variables else var + "_tokenizer"
    return names


def _check(requests):
    seen = set()
    for request in requests:
        var = request.get("var")
        if not isinstance(var, str) or not var.isidentifier() or keyword.iskeyword(var):
            raise BootError(
                "model_load",
                f"{var!r} cannot be the name of a variable.",
                "Choose another var_name.",
            )
        if var in seen:
            raise BootError(
                "model_load",
                f"Two models ask for the variable {var!r}.",
                "Give each model its own var_name.",
            )
        seen.add(var)


def _label(request):
    return f"{request['var']} (hidden)" if request.get("hidden") else request["name"]


def _import_libraries(needs_peft):
    try:
        import torch
        import transformers

        if needs_peft:
            import peft  # noqa: F401
    except ImportError as error:
        raise BootError(
            "model_load",
            f"A model cannot be loaded in this Python environment ({one_line(error)}).",
            "Add torch, transformers"
            + (" and peft" if needs_peft else "")
            + " to python_packages.",
        ) from error
    return torch, transformers


def _load_weights(path, torch, transformers):
    major = int(transformers.__version__.split(".")[0])
    options = {"dtype" if major >= 5 else "torch_dtype": "auto"}
    cuda = torch.cuda.is_available()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path, local_files_only=True, **options
    )
    return model.to("cuda") if cuda else model


def _put_adapter(model, request):
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, request["path"], local_files_only=True)
    # Whatever the adapter's author called the base, here it lies in a folder. Without this peft
    # asks the hub about that name when the adapter is saved again.
    for config in model.peft_config.values():
        config.base_model_name_or_path = request["base_path"]
    return model


def _load_tokenizer(request, transformers):
    for folder in (request["path"], request.get("base_path")):
        if folder and any(
            os.path.exists(os.path.join(folder, name))
            for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")
        ):
            return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return None


def _load(request, torch, transformers):
    adapter = request.get("is_peft")
    model = _load_weights(request["base_path"] if adapter else request["path"], torch, transformers)
    if adapter:
        model = _put_adapter(model, request)
    return model.eval(), _load_tokenizer(request, transformers)


def load_all(requests, progress):
    """Loads every model in order. progress(stage, text, fraction). Raises BootError."""
    _check(requests)
    names = tokenizer_vars([request["var"] for request in requests])
    progress("models", "Importing torch and transformers", 0.0)
    torch, transformers = _import_libraries(any(r.get("is_peft") for r in requests))
    transformers.utils.logging.disable_progress_bar()
    loaded = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for i, request in enumerate(requests):
                progress("models", f"Loading {_label(request)}", i / len(requests))
                model, tokenizer = _load(request, torch, transformers)
                loaded.append(Loaded(request, model, tokenizer, names[request["var"]]))
    except Exception as error:
        hint = "Check that the model's files are whole and that transformers knows its type."
        if isinstance(error, torch.cuda.OutOfMemoryError):
            hint = "Ask for a GPU with more memory, or for a smaller model."
        raise BootError(
            "model_load", f"Could not load {_label(request)}: {one_line(error)}", hint
        ) from error
    transformers.utils.logging.enable_progress_bar()
    return loaded
