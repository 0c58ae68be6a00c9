"""Build the API reference of every module from its docstrings: ``python scripts/reference.py FOLDER``."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import warnings
from pathlib import Path
from types import FunctionType, ModuleType
from typing import get_type_hints

import pdoc  # pyright: ignore[reportMissingImports]

import jaxsim


def show_submodules() -> None:
    """Import every module, and name it in its package's ``__all__``: what is not named there is not shown."""
    for found in pkgutil.walk_packages(jaxsim.__path__, "jaxsim."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            resolve_constructors(sys.modules[found.name])
            package, _, name = found.name.rpartition(".")
            parent = sys.modules[package]
            if name not in (shown := getattr(parent, "__all__", ())):
                vars(parent)["__all__"] = [*shown, name]


def resolve_constructors(module: ModuleType) -> None:
    """Give generated constructors (of dataclasses, named tuples) the types that their fields name.

    Their annotations are text, to be read in the module of the class that has the field, which may be a base.
    """
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            for maker in ("__init__", "__new__"):
                function = vars(value).get(maker)
                if isinstance(function, FunctionType | staticmethod):
                    inner = function.__func__ if isinstance(function, staticmethod) else function
                    inner.__module__ = module.__name__
                    with contextlib.suppress(NameError):  # imported for type checkers only: pdoc finds it
                        hints = get_type_hints(value)
                        inner.__annotations__ |= {
                            k: v for k, v in hints.items() if k in inner.__annotations__
                        }


def main(folder: str) -> None:
    """Write one page per module; a warning (a name that does not resolve, say) is an error."""
    warnings.simplefilter("error")
    for name in jaxsim.__all__:  # resolved when first used: so that the reference shows them
        setattr(jaxsim, name, getattr(jaxsim, name))
    show_submodules()
    pdoc.render.configure(docformat="google", math=False, show_source=False)
    pdoc.pdoc("jaxsim", output_directory=Path(folder))


if __name__ == "__main__":
    main(sys.argv[1])
