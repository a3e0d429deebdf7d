# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures: making MoCLIP's own, recognising others by bone names, and turning a motion into their poses."""
