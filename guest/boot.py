# SPDX-License-Identifier: Apache-2.0
"""boot: turns a bare interpreter in the sandbox into a ready Jupyter kernel.

    python boot.py FD

FD is one end of a socket whose other end the shim holds. One line of JSON comes in and says what
to prepare; lines of JSON go out and say how it goes:

    in   {"session", "connection": {...}, "models": [...], "libraries": [...], "workdir", "lib_dir"?}
    out  {"event": "progress", "stage", "text", "fraction"?}
         {"event": "models", "models": [facts], "text": model_info_text}
         {"event": "failed", "code", "message", "hint"}      and the process ends with status 1
         {"event": "ready"}                                  the kernel's sockets are bound

Order: libraries are written, models are loaded, then ipykernel starts in this same process with
the models as variables. Nothing of this is run as a cell, so In, history, linecache and the user's
namespace hold no trace of it. A hidden model is known here by its variable's name alone.

Only the standard library is imported until a model has to be loaded: whatever Python the sandbox
has must be able to run this file and to say in one sentence what it lacks.
"""

import signal

# Until ipykernel takes over, an interrupt has nothing to interrupt: no cell runs yet.
signal.signal(signal.SIGINT, signal.SIG_IGN)

import importlib.util
import json
import linecache
import os
import sys

GUEST_DIR = os.path.dirname(os.path.abspath(__file__))


class Channel:
    """The line protocol with the shim. Closed before the user's code can run."""

    def __init__(self, fd):
        os.set_inheritable(fd, False)
        self.fd = fd

    def read_config(self):
        chunks = []
        while not chunks or b"\n" not in chunks[-1]:
            chunk = os.read(self.fd, 1 << 16)
            if not chunk:
                raise EOFError("the shim closed the channel before the configuration came")
            chunks.append(chunk)
        return json.loads(b"".join(chunks).partition(b"\n")[0])

    def send(self, event, **fields):
        data = json.dumps({"event": event, **fields}).encode() + b"\n"
        while data:
            data = data[os.write(self.fd, data) :]

    def progress(self, stage, text, fraction=None):
        fields = {} if fraction is None else {"fraction": round(fraction, 3)}
        self.send("progress", stage=stage, text=text, **fields)

    def close(self):
        os.close(self.fd)


def use_workdir(path):
    if path:
        os.makedirs(path, exist_ok=True)
        os.chdir(path)


def prepare(channel, config):
    """Libraries and models. Returns the variables that the kernel starts with."""
    import libraries
    from failure import BootError

    # What is missing is said before minutes are spent on weights.
    if importlib.util.find_spec("ipykernel") is None:
        raise BootError(
            "no_ipykernel",
            "This Python environment has no ipykernel, so no notebook can run in it.",
            "Add ipykernel to python_packages.",
        )
    lib_dir = config.get("lib_dir") or "/opt/seer/lib"
    libraries.install(config.get("libraries") or [], lib_dir, own_dir=GUEST_DIR)
    libraries.put_on_path(lib_dir)
    use_workdir(config.get("workdir"))

    wanted = config.get("models") or []
    if not wanted:
        channel.send("models", models=[], text="")
        return {}

    import model_info
    import models

    loaded = models.load_all(wanted, channel.progress)
    facts = [fact for item in loaded for fact in model_info.facts_of(item)]
    channel.send("models", models=facts, text=model_info.info_text(facts))
    return {name: value for item in loaded for name, value in item.variables().items()}


def forget_boot():
    """Leaves sys.path, sys.argv, sys.modules and linecache as a plain kernel has them.

    A user's own `models.py` must not be shadowed by the module of that name in this folder.
    """
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != GUEST_DIR]
    sys.argv[:] = [""]
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if origin and name != "__main__" and os.path.dirname(os.path.abspath(origin)) == GUEST_DIR:
            del sys.modules[name]
    # torch looks at the stack while it is imported, and so at the source of these files.
    for name in [name for name in linecache.cache if os.path.dirname(name) == GUEST_DIR]:
        del linecache.cache[name]


def main(argv):
    channel = Channel(int(argv[1]))
    from failure import BootError

    try:
        config = channel.read_config()
        variables = prepare(channel, config)
        channel.progress("kernel", "Starting the kernel")
        import kernel

        app = kernel.make(config["connection"], variables)
        forget_boot()
        channel.send("ready")
        channel.close()
    except BootError as error:
        channel.send("failed", code=error.code, message=error.message, hint=error.hint)
        return 1
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return 1  # the shim is gone, nobody listens
    except Exception as error:
        import traceback

        traceback.print_exc()  # to the sandbox's log
        channel.send(
            "failed",
            code="internal",
            message=f"The kernel could not be prepared: {type(error).__name__}: {error}"[:500],
            hint="The log of the sandbox has the whole traceback.",
        )
        return 1
    kernel.run(app)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
