# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes seen before they are keyed: ghosts in the 3D View, worked out once, of which nothing is in the file."""
