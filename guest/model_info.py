# SPDX-License-Identifier: Apache-2.0
"""model_info: what the notebook has in it, as facts for programs and as text for a reader.

Every number and type is read from the loaded object. The text is part of the contract: agents are
told to read it, so its wording does not change.
"""

HEAD = """### Pre-loaded Models

The following models are already loaded in the kernel:
"""
FOOT = "**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."


def human_count(n):
    """9241705984 -> "9.24B". Below a thousand the number itself."""
    if n < 1000:
        return str(n)
    # The unit is chosen after rounding, so that 999999 is 1.00M and never 1000.00K.
    units = (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3))
    unit, size = next((u, s) for u, s in units if round(n / s, 2) >= 1)
    return f"{n / size:.2f}{unit}"


def facts_of(loaded):
    """The facts of one model, and of its tokenizer if it has one."""
    model = loaded.model
    device = getattr(model, "device", None) or next(model.parameters()).device
    facts = [
        {
            "var": loaded.var,
            "name": loaded.name,
            "type": type(model).__name__,
            "device": str(device),
            "parameters": sum(p.numel() for p in model.parameters()),
            "dtype": str(getattr(model, "dtype", "")).removeprefix("torch."),
        }
    ]
    if loaded.tokenizer is not None:
        facts.append(
            {
                "var": loaded.tokenizer_var,
                "name": loaded.name,
                "type": type(loaded.tokenizer).__name__,
                "vocab_size": loaded.tokenizer.vocab_size,
            }
        )
    return facts


def _entry(fact):
    lines = [f"**{fact['var']}** ({fact['name']})", f"- Type: {fact['type']}"]
    if "vocab_size" in fact:
        lines.append(f"- Vocab size: {fact['vocab_size']:,}")
    else:
        lines.append(f"- Device: {fact['device']}")
        lines.append(f"- Parameters: {human_count(fact['parameters'])}")
    return "\n".join(lines) + "\n"


def info_text(facts):
    """model_info_text. Empty when there is no model."""
    return "\n".join([HEAD, *map(_entry, facts), FOOT]) if facts else ""
