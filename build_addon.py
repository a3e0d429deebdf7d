# SPDX-License-Identifier: Apache-2.0
"""Build the Blender extension: the add-on, the project's own wheel with its weights, and the wheels of the backend.

    python build_addon.py                        for this computer, Blender 4.2 to 5.x (Python 3.11 and 3.13)
    python build_addon.py --python 3.14          for a Blender with Python 3.14
    python build_addon.py --all-platforms        one zip a platform

Installing the zip is the whole installation: Blender unpacks the wheels, and the add-on starts its backend from them
with Blender's own Python. Needs the standard library and pip.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SHARED = ROOT / "blender_addon/shared"
"""The list of modules that the add-on shares with the library and the backend; its `__init__` says how it works."""
_SOURCES = (ROOT, ROOT / "backend")
_SHARED_LINE = re.compile(r"^from ([\w.]+) import \*", re.M)

# numpy is Blender's own.
REQUIRED = ("onnxruntime", "safetensors", "platformdirs")
PROVIDED_BY_BLENDER = {"numpy"}
PLATFORMS = {
    "linux-x64": [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17)] + ["manylinux2014_x86_64"],
    "windows-x64": ["win_amd64"],
    "macos-arm64": ["macosx_14_0_arm64", "macosx_11_0_universal2"],
    "macos-x64": ["macosx_14_0_x86_64", "macosx_11_0_universal2"],
}
_NOTICE_FILES = re.compile(
    r"(^|/)(licen[cs]e|copying|notice|thirdpartynotices|authors)[^/]*$|\.dist-info/licenses/", re.I
)
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """One sentence for the person who builds."""


def current_platform() -> str:
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
    name = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}.get(
        platform.system(), platform.system()
    ) + f"-{machine}"
    if name not in PLATFORMS:
        raise BuildError(f"There are no wheels for {name}; choose --platform from {', '.join(PLATFORMS)}.")
    return name


def pyzmq_for(pythons: list[str]) -> str:
    """Blender refuses an extension that mixes cp311 and abi3 wheels, and pyzmq 27 has no cp313 wheel of its own.

    26.4.0 is the last with both cp311 and cp313; later Pythons take the abi3 wheel of 27.
    """
    if set(pythons) <= {"3.11", "3.13"}:
        return "pyzmq==26.4.0"
    if "3.11" in pythons:
        raise BuildError("Python 3.11 and 3.14 do not fit into one zip; build one for each.")
    return "pyzmq>=27"


def cache_folder() -> Path:
    # By hand, since this script runs where nothing is installed yet.
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base) / "moclip" / "addon"


def _pip(*arguments: str) -> None:
    # uv's environments have no pip of their own.
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-3:]
        raise BuildError(f"pip {arguments[0]} failed: {' '.join(lines)}")


def _download(requirement: str, python: str, tags: list[str], folder: Path) -> list[Path]:
    """The wheel for a requirement, without what it requires itself."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        platforms = [argument for tag in tags for argument in ("--platform", tag)]
        _pip(
            "download",
            requirement,
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            python,
            *platforms,
            "--dest",
            fresh,
        )
        return [Path(os.replace(w, folder / w.name) or folder / w.name) for w in sorted(Path(fresh).glob("*.whl"))]


def _requirements_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode("utf-8").split("\n\n")[0].splitlines()
    wanted = [line.split(":", 1)[1].strip() for line in lines if line.startswith("Requires-Dist:")]
    return [w for w in wanted if ";" not in w]


