# SPDX-License-Identifier: Apache-2.0
"""What several test files use."""

import sys

import pytest


@pytest.fixture
def moclip(monkeypatch, capsys, tmp_path):
    """Run a command in this process: (exit code, stdout, stderr)."""
    from moclip_backend import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["moclip", *arguments])
        try:
            code = cli.main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return run
