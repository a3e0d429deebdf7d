# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that the add-on shares with the library and the backend: one definition each, and no copy in the sources.

Each file here holds one line, `from PACKAGE.MODULE import *`. `build_addon.py` puts the module that it names in its
place, since the add-on in Blender may import nothing but itself and its wheels; in a checkout that line is what Python,
mypy and editors follow. To share another module, add such a file. A shared module imports the standard library, numpy
and, relatively (`from .skeleton import ...`), other shared modules.
"""
