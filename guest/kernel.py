# SPDX-License-Identifier: Apache-2.0
"""kernel: ipykernel in this process, bound to the sockets that the shim will connect to."""

from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config

CONNECTION_TRAITS = (
    "transport",
    "ip",
    "shell_port",
    "iopub_port",
    "stdin_port",
    "control_port",
    "hb_port",
)


class GuestKernelApp(IPKernelApp):
    """An IPKernelApp that is told its connection and leaves no file with the key in it."""

    name = "ipython-kernel"

    def init_connection_file(self):
        pass

    def write_connection_file(self, **kwargs):
        pass


def _config(connection):
    config = Config()
    config.HistoryManager.enabled = False  # no history.sqlite; In and Out work as ever
    config.Session.key = connection["key"].encode()
    config.Session.signature_scheme = connection.get("signature_scheme", "hmac-sha256")
    # ipykernel takes a parent to mean "started by a program": no advice on Ctrl-C in the log.
    # 1 is the sandbox's init, which outlives every kernel, so nothing is polled.
    config.IPKernelApp.parent_handle = 1
    return config


def make(connection, variables):
    """A kernel with its sockets bound and `variables` in the user's namespace, not yet running."""
    app = GuestKernelApp.instance(config=_config(connection))
    for trait in CONNECTION_TRAITS:
        setattr(app, trait, connection[trait])
    app.initialize([])
    app.shell.push(variables, interactive=True)
    return app


def run(app):
    app.start()
