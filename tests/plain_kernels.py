"""The walks as plain Python, whatever the installed package has: one source, two speeds."""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import analyzer.wire


def plain(kernels: ModuleType) -> ModuleType:
    """The same source, not compiled."""
    name = kernels.__name__.rpartition(".")[2]
    loader = importlib.machinery.SourceFileLoader(f"plain_{name}", str(Path(analyzer.wire.__path__[0]) / f"{name}.py"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
