# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender shows: panels, menus, preferences."""
