# SPDX-License-Identifier: Apache-2.0
"""The add-on's modules that need no Blender, as a package without its `__init__`, which needs it."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

_NAME = "addon_part_modules"


def addon_module(name: str) -> ModuleType:
    """Its room `shared` is the library and the backend themselves, as in every checkout."""
    if _NAME not in sys.modules:
        package = ModuleType(_NAME)
        package.__path__ = [str(Path(__file__).resolve().parents[1] / "blender_addon")]
        sys.modules[_NAME] = package
    return importlib.import_module(f"{_NAME}.{name}")
