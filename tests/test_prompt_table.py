# SPDX-License-Identifier: Apache-2.0
"""Tables of prompts: what spreadsheets write is read, what cannot be meant is named."""

import pytest

from moclip_backend.prompt_table import COLUMNS, Row, TableError, read_table, write_table


def test_a_table_survives_the_round_trip(tmp_path):
    rows = [Row("Hero", "walks, then\nwaves", 11, 2.5, 3), Row("", 'says "hi"')]
    write_table(tmp_path / "rows.csv", rows)
    table, failures = read_table(tmp_path / "rows.csv")
    assert table == {1: rows[0], 2: rows[1]} and not failures


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_spreadsheet_is_read(tmp_path, delimiter, mark):
    lines = [delimiter.join(name.title() for name in COLUMNS), delimiter.join(("Hero", "walks", "5", "auto", ""))]
    (tmp_path / "rows.csv").write_bytes(mark + "\r\n".join(lines).encode())
    assert read_table(tmp_path / "rows.csv") == ({1: Row("Hero", "walks", 5)}, {})


def test_a_comma_in_a_number_is_a_point(tmp_path):
    (tmp_path / "rows.csv").write_text("armature;prompt;seconds\nHero;walks;2,5\n")
    assert read_table(tmp_path / "rows.csv")[0][1].seconds == 2.5


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Hero,walks,one,,", "whole numbers"),
        ("Hero,walks,,long,", "whole numbers"),
        ("Hero,walks,,,-1", "out of bounds"),
        ("Hero,walks,9999999,,", "out of bounds"),
    ],
)
def test_bad_rows_are_named_and_the_others_kept(tmp_path, line, why):
    (tmp_path / "rows.csv").write_text(f"{','.join(COLUMNS)}\n{line}\nHero,bows,,,\n")
    table, failures = read_table(tmp_path / "rows.csv")
    assert list(table) == [2] and why in failures[1]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"name,text\nx,y\n", "no column 'armature'"), (b"", "no column"), (b"armature,prompt\n", "no rows"),
     (b"\xff\xfe\x00", "cannot be read")],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, content, why):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(TableError, match=why):
        read_table(tmp_path / "rows.csv")
