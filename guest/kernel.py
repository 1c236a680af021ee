# SPDX-License-Identifier: Apache-2.0
"""kernel: ipykernel in this process, bound to the sockets that the shim will connect to."""

import json

from ipykernel.kernelapp import IPKernelApp
from jupyter_client.jsonutil import json_default
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


def _keep_lone_surrogates(session):
    """print("\\ud800") is legal Python, but its text has no UTF-8: the session's own packer raises,
    the output is lost and a flush may wait for it for ever. Written as an escape it is plain JSON,
    and the shim shows U+FFFD for it."""
    plain = session.pack

    def pack(message):
        try:
            return plain(message)
        except UnicodeEncodeError:
            return json.dumps(message, default=json_default, allow_nan=False).encode("ascii")

    session.pack = pack


def make(connection, variables):
    """A kernel with its sockets bound and `variables` in the user's namespace, not yet running."""
    app = GuestKernelApp.instance(config=_config(connection))
    for trait in CONNECTION_TRAITS:
        setattr(app, trait, connection[trait])
    app.initialize([])
    _keep_lone_surrogates(app.session)
    app.shell.push(variables, interactive=True)
    return app


def run(app):
    app.start()
