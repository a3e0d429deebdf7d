# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions by themselves, without any rig: axes, places, loops, paths."""
