# SPDX-License-Identifier: Apache-2.0
"""The base of every network's sizes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

# What a checkpoint's configuration says besides the sizes of its network.
_NOT_SIZES = {"kind", "text_fingerprint", "rotation_channels", "fps", "step", "score"}


@dataclass(frozen=True)
class Config:
    """A frozen set of numbers that a checkpoint carries as JSON."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError for names that this configuration does not have."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"{cls.__name__} has no setting named {', '.join(sorted(unknown))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's configuration says of its network's sizes."""
    return {k: v for k, v in config.items() if k not in _NOT_SIZES}
