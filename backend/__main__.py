# SPDX-License-Identifier: Apache-2.0
"""`python -m backend` in a checkout is `moclip`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from moclip_backend.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
