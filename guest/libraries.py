# SPDX-License-Identifier: Apache-2.0
"""libraries: writes the user's modules into the folder from which the kernel imports them."""

import importlib.machinery
import keyword
import os
import sys

from failure import BootError


def _check_name(name, lib_dir, own_dir):
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise BootError(
            "library",
            f"The library name {name!r} cannot be imported, because it is no Python identifier.",
            "Give the library a name of letters, digits and underscores.",
        )
    # A file called json.py or torch.py ahead of the real one would break the kernel itself.
    path = [p for p in sys.path if os.path.abspath(p or ".") not in (lib_dir, own_dir)]
    hides = name in sys.stdlib_module_names or name in sys.builtin_module_names
    if not hides:
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        hides = spec is not None and spec.origin is not None
    if hides:
        raise BootError(
            "library",
            f"The library name {name!r} would hide the installed module of that name.",
            "Give the library another name.",
        )


def install(libraries, lib_dir, own_dir):
    """Writes each {"name", "source"} to lib_dir/<name>.py; raises BootError("library").

    Every name is checked before the first file is written. A file appears whole or not at all,
    since another kernel of the sandbox may be importing it at this moment.
    """
    lib_dir = os.path.abspath(lib_dir)
    for library in libraries:
        _check_name(library.get("name"), lib_dir, own_dir)
        if not isinstance(library.get("source"), str):
            raise BootError("library", f"The library {library['name']!r} came without its source.")
    try:
        os.makedirs(lib_dir, exist_ok=True)
        for library in libraries:
            path = os.path.join(lib_dir, library["name"] + ".py")
            partial = f"{path}.{os.getpid()}"
            with open(partial, "w", encoding="utf-8", newline="") as file:
                file.write(library["source"])
            os.replace(partial, path)
    except (OSError, UnicodeError) as error:
        raise BootError("library", f"The libraries could not be written: {error}.") from error


def put_on_path(lib_dir):
    """Makes lib_dir importable here and in every Python that a cell starts."""
    lib_dir = os.path.abspath(lib_dir)
    if lib_dir not in sys.path:
        sys.path.insert(1, lib_dir)
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if lib_dir not in inherited:
        os.environ["PYTHONPATH"] = os.pathsep.join([lib_dir, *filter(None, inherited)])
