# SPDX-License-Identifier: Apache-2.0
"""What the licence of a model's weights means to who animates with it. The add-on has this module, too."""

import re

_FREE = re.compile(r"\b(CC ?0|CC BY|MIT|Apache|BSD|public domain)", re.I)


def in_words(licence: str) -> str:
    """One sentence on the motions that are made with a model of this licence, as in "CC BY-NC 4.0"."""
    if re.search(r"\bNC\b|non-?commercial", licence, re.I):
        return "Motions made with it are for non-commercial use."
    if re.search(r"\bSA\b|share-?alike", licence, re.I):
        return f"Motions made with it are yours for any use; who passes on changed weights does so under {licence}."
    if _FREE.search(licence):
        return "Motions made with it are yours for any use."
    return "What motions made with it may be used for is not known: ask whoever made it."
