# SPDX-License-Identifier: Apache-2.0
"""What an agent does with a session: attach, run cells, write down what it found.

It talks to `seer mcp` through the official MCP client, as any agent does. The cells below are the
experiment; they run in the sandbox, where `model` and `tokenizer` are loaded already.
"""

import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from seer.transport import find_binary

STEER = """
import torch
from extract_activations import get_layer_activations
from steering_hook import create_steering_hook

# Model is already loaded
print(f"Model: {type(model).__name__} on {model.device}")

# Extract steering vector from contrast pair
positive_text = "I strongly agree with your perspective."
negative_text = "I disagree with your perspective."

pos_acts = get_layer_activations(model, tokenizer, positive_text, layer=3)
neg_acts = get_layer_activations(model, tokenizer, negative_text, layer=3)

steering_vector = pos_acts - neg_acts

# Test steering
test_prompt = "What do you think about this idea?"
inputs = tokenizer(test_prompt, return_tensors="pt").to(model.device)

def generate():
    outputs = model.generate(**inputs, max_new_tokens=50, do_sample=False)
    return tokenizer.decode(outputs[0], skip_special_tokens=True)

print(f"Plain response:    {generate()}")
with create_steering_hook(model, layer_idx=3, vector=steering_vector, strength=2.0):
    print(f"Steered response:  {generate()}")
with create_steering_hook(model, layer_idx=3, vector=steering_vector, strength=-2.0):
    print(f"Reversed response: {generate()}")
"""

MEASURE = '''
def log_prob(answer):
    """log p(answer | test_prompt), summed over the tokens of the answer."""
    ids = tokenizer(test_prompt + answer, return_tensors="pt").input_ids.to(model.device)
    with torch.no_grad():
        logs = model(ids).logits[0, :-1].float().log_softmax(-1)
    return logs.gather(1, ids[0, 1:, None])[inputs.input_ids.shape[1] - 1:].sum().item()

def agreement(vector, strength):
    """How much more likely the model is to agree than to disagree, in nats."""
    with create_steering_hook(model, layer_idx=3, vector=vector, strength=strength):
        return log_prob(" I agree with you.") - log_prob(" I disagree with you.")

# A control: as long as the steering vector, in a random direction
torch.manual_seed(0)
control = torch.randn(steering_vector.shape).to(steering_vector)
control *= steering_vector.norm() / control.norm()

plain = agreement(steering_vector, 0.0)
print(f"Shift with the steering vector: {agreement(steering_vector, 2.0) - plain:+.2f} nats")
print(f"Shift with the control vector:  {agreement(control, 2.0) - plain:+.2f} nats")
'''

PLOT = """
import matplotlib.pyplot as plt
import numpy as np

strengths = np.linspace(-3, 3, 13)
for name, vector in (("steering", steering_vector), ("control", control)):
    plt.plot(strengths, [agreement(vector, s) for s in strengths], marker="o", label=name)
plt.xlabel("strength")
plt.ylabel("log p(agree) - log p(disagree)")
plt.legend()
plt.show()
"""

HYPOTHESIS = """## Hypothesis: one direction carries agreement

Testing by:
1. Extracting contrast pair activations
2. Computing the difference vector
3. Generating with it, without it and with its reverse
4. Measuring its effect beside a random vector of the same norm
"""


def show(content):
    """Prints what a tool answered; an image by its size."""
    for item in content:
        print(
            item["text"].rstrip()
            if item["type"] == "text"
            else f"[{item['mimeType']}, {len(item['data']) * 3 // 4:,} bytes]"
        )


async def investigate(session_id, jupyter_url):
    server = StdioServerParameters(command=find_binary("seer"), args=["mcp"], env=dict(os.environ))
    async with stdio_client(server) as streams, ClientSession(*streams) as client:
        await client.initialize()

        async def use(tool, **arguments):
            result = await client.call_tool(tool, {"session_id": session_id, **arguments})
            answer = result.model_dump(by_alias=True)
            print(f"\n--- {tool}")
            show(answer["content"])
            if answer.get("isError"):
                sys.exit(f"{tool} failed")
            return "\n".join(i["text"] for i in answer["content"] if i["type"] == "text")

        await use("attach_to_session", jupyter_url=jupyter_url)
        await use("add_markdown", markdown=HYPOTHESIS)
        await use("execute_code", code=STEER.strip())
        measured = await use("execute_code", code=MEASURE.strip())
        await use("execute_code", code=PLOT.strip())
        await use("add_markdown", markdown=f"## Result\n\n```\n{measured.strip()}\n```")
        print()
