# SPDX-License-Identifier: Apache-2.0
"""The sources as a map: which room may import which, no circles, and no module that is too long to be read in one go.

Imports are read, not run: those inside functions count, and those for type checkers, too.
"""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest
from checkout import ROOT

ROOMS = (
    "errors", "licences", "folders", "shipped", "motion", "showing", "skeletons", "files", "nn", "captions", "training",
    "text", "prompts", "data", "codecs", "alignment", "generators.base", "models", "recognition", "releases",
    "generators", "runtimes", "generate", "evaluation", "recipes",
)  # fmt: skip
"""Of `moclip`, in the order in which they may know one another: backwards only."""

BACKEND_ROOMS = (
    "wire", "liveness", "memory", "prompt_table", "packages", "address", "state", "reporting", "terminal",
    "engine", "server", "client",
    "batch", "blender", "farm", "interop", "bench", "commands",
)  # fmt: skip
"""Of `moclip_backend`; what starts it (cli, builtin, probe, __main__) may know all of them."""
STARTS = ("cli", "builtin", "probe", "__main__")

PACKAGES = {"moclip": ROOT / "moclip", "moclip_backend": ROOT / "backend" / "moclip_backend"}
IN_BLENDER = ROOT / "backend" / "moclip_backend" / "blender" / "scripts"
"""Run by Blender, in the add-on's company."""
BLENDERS = {"bpy", "mathutils", "bmesh", "bl_ext", "moclip_addon", "blender_addon"}

LONGEST_MODULE = 300
"""Lines."""
TABLES = {
    "moclip/captions/action_phrases.py": "phrases by action",
    "moclip/skeletons/bone_names.py": "bone names by rig",
}
"""Modules that may be longer: nobody reads them from top to bottom."""


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the library and the backend; a package's name is its `__init__`."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


@cache
def imported(name: str) -> frozenset[str]:
    """Full names of what a module imports: `from a.b import c` is a.b.c where that is a module, else a.b."""
    path = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return frozenset(_imports(path, package))


def _imports(path: Path, package: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                found.add(full if full in modules() else origin)
    return found


def room(name: str, rooms: tuple[str, ...]) -> int | None:
    """The place of a module's room, the innermost that is listed."""
    inner = name.partition(".")[2]
    fitting = [place for place, own in enumerate(rooms) if inner == own or inner.startswith(f"{own}.")]
    return max(fitting, key=lambda place: len(rooms[place]), default=None)


def test_every_module_has_a_room():
    for name in modules():
        rooms = ROOMS if name.startswith("moclip.") else BACKEND_ROOMS
        known = name in PACKAGES or name.partition(".")[2] in STARTS or room(name, rooms) is not None
        assert known, f"{name} is in no room: give it one here and in ARCHITECTURE.md"


@pytest.mark.parametrize(("package", "rooms"), [("moclip", ROOMS), ("moclip_backend", BACKEND_ROOMS)])
def test_rooms_know_only_those_before_them(package, rooms):
    wrong = {
        (name, other)
        for name in modules()
        if (here := room(name, rooms)) is not None and name.startswith(f"{package}.")
        for other in imported(name)
        if other.startswith(f"{package}.") and ((there := room(other, rooms)) is None or there > here)
    }
    assert not wrong


def test_a_generator_builds_on_the_first_one_and_on_no_other():
    houses = {name: name.split(".")[2] for name in modules() if name.startswith("moclip.generators.")}
    packages = {house for name, house in houses.items() if name.count(".") > 2}
    wrong = {
        (name, other)
        for name, house in houses.items()
        for other in imported(name)
        if house in packages and houses.get(other, "base") not in (house, "base", "momask")
    }
    assert not wrong


def test_no_module_imports_itself_by_way_of_others():
    circles, over = [], set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            circles.append(" -> ".join((*way[way.index(name) :], name)))
        elif name not in over:
            for other in sorted(imported(name) & modules().keys()):
                follow(other, (*way, name))
            over.add(name)

    for name in modules():
        follow(name, ())
    assert not circles


def _of(found: frozenset[str]) -> set[str]:
    return {name.partition(".")[0] for name in found}


def test_the_library_knows_neither_the_network_nor_blender_nor_the_backend():
    barred = {"zmq", "moclip_backend", "backend", *BLENDERS}
    wrong = {name: _of(imported(name)) & barred for name in modules() if name.split(".")[0] == "moclip"}
    assert not {name: names for name, names in wrong.items() if names}


def test_the_backend_knows_blender_in_blender_only():
    wrong = {
        name: _of(imported(name)) & BLENDERS
        for name, path in modules().items()
        if name.split(".")[0] == "moclip_backend" and IN_BLENDER not in path.parents
    }
    assert not {name: names for name, names in wrong.items() if names}


def test_what_the_add_on_has_copies_of_needs_numpy_and_the_standard_library_only():
    allowed = {"numpy", *sys.stdlib_module_names}
    for name in ("wire", "liveness", "prompt_table"):
        assert _of(imported(f"moclip_backend.{name}")) <= allowed, name


def test_modules_are_short_enough_to_read():
    sources = [*modules().values(), *(ROOT / "blender_addon").rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in sources}
    long = {name for name, count in lines.items() if count > LONGEST_MODULE}
    assert not long - TABLES.keys()
    assert all(name in long for name in TABLES), "a table that is short needs no leave to be long"
