# SPDX-License-Identifier: Apache-2.0
"""Wheels of a few bytes, so that an environment can be made without a network and in seconds."""

import zipfile
from pathlib import Path

PROBE = """
import json, sys
print(json.dumps({"runtime": sys.argv[-1], "device": "cpu", "device_name": "a small test"}))
"""


def write_wheel(folder: Path, name: str, files: dict[str, str], version: str = "1.0", extra: str = "") -> Path:
    """extra: a requirement that only the extra "torch" has."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    required = f'Provides-Extra: torch\nRequires-Dist: {extra}; extra == "torch"\n' if extra else ""
    content = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in content) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in content.items():
            archive.writestr(inside, text)
    return path


def write_all(folder: Path, probe: str = PROBE) -> Path:
    """A project's wheel whose probe is `probe`, and the torch that it asks for; returns the project's."""
    write_wheel(folder, "torch", {"torch.py": "version = 1\n"})
    return write_wheel(
        folder,
        "moclip",
        {"moclip_backend/__init__.py": "", "moclip_backend/probe.py": probe, "moclip.py": ""},
        extra="torch",
    )
