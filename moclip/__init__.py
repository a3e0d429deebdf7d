# SPDX-License-Identifier: Apache-2.0
"""MoCLIP: text to human motion. Importing this package loads neither torch nor onnxruntime."""

from typing import TYPE_CHECKING, Any

from moclip.errors import MoclipError

if TYPE_CHECKING:
    from moclip.motion.motion import Motion

__version__ = "0.10.0"
__all__ = ["MoclipError", "Motion", "__version__"]


def __getattr__(name: str) -> Any:
    # numpy takes longer to import than the command line may take for its help.
    if name == "Motion":
        from moclip.motion.motion import Motion

        return Motion
    raise AttributeError(f"module 'moclip' has no attribute '{name}'")
