# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of what a rig does already, made anew."""