def _project(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def backend_wheels(platform_name: str, pythons: list[str], refresh: bool = False) -> list[Path]:
    """Wheels of everything that the backend needs beside Blender's numpy, from the cache or by pip.

    The list is remembered by what was asked for, so building again asks nobody.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    asked = [pyzmq_for(pythons), *REQUIRED, platform_name, *pythons]
    listing = folder / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]}.json"
    if listing.is_file() and not refresh:
        wheels = [folder / name for name in json.loads(listing.read_text())]
        if all(w.is_file() for w in wheels):
            return wheels
    found: dict[str, Path] = {}
    for python in pythons:
        waiting, seen = [pyzmq_for(pythons), *REQUIRED], set(PROVIDED_BY_BLENDER)
        while waiting:
            requirement = waiting.pop(0)
            if _project(requirement) in seen:
                continue
            seen.add(_project(requirement))
            for wheel in _download(requirement, python, PLATFORMS[platform_name], folder):
                found[wheel.name] = wheel
                waiting += _requirements_of(wheel)
    wheels = [found[name] for name in sorted(found)]
    listing.write_text(json.dumps([w.name for w in wheels]))
    return wheels


def project_wheel(folder: Path) -> Path:
    """The project's own wheel: the library, the backend and the weights that come along."""
    _pip("wheel", str(ROOT), "--no-deps", "--wheel-dir", str(folder))
    return next(folder.glob("moclip-*.whl"))


def project_version() -> str:
    return re.search(r'__version__ = "([^"]+)"', (ROOT / "moclip/__init__.py").read_text(encoding="utf-8")).group(1)


def notices(wheels: list[Path]) -> str:
    """The licence files of all bundled wheels in one text."""
    parts = ["MoCLIP for Blender carries these packages, each under its own licence.\n"]
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = sorted(n for n in archive.namelist() if _NOTICE_FILES.search(n) and not n.endswith((".py", "/")))
            if not names:
                metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
                names = [metadata]
            for name in names:
                text = archive.read(name).decode("utf-8", errors="replace").strip()
                parts.append(f"{'=' * 100}\n{wheel.name}: {name}\n{'=' * 100}\n{text}\n")
    return "\n".join(parts)


def shared_modules() -> dict[str, Path]:
    """A shared module's file in the add-on -> the file that is its one definition. Raises BuildError."""
    found = {}
    for path in sorted(SHARED.glob("[!_]*.py")):
        named = _SHARED_LINE.findall(path.read_text(encoding="utf-8"))
        files = [folder / f"{name.replace('.', '/')}.py" for name in named for folder in _SOURCES]
        there = [file for file in files if file.is_file()]
        if len(there) != 1:
            raise BuildError(f"{path.name} in {SHARED} does not name the one module that is to take its place.")
        found[f"{SHARED.name}/{path.name}"] = there[0]
    return found


def manifest(platform_name: str, wheels: list[Path]) -> str:
    text = (ROOT / "blender_addon/blender_manifest.toml").read_text(encoding="utf-8")
    listed = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    text, versions = re.subn(r"^version = .*$", f'version = "{project_version()}"', text, flags=re.M)
    filled = f'platforms = ["{platform_name}"]\nwheels = [\n{listed}]'
    text, places = re.subn(r"^# wheels and platforms.*$", filled, text, flags=re.M)
    if versions != 1 or places != 1:
        raise BuildError("blender_manifest.toml has lost its version line or its place for the wheels.")
    return text


def check(zip_path: Path, pythons: list[str]) -> str:
    """Raise BuildError unless Blender will take the zip. Returns who checked it."""
    import tomllib

    with zipfile.ZipFile(zip_path) as archive:
        names = set(archive.namelist())
        data = tomllib.loads(archive.read("blender_manifest.toml").decode("utf-8"))
    missing = [w for w in data["wheels"] if w.removeprefix("./") not in names]
    if missing or "__init__.py" not in names or "shared/wire.py" not in names:
        raise BuildError(f"The zip lacks {', '.join(missing) or 'modules'}.")
    # cp311-cp311 serves one Python, cp310-abi3 and py3-none any.
    exact = {f"3.{m[1]}" for w in data["wheels"] if (m := re.search(r"-cp3(\d+)-cp3\d+-", w))}
    if exact - set(pythons) or (set(pythons) - exact and len(pythons) > 1):
        raise BuildError(f"The wheels serve Python {', '.join(sorted(exact))}, not {', '.join(pythons)}.")
    cli = _blender_cli()
    if cli is None:
        return "own checks"
    done = subprocess.run([sys.executable, "-B", str(cli), "validate", str(zip_path)], capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"Blender refuses the zip: {(done.stdout + done.stderr).strip()}")
    return "Blender's extension tool"


def _blender_cli() -> Path | None:
    """Blender's own extension command line, when bpy lies in this environment; it runs without Blender."""
    spec = importlib.util.find_spec("bpy")
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")) if folders else []
    return found[-1] if found else None


def build(out: Path, platform_name: str, pythons: list[str], refresh: bool = False) -> Path:
    """Build and check one zip; returns its path. The same sources and wheels give the same bytes."""
    pythons = sorted(pythons, key=lambda p: tuple(map(int, p.split("."))))
    dependencies = backend_wheels(platform_name, pythons, refresh)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = sorted([*dependencies, project_wheel(Path(scratch))], key=lambda w: w.name)
        files: dict[str, bytes | Path] = {
            path.relative_to(ROOT / "blender_addon").as_posix(): path
            for path in (ROOT / "blender_addon").rglob("*")
            if path.is_file() and path.suffix in (".py", ".toml") and "__pycache__" not in path.parts
        }
        files |= shared_modules()
        files |= {f"LICENSES/{path.name}": path for path in (ROOT / "LICENSES").glob("*.txt")}
        files |= {f"wheels/{wheel.name}": wheel for wheel in wheels}
        files["blender_manifest.toml"] = manifest(platform_name, wheels).encode()
        files["NOTICES.txt"] = notices(wheels).encode()
        out.mkdir(parents=True, exist_ok=True)
        serves = "".join(f"-py{p.replace('.', '')}" for p in pythons)
        target = out / f"moclip-{project_version()}-{platform_name}{serves}.zip"
        _write_zip(target, files)
    try:
        check(target, pythons)
    except BuildError:
        target.unlink()
        raise
    return target


def _write_zip(target: Path, files: dict[str, bytes | Path]) -> None:
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(files):
            content = files[name] if isinstance(files[name], bytes) else files[name].read_bytes()
            info = zipfile.ZipInfo(name, _FIXED_TIME)
            info.external_attr = 0o644 << 16
            # Wheels are compressed already.
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    os.replace(unfinished, target)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zips (default: dist)")
    parser.add_argument("--python", default="3.11,3.13", help="Pythons that one zip serves (default: 3.11,3.13)")
    parser.add_argument("--platform", choices=PLATFORMS, help="default: this computer's")
    parser.add_argument("--all-platforms", action="store_true", help="one zip for each platform")
    parser.add_argument("--refresh", action="store_true", help="ask pip for the newest wheels again")
    chosen = parser.parse_args(arguments)
    pythons = [p.strip() for p in chosen.python.split(",") if p.strip()]
    if not pythons or not all(re.fullmatch(r"3\.\d+", p) for p in pythons):
        parser.error("--python takes versions such as 3.11,3.13")
    try:
        for name in PLATFORMS if chosen.all_platforms else [chosen.platform or current_platform()]:
            started = time.perf_counter()
            built = build(chosen.out, name, pythons, chosen.refresh)
            size, seconds = built.stat().st_size / 1e6, time.perf_counter() - started
            print(f"{built}  {size:.1f} MB  {seconds:.1f} s  ({check(built, pythons)})")
    except BuildError as error:
        print(f"build_addon: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
