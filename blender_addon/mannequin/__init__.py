# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain body for those who have no character yet: numbers alone; `rig.mannequin` makes Blender's objects of it."""
