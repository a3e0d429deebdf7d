# SPDX-License-Identifier: Apache-2.0
"""The models that come along."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "weights"
"""Their folders."""
DEFAULT_MODEL = "open"
"""The one that is used where none is named: it knows most, and what is made with it may be used for anything."""
