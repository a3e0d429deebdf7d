# SPDX-License-Identifier: Apache-2.0
"""MoCLIP: text to human motion. Importing this package loads neither torch nor onnxruntime."""

from moclip.errors import MoclipError
from moclip.motion import Motion

__version__ = "0.1.0"
__all__ = ["MoclipError", "Motion", "__version__"]
