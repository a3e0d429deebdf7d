# SPDX-License-Identifier: Apache-2.0
"""What the builder decides before it downloads anything, and the extension's manifest."""

import importlib.util
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("build_addon", ROOT / "build_addon.py")
build_addon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_addon)


def wheel(folder: Path, name: str, requires: tuple[str, ...] = (), files: dict[str, str] | None = None) -> Path:
    path = folder / name
    info = "-".join(name.split("-")[:2]) + ".dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", "\n".join(f"Requires-Dist: {r}" for r in requires) + "\n\nRequires-Dist: no\n"
        )
        for inside, text in (files or {}).items():
            archive.writestr(inside, text)
    return path


def test_pyzmq_follows_what_blender_accepts():
    assert build_addon.pyzmq_for(["3.11", "3.13"]) == "pyzmq==26.4.0"
    assert build_addon.pyzmq_for(["3.11"]) == "pyzmq==26.4.0"
    assert build_addon.pyzmq_for(["3.14"]) == "pyzmq>=27"
    with pytest.raises(build_addon.BuildError, match="3.11 and 3.14"):
        build_addon.pyzmq_for(["3.11", "3.14"])


def test_only_what_is_required_without_extras_counts(tmp_path):
    path = wheel(tmp_path, "a-1-py3-none-any.whl", ("flatbuffers", "numpy>=1.21.6", 'sympy; extra == "symbolic"'))
    assert build_addon._requirements_of(path) == ["flatbuffers", "numpy>=1.21.6"]
    assert build_addon._project("Foo_Bar>=1.2") == "foo-bar"


def test_the_manifest_is_one_that_blender_takes(tmp_path):
    wheels = [tmp_path / "pyzmq-26.4.0-cp311-cp311-manylinux_2_28_x86_64.whl"]
    data = tomllib.loads(build_addon.manifest("linux-x64", wheels))
    assert data["id"] == "moclip" and data["blender_version_min"] == "4.2.0" and data["tags"] == ["Animation"]
    assert data["license"] == ["SPDX:GPL-3.0-or-later"] and data["platforms"] == ["linux-x64"]
    assert data["wheels"] == ["./wheels/pyzmq-26.4.0-cp311-cp311-manylinux_2_28_x86_64.whl"]
    assert data["version"] == build_addon.project_version()
    # Blender's limits.
    assert all(len(why) <= 64 and why[-1].isalnum() for why in data["permissions"].values())
    assert len(data["tagline"]) <= 64


def test_notices_hold_every_wheels_licence(tmp_path):
    one = wheel(tmp_path, "one-1-py3-none-any.whl", files={"one-1.dist-info/licenses/COPYING": "Be kind."})
    two = wheel(tmp_path, "two-2-py3-none-any.whl", files={"two/LICENSE.txt": "Be fair.", "two/license.py": "code"})
    text = build_addon.notices([one, two])
    assert "Be kind." in text and "Be fair." in text and "code" not in text


def test_zips_are_the_same_byte_for_byte(tmp_path):
    files = {"b.py": b"b", "a.py": b"a" * 1000, "wheels/w.whl": b"\0" * 1000}
    build_addon._write_zip(tmp_path / "1.zip", files)
    build_addon._write_zip(tmp_path / "2.zip", dict(reversed(files.items())))
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == sorted(files)


def test_the_add_ons_sources_name_their_licence():
    for path in (ROOT / "blender_addon").rglob("*.py"):
        assert path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n"), path
    for path in build_addon.shared_modules().values():
        assert path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: Apache-2.0\n"), path


def test_a_shared_file_that_names_no_module_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "wire.py").write_text("from moclip.nothing import *\n")
    monkeypatch.setattr(build_addon, "SHARED", tmp_path)
    with pytest.raises(build_addon.BuildError, match="wire.py"):
        build_addon.shared_modules()
