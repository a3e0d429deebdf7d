# SPDX-License-Identifier: Apache-2.0
"""Where recordings come from, and what may be done with what is made of them."""

from typing import NamedTuple


class Credit(NamedTuple):
    """A source of recordings; permissive: what is made of them may be sold."""

    title: str
    licence: str
    permissive: bool = True


_CREDITS = {
    "dataset-": Credit(
        "Bandai-Namco-Research-Motiondataset", "CC BY-NC 4.0, Bandai Namco Research Inc., arXiv 2306.08861", False
    ),
    "train_": Credit(
        "CMU Graphics Lab Motion Capture Database",
        "free for all uses. The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
        "with funding from NSF EIA-0196217.",
    ),
    "humanoid3d_": Credit("DeepMimic reference motions", "MIT, Xue Bin Peng 2018"),
}
"""By how the names of a source's files begin."""


def credit_of(name: str) -> Credit | None:
    """The source of a recording whose file has this name, where it is known."""
    return next((credit for prefix, credit in _CREDITS.items() if name.startswith(prefix)), None)
