# SPDX-License-Identifier: Apache-2.0
"""The command of a backend of the user's own, with paths as each system writes them."""

import pytest
from addon_part import addon_module

from moclip.errors import MoclipError

words_of = addon_module("backend.command_line").words_of


@pytest.mark.parametrize(
    ("text", "windows", "words"),
    [
        (
            r'"C:\Program Files\moclip\moclip.exe" serve --device cuda', True,
            [r"C:\Program Files\moclip\moclip.exe", "serve", "--device", "cuda"],
        ),
        (r"C:\moclip\new\moclip.exe serve", True, [r"C:\moclip\new\moclip.exe", "serve"]),
        (r'moclip serve --model="D:\my models\walker"', True, ["moclip", "serve", r"--model=D:\my models\walker"]),
        (r"\\server\share\moclip.exe  serve", True, [r"\\server\share\moclip.exe", "serve"]),
        ("C:\\it's\\moclip.exe serve", True, ["C:\\it's\\moclip.exe", "serve"]),
        ("'/home/my user/moclip' serve", False, ["/home/my user/moclip", "serve"]),
        (r"/home/my\ user/moclip serve # no comment", False, "/home/my user/moclip|serve|#|no|comment".split("|")),
        ("  ", True, []),
        ("  ", False, []),
    ],
)  # fmt: skip
def test_words_are_what_the_system_would_make_of_them(text, windows, words):
    assert words_of(text, windows=windows) == words


@pytest.mark.parametrize("windows", [True, False])
def test_a_quote_that_does_not_end_is_told(windows):
    with pytest.raises(MoclipError, match="does not end") as raised:
        words_of('"/opt/moclip serve', windows=windows)
    assert raised.value.action == "preferences"
