# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions kept across files: Action assets in a folder, which carry the motion itself for any other character."""
