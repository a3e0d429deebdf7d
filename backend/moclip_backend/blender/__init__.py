# SPDX-License-Identifier: Apache-2.0
"""Running Blender without a window: `bpy` in a process of its own, or an installed Blender.

`scripts/` is run by Blender's Python and imports nothing of this project but the add-on that it installs.
"""
