# SPDX-License-Identifier: Apache-2.0
"""Sizes of BAMM's transformer (Pinyoanuntapong et al., ECCV 2024). The defaults are the official HumanML3D model's."""

from dataclasses import dataclass

from moclip.nn.config import Config

VARIANTS = ("official", "t2mgpt")


@dataclass(frozen=True)
class BammConfig(Config):
    """A decoder of one code after the other that may look ahead at the codes that are given.

    cond_drop: share of training samples whose text vector is zeroed, for classifier-free guidance.
    variant: "official" has post-norm layers as torch's own encoder, "t2mgpt" pre-norm blocks; state dicts differ too.
    Raises ValueError for another variant.
    """

    codes: int = 512
    code_dim: int = 512
    text_dim: int = 512
    width: int = 384
    layers: int = 8
    heads: int = 6
    feed_forward: int = 1024
    dropout: float = 0.2
    cond_drop: float = 0.1
    variant: str = "official"

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"there is no variant '{self.variant}', only {' and '.join(VARIANTS)}")

    @property
    def end_id(self) -> int:
        """Stands behind a motion's last code, and may be predicted."""
        return self.codes

    @property
    def pad_id(self) -> int:
        """Stands where nothing is, and is never predicted."""
        return self.codes + 1
