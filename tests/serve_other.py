# SPDX-License-Identifier: Apache-2.0
"""`python tests/serve_other.py mmcp` or `... mcp FOLDER`: `moclip serve` of another protocol, with `SlowEngine`."""

import sys
from pathlib import Path

from serve_slow_engine import SlowEngine

from moclip_backend.interop.assistant import serve_mcp
from moclip_backend.interop.mmcp import serve_mmcp
from moclip_backend.reporting import run
from moclip_backend.server.serving import ServeOptions


def main() -> int:
    if sys.argv[1] == "mmcp":
        return serve_mmcp(ServeOptions(bind="tcp://127.0.0.1:0"), lambda _: SlowEngine(0.0))
    return serve_mcp(Path(sys.argv[2]), "slow", lambda _: SlowEngine(0.0))


if __name__ == "__main__":
    sys.exit(run(main))
