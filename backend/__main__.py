# SPDX-License-Identifier: Apache-2.0
"""`python -m backend` is `moclip`."""

import sys

from backend.cli import main

if __name__ == "__main__":
    sys.exit(main())
