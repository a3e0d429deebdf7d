# SPDX-License-Identifier: Apache-2.0
"""Reading checkpoints as authors released them."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.errors import MoclipError
from moclip.nn.checkpoint import save_weights

HEAD_WIDTH = 64
"""Of attention heads in released networks, whose number no tensor tells."""


def refusal(message: str, hint: str) -> MoclipError:
    return MoclipError(message, hint=hint, code="bad_checkpoint")


def read_state(path: Path, entries: Sequence[str], whose: str) -> dict[str, Tensor]:
    """The state dict in the first of these entries that a checkpoint has. Raises MoclipError for other files."""
    core: Any = getattr(np, "core", None)
    try:
        with torch.serialization.safe_globals([] if core is None else [core.multiarray.scalar]):
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch raises many kinds for a damaged or unsafe file)
        raise refusal(f"The checkpoint {path} is damaged or holds more than tensors.", "Download it again.") from error
    for entry in entries:
        if entry in content:
            return dict(content[entry])
    raise refusal(f"The checkpoint {path} has no entry {' or '.join(entries)}.", f"Is it {whose}?")


save_exactly = partial(save_weights, full_precision=True)
"""Released weights are kept as exactly as they come."""


def count_parts(keys: Iterable[str], prefix: str, position: int) -> int:
    """How many different words stand at this place of the dotted names that begin with `prefix`."""
    return len({key.split(".")[position] for key in keys if key.startswith(prefix)})
