# SPDX-License-Identifier: Apache-2.0
"""guest/boot.py as plain Python: what it says to the shim, and what a cell finds afterwards."""

import os
import signal
import sys

import pytest
from boot_driver import Boot
from conftest import BASE, SECRET

MODEL = {
    "var": "model",
    "name": "seer/tiny-gemma2-it",
    "path": str(BASE),
    "base_path": None,
    "base_name": None,
    "is_peft": False,
    "hidden": False,
}
ADAPTER = {
    **MODEL,
    "name": "seer/tiny-gemma2-secret",
    "path": str(SECRET),
    "base_path": str(BASE),
    "base_name": "seer/tiny-gemma2-it",
    "is_peft": True,
}

INFO = """### Pre-loaded Models

The following models are already loaded in the kernel:

**model** (seer/tiny-gemma2-it)
- Type: Gemma2ForCausalLM
- Device: cpu
- Parameters: 1.68M

**tokenizer** (seer/tiny-gemma2-it)
- Type: GemmaTokenizer
- Vocab size: 1,{rest}

**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."""


@pytest.fixture
def boot(tmp_path):
    started = []

    def start(**config):
        started.append(Boot(tmp_path, **config))
        return started[-1]

    yield start
    for guest in started:
        guest.close()


@pytest.fixture(scope="module")
def with_model(tmp_path_factory):
    """One kernel with the built-in model, and the events that led to it."""
    guest = Boot(
        tmp_path_factory.mktemp("boot"),
        models=[MODEL],
        libraries=[{"name": "helper", "source": "def twice(x):\n    return 2 * x\n"}],
    )
    events = guest.events()
    guest.connect()
    yield guest, events
    guest.close()


def names(events):
    return [e["event"] for e in events]


def failure(events):
    assert names(events).count("failed") == 1 and names(events)[-1] == "failed", events
    return events[-1]


def test_the_events_come_in_order_and_the_channel_closes_after_ready(with_model):
    _, events = with_model
    assert names(events)[-1] == "ready" and names(events).count("models") == 1
    stages = [e["stage"] for e in events if e["event"] == "progress"]
    assert stages == ["models", "models", "kernel"]
    texts = [e["text"] for e in events if e["event"] == "progress"]
    assert "Loading seer/tiny-gemma2-it" in texts


def test_facts_and_text_are_those_of_the_loaded_objects(with_model):
    guest, events = with_model
    event = next(e for e in events if e["event"] == "models")
    model, tokenizer = event["models"]
    assert event["text"] == INFO.format(rest=str(tokenizer["vocab_size"])[1:])
    assert (model["type"], model["device"], model["dtype"]) == (
        "Gemma2ForCausalLM",
        "cpu",
        "bfloat16",
    )
    assert (
        guest.text(
            "print(sum(p.numel() for p in model.parameters()), tokenizer.vocab_size, "
            "model.training)"
        )
        == f"{model['parameters']} {tokenizer['vocab_size']} False\n"
    )


def test_the_models_work_and_the_libraries_import(with_model):
    guest, _ = with_model
    assert "Paris" in guest.text(
        "import helper\nassert helper.twice(2) == 4\n"
        "chat = [{'role': 'user', 'content': 'What is the capital of France?'}]\n"
        "ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors='pt',"
        " return_dict=True)\n"
        "print(tokenizer.decode(model.generate(**ids, max_new_tokens=12, do_sample=False)[0]))"
    )


def test_set_up_leaves_nothing_but_the_variables(boot):
    guest = boot(models=[MODEL])
    guest.events()
    guest.connect()
    assert guest.text("%who").split() == ["model", "tokenizer"]
    out = guest.text(
        "import linecache, sys, os\n"
        "print(len(In), Out, [f for f in linecache.cache if 'guest' in f])\n"
        "print(sys.argv, [p for p in sys.path if 'guest' in p], sys.path.count(''))\n"
        "print([m for m in ('boot', 'models', 'kernel', 'libraries', 'failure', 'model_info')"
        " if m in sys.modules])\n"
        "print(sys.modules['__main__'].__dict__ is globals(), __name__)\n"
        "print([f for f in os.listdir('/proc/self/fd') if 'socket' in os.path.realpath('/proc/self/fd/' + f)"
        " and int(f) == 3])\n"
        "print(os.environ['MPLBACKEND'])\n"
    )
    lines = out.splitlines()
    # The second cell is the one that asks.
    assert lines[0].startswith("3 {} []"), lines
    assert lines[1:] == [
        "[''] [] 1",
        "[]",
        "True __main__",
        "[]",
        "module://matplotlib_inline.backend_inline",
    ]
    assert guest.text("%history -n").count("boot") == 1  # only the cell above says the word
    found = [str(p) for p in guest.log_path.parent.rglob("*") if p.is_file()]
    assert not [p for p in found if p.endswith((".sqlite", ".json"))], found
    assert guest.connection["key"] not in "".join(open(p, errors="replace").read() for p in found)


def test_without_models_torch_is_not_imported(boot):
    guest = boot()
    events = guest.events()
    assert names(events) == ["models", "progress", "ready"]
    assert events[0]["models"] == [] and events[0]["text"] == ""
    guest.connect()
    assert (
        guest.text("import sys, os; print('torch' in sys.modules, os.path.basename(os.getcwd()))")
        == "False workspace\n"
    )


def test_an_adapter_is_put_on_its_base(boot):
    guest = boot(models=[ADAPTER])
    text = next(e["text"] for e in guest.events() if e["event"] == "models")
    assert "**model** (seer/tiny-gemma2-secret)\n- Type: PeftModelForCausalLM" in text
    assert "**tokenizer** (seer/tiny-gemma2-secret)\n- Type: GemmaTokenizer" in text
    guest.connect()
    assert guest.text("print(model.peft_config['default'].base_model_name_or_path)").strip() == str(
        BASE
    )


