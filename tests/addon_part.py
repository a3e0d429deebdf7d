# SPDX-License-Identifier: Apache-2.0
"""The add-on's modules that need no Blender, as a package without its `__init__`, which needs it."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import moclip.errors
import moclip.skeletons.body_shape
import moclip.skeletons.bone_names

_NAME = "addon_part_modules"


def addon_module(name: str) -> ModuleType:
    """Its `errors`, `bone_names` and `body_shape` are the library's: the builder copies them into the add-on."""
    if _NAME not in sys.modules:
        package = ModuleType(_NAME)
        package.__path__ = [str(Path(__file__).resolve().parents[1] / "blender_addon")]
        sys.modules[_NAME] = package
        sys.modules[f"{_NAME}.errors"] = moclip.errors
        sys.modules[f"{_NAME}.body_shape"] = moclip.skeletons.body_shape
        sys.modules[f"{_NAME}.bone_names"] = moclip.skeletons.bone_names
    return importlib.import_module(f"{_NAME}.{name}")
