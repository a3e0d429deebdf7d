# SPDX-License-Identifier: Apache-2.0
"""Where this checkout is, for tests that start processes: they must run its code, whatever is installed."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONPATH = os.pathsep.join(map(str, (ROOT, ROOT / "backend")))