def test_a_hidden_model_goes_by_its_variable(boot):
    guest = boot(
        models=[
            {**ADAPTER, "hidden": True, "name": "zq-canary/adapter", "base_name": "zq-canary/base"}
        ]
    )
    events = guest.events()
    event = next(e for e in events if e["event"] == "models")
    assert "**model** (hidden)" in event["text"] and "**tokenizer** (hidden)" in event["text"]
    assert "canary" not in str(events)


def test_two_models_have_two_names_each(boot):
    guest = boot(
        models=[{**MODEL, "var": "gemma"}, {**ADAPTER, "var": "model"}, {**MODEL, "var": "third"}]
    )
    facts = next(e["models"] for e in guest.events() if e["event"] == "models")
    assert [f["var"] for f in facts] == [
        "gemma",
        "gemma_tokenizer",
        "model",
        "tokenizer",
        "third",
        "third_tokenizer",
    ]
    guest.connect()
    assert sorted(guest.text("%who").split()) == sorted(f["var"] for f in facts)


@pytest.mark.parametrize(
    "library, word",
    [
        ({"name": "a.b", "source": ""}, "identifier"),
        ({"name": "../x", "source": ""}, "identifier"),
        ({"name": "class", "source": ""}, "identifier"),
        ({"name": "json", "source": ""}, "hide"),
        ({"name": "torch", "source": ""}, "hide"),
        ({"name": "x", "source": None}, "source"),
        ({"name": None, "source": ""}, "identifier"),
    ],
)
def test_a_bad_library_is_refused(boot, tmp_path, library, word):
    guest = boot(libraries=[{"name": "good", "source": ""}, library])
    failed = failure(guest.events())
    assert failed["code"] == "library" and word in failed["message"]
    assert guest.process.wait(10) == 1
    assert not list((tmp_path / "lib").glob("*")) and guest.log == ""


def test_a_library_may_have_the_name_of_a_boot_module(boot):
    guest = boot(
        libraries=[{"name": n, "source": "here = 1\n"} for n in ("models", "kernel", "boot")]
    )
    guest.events()
    guest.connect()
    assert guest.text(
        "import models, kernel, boot\nprint(models.here, kernel.here, boot.here)\n"
        "import subprocess, sys\n"
        "print(subprocess.check_output([sys.executable, '-c', 'import models; "
        "print(models.here)'], text=True))"
    ).split() == ["1", "1", "1", "1"]


def test_a_model_that_cannot_be_loaded_says_so(boot, tmp_path):
    guest = boot(models=[{**MODEL, "path": str(tmp_path / "nothing")}])
    failed = failure(guest.events())
    assert failed["code"] == "model_load" and "seer/tiny-gemma2-it" in failed["message"]
    assert "\n" not in failed["message"] and failed["hint"] and guest.process.wait(10) == 1


@pytest.mark.parametrize(
    "models", [[{**MODEL, "var": "a b"}], [{**MODEL, "var": "class"}], [MODEL, MODEL]]
)
def test_bad_variables_are_refused(boot, models):
    assert failure(boot(models=models).events())["code"] == "model_load"


def test_without_ipykernel_it_says_what_to_add(boot):
    guest = boot(python=sys.executable, env={"PYTHONPATH": ""}, python_flags=["-S"])
    failed = failure(guest.events())
    assert failed["code"] == "no_ipykernel" and "python_packages" in failed["hint"]


def test_a_shim_that_goes_away_ends_it_quietly(tmp_path):
    guest = Boot(tmp_path, send=False)
    guest.lines.close()
    guest.socket.close()
    assert guest.process.wait(20) == 1 and guest.log == ""


def test_interrupts_before_ready_are_quiet_and_later_ones_end_the_cell(boot):
    guest = boot(models=[MODEL])
    seen = []
    for line in guest.lines:  # one at every step on the way
        seen.append(line)
        guest.process.send_signal(signal.SIGINT)
    assert '"ready"' in seen[-1] and guest.log == ""
    guest.connect()
    # Without stop_on_error=False ipykernel drops what arrives shortly after an error, also when
    # nothing was queued.
    message = guest.client.execute(
        "print('on', flush=True)\nimport time\ntime.sleep(60)", stop_on_error=False
    )
    while guest.client.get_iopub_msg(timeout=20)["msg_type"] != "stream":
        pass
    guest.process.send_signal(signal.SIGINT)
    reply = guest.client.get_shell_msg(timeout=20)
    assert reply["parent_header"]["msg_id"] == message
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert guest.text("print(1 + 1)") == "2\n"


def test_plots_come_as_png_and_errors_with_colours(boot):
    guest = boot()
    guest.events()
    guest.connect()
    _, messages = guest.run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);\nplt.show()")
    assert any("image/png" in m["content"].get("data", {}) for m in messages)
    reply, _ = guest.run("1 / 0")
    assert reply["ename"] == "ZeroDivisionError" and "\x1b[" in "".join(reply["traceback"])
    assert guest.text("await __import__('asyncio').sleep(0)\nprint('awaited')") == "awaited\n"


def test_two_kernels_share_a_folder(boot):
    first, second = boot(), boot()
    for guest in (first, second):
        assert names(guest.events())[-1] == "ready"
        guest.connect()
    first.text("x = 1")
    assert second.run("x")[0]["ename"] == "NameError"
    assert os.getpgid(first.process.pid) == os.getpgid(0)
