# SPDX-License-Identifier: Apache-2.0
"""The cells of experiments/hello in a real kernel: they run, and show what they claim to show."""

import ast
import re

from boot_driver import Boot
from conftest import BASE, ROOT


def cells():
    """The cells, read from agent.py without importing what only the host has."""
    tree = ast.parse((ROOT / "experiments" / "hello" / "agent.py").read_text())
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }


def test_the_cells_steer_measure_and_plot(tmp_path):
    toolkit = ROOT / "experiments" / "toolkit"
    guest = Boot(
        tmp_path,
        models=[{"var": "model", "name": "seer/tiny-gemma2-it", "path": str(BASE)}],
        libraries=[
            {"name": name, "source": (toolkit / f"{name}.py").read_text()}
            for name in ("steering_hook", "extract_activations")
        ],
    )
    try:
        assert guest.events()[-1]["event"] == "ready"
        guest.connect()
        found = cells()
        steered = guest.text(found["STEER"])
        print(steered)
        plain, agreeing, opposed = re.findall(r"response: +(.*)", steered)
        assert "agree" in agreeing and "disagree" not in agreeing
        assert re.search("disagree|wrong|not|bad|against|oppose", opposed)
        measured = guest.text(found["MEASURE"])
        print(measured)
        shift, control = map(float, re.findall(r"([+-][\d.]+) nats", measured))
        assert shift > 1.5 and shift > 2 * abs(control)
        reply, messages = guest.run(found["PLOT"])
        assert reply["status"] == "ok"
        assert any("image/png" in m["content"].get("data", {}) for m in messages)
    finally:
        guest.close()
