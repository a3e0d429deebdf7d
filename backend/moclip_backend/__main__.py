# SPDX-License-Identifier: Apache-2.0
"""`python -m moclip_backend` is `moclip`."""

import sys

from moclip_backend.cli import main

if __name__ == "__main__":
    sys.exit(main())
