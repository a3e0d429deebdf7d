# SPDX-License-Identifier: Apache-2.0
"""Packages that not every command needs, and what to do where one is missing."""

import importlib.util

from moclip.errors import MoclipError


def require(package: str, extra: str) -> None:
    """Raise MoclipError unless `package` is installed; `extra` is the extra of this project that brings it."""
    if importlib.util.find_spec(package) is None:
        raise missing(package, f'`pip install "moclip[{extra}]"` installs it.')


def missing(package: str, hint: str) -> MoclipError:
    message = f"This command needs the package {package}, which is not installed."
    return MoclipError(message, hint=hint, code="missing_package")
