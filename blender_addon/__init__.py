# SPDX-License-Identifier: GPL-3.0-or-later
"""MoCLIP: type a sentence, get a keyframed character."""


def register() -> None:
    pass


def unregister() -> None:
    pass
