# SPDX-License-Identifier: GPL-3.0-or-later
"""MoCLIP: type a sentence, get a keyframed character."""

from .registration import register, unregister

__all__ = ["register", "unregister"]
