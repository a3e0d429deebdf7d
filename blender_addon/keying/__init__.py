# SPDX-License-Identifier: GPL-3.0-or-later
"""Write motions as keys: new actions, what a rig was before, what became of each motion."""
