# SPDX-License-Identifier: Apache-2.0
"""The add-on's house: rooms whose arrows run one way, no circle, small modules, one door to the library."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moclip.shipped import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[1]
ADDON = ROOT / "blender_addon"
spec = importlib.util.spec_from_file_location("build_addon", ROOT / "build_addon.py")
build_addon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_addon)
STOREYS = (
    "shared", "compat", "limits", "bundled", "settings", "motion", "mannequin", "rig", "keying", "editing", "preview",
    "gpu", "library", "backend", "timeline", "ui", "operators", "registration", "",
)  # fmt: skip
"""From the ground up: a room may import those before it. "" is the package itself."""
LONGEST = 300
OF_BLENDER = {
    "addon_utils", "blf", "bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils", "numpy", "rna_keymap_ui", "zmq",
}  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(ADDON).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ADDON.rglob("*.py"))}


def room(module: str) -> str:
    return module.partition(".")[0]


def imports(module: str, text: str = "") -> Iterator[str]:
    """Everything that a module imports, also in functions and for types alone; the add-on's own begin with a dot."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text or path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".") if package else []
            base = [*above[: len(above) - node.level + 1], *(node.module or "").split(".")]
            base = ".".join(part for part in base if part)
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield f".{inner if inner in MODULES else base}"


ARROWS = {module: {found[1:] for found in imports(module) if found.startswith(".")} for module in MODULES}


def test_imports_are_read_in_every_form():
    text = "import os\nfrom . import scene\nfrom ..rig.pose import Pose\ndef f():\n    from .. import compat\n"
    assert list(imports("keying.actions", text)) == ["os", ".keying.scene", ".rig.pose", ".compat"]


def test_every_import_leads_to_a_module():
    assert {(module, end) for module, ends in ARROWS.items() for end in ends if end not in MODULES} == set()


def test_the_default_model_is_the_librarys():
    (own,) = re.findall(r'^DEFAULT_MODEL = "(.+)"$', MODULES["bundled"].read_text(encoding="utf-8"), re.M)
    assert own == DEFAULT_MODEL


def test_every_module_has_a_storey():
    assert {room(module) for module in MODULES} == set(STOREYS)


@pytest.mark.parametrize("module", MODULES)
def test_arrows_run_one_way(module):
    here = STOREYS.index(room(module))
    assert [end for end in ARROWS[module] if STOREYS.index(room(end)) > here] == []


def test_there_is_no_circle():
    rest = {module: {end for end in ends if end != module} for module, ends in ARROWS.items()}
    while free := [module for module, ends in rest.items() if not ends & set(rest)]:
        for module in free:
            del rest[module]
    assert rest == {}


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) != "shared"])
def test_it_imports_nothing_but_itself_blender_and_the_standard_library(module):
    outside = {room(found) for found in imports(module) if not found.startswith(".")}
    assert outside - OF_BLENDER - set(sys.stdlib_module_names) == set()


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_every_class_of_blenders_is_registered():
    listed = MODULES["registration"].read_text(encoding="utf-8")
    defined = [
        node.name
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("bpy.types.") for base in node.bases)
    ]
    assert len(defined) > 50
    assert [name for name in defined if f"{name}," not in listed and f"menu.{name})" not in listed] == []


def test_a_shared_module_imports_nothing_that_the_add_on_has_not():
    """In the add-on it stands in the room `shared`, beside the others."""
    for name, path in build_addon.shared_modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                beside = [node.module] if node.module else [alias.name for alias in node.names]
                assert node.level == 1 and {f"shared.{one}" for one in beside} <= set(MODULES), (
                    name,
                    ast.unparse(node),
                )
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert {room(one) for one in found} <= {"numpy", *sys.stdlib_module_names}, (name, found)


def test_who_drives_the_add_on_asks_for_modules_that_it_has():
    """Scripts of the command line and tests in Blender name its modules in strings."""
    named = re.compile(r'(?:\bmodule|addon_module)\("([a-z_.]+)"|part\(driver, "([a-z_.]+)"|\{MODULE\}\.([a-z_.]+)"')
    places = [*(ROOT / "backend").rglob("scripts/*.py"), *(ROOT / "tests").rglob("*.py")]
    found = {(path.name, "".join(hit)) for path in places for hit in named.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 50
    assert [(name, module) for name, module in sorted(found) if module not in MODULES] == []
