# SPDX-License-Identifier: Apache-2.0
"""The one reader of settings: what it takes, and that whatever it refuses is one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moclip.errors import MoclipError
from moclip.nn.config import Config, Count, Natural, NotNegative, Positive, Share, read_settings, suggestion


@dataclass(frozen=True)
class Inner(Config):
    width: Count = 8
    dropout: Share = 0.1

    def __post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"width is even, not {self.width}")


@dataclass(frozen=True)
class Table(Config):
    steps: Natural
    rate: Positive
    name: str = "x"
    masked: bool = False
    kind: Literal["mean", "attention"] = "mean"
    folder: Path | None = None
    words: list[str] = field(default_factory=list)
    more: Sequence[str] = ()
    pair: tuple[int, float] = (0, 0.0)
    many: tuple[int, ...] = ()
    emphasis: dict[str, NotNegative] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    either: int | str = 0
    anything: Any = None
    details: dict = field(default_factory=dict)


FULL = {
    "steps": 3, "rate": 1, "name": "y", "masked": True, "kind": "attention", "folder": "a/b", "words": ["a"],
    "more": ["b"], "pair": [1, 2], "many": [1, 2, 3], "emphasis": {"walk": 2}, "inner": {"width": 4}, "either": "text",
    "anything": [1, {}], "details": {"a": 1},
}  # fmt: skip


def test_every_kind_of_value_arrives_as_its_field_has_it():
    made = read_settings(Table, FULL, "[t]")
    assert made == Table(
        3, 1.0, "y", True, "attention", Path("a/b"), ["a"], ["b"], (1, 2.0), (1, 2, 3), {"walk": 2.0}, Inner(4), "text",
        [1, {}], {"a": 1},
    )  # fmt: skip
    assert isinstance(made.rate, float) and isinstance(made.emphasis["walk"], float)


def test_a_configuration_that_was_written_is_read_back():
    made = Table(0, 0.5, inner=Inner(2, 0.0), words=["a", "b"])
    assert Table.from_dict(made.to_dict()) == made


WRONG = [
    ({"stepz": 4}, "In [t] of a.toml, there is no setting 'stepz' (did you mean 'steps'?)."),
    ({"xyzzy": 4}, "In [t] of a.toml, there is no setting 'xyzzy' (there is anything, details, either"),
    ({"steps": None}, "In [t] of a.toml, steps is a whole number of 0 or more, not nothing."),
    ({"steps": "4"}, "In [t] of a.toml, steps is a whole number of 0 or more, not '4'."),
    ({"steps": 4.5}, "In [t] of a.toml, steps is a whole number of 0 or more, not 4.5."),
    ({"steps": True}, "In [t] of a.toml, steps is a whole number of 0 or more, not true."),
    ({"steps": -1}, "In [t] of a.toml, steps is a whole number of 0 or more, not -1."),
    ({"rate": 0}, "In [t] of a.toml, rate is a number above 0, not 0."),
    ({"rate": float("nan")}, "In [t] of a.toml, rate is a number above 0, not nan."),
    ({"rate": float("inf")}, "In [t] of a.toml, rate is a number above 0, not inf."),
    ({"name": 3}, "In [t] of a.toml, name is a text, not 3."),
    ({"masked": "yes"}, "In [t] of a.toml, masked is true or false, not 'yes'."),
    ({"masked": 1}, "In [t] of a.toml, masked is true or false, not 1."),
    ({"kind": "max"}, "In [t] of a.toml, kind is 'mean' or 'attention', not 'max'."),
    ({"kind": ["mean"]}, "In [t] of a.toml, kind is 'mean' or 'attention', not a list."),
    ({"folder": 3}, "In [t] of a.toml, folder is a path, not 3."),
    ({"words": "a"}, "In [t] of a.toml, words is a list, each a text, not 'a'."),
    ({"words": ["a", 3]}, "In [t] of a.toml, words[1] is a text, not 3."),
    ({"more": "soccer"}, "In [t] of a.toml, more is a list, each a text, not 'soccer'."),
    ({"pair": [1]}, "In [t] of a.toml, pair is a list of a whole number and a number, not a list."),
    ({"many": [1, "2"]}, "In [t] of a.toml, many[1] is a whole number, not '2'."),
    ({"emphasis": 3}, "In [t] of a.toml, emphasis is a table, each a number of 0 or more, not 3."),
    ({"emphasis": {"walk": -1}}, "In [t.emphasis] of a.toml, walk is a number of 0 or more, not -1."),
    ({"inner": 3}, "In [t.inner] of a.toml, a table of settings belongs, not 3."),
    ({"inner": {"width": "4"}}, "In [t.inner] of a.toml, width is a whole number of 1 or more, not '4'."),
    ({"inner": {"dropout": 2}}, "In [t.inner] of a.toml, dropout is a number from 0 to 1, not 2."),
    ({"inner": {"width": 3}}, "In [t.inner] of a.toml, width is even, not 3."),
    ({"either": 2.5}, "In [t] of a.toml, either is a whole number or a text, not 2.5."),
    ({"details": 3}, "In [t] of a.toml, details is a table, not 3."),
]


@pytest.mark.parametrize(("change", "says"), WRONG, ids=[str(change) for change, _ in WRONG])
def test_what_does_not_belong_is_named_with_what_does(change, says):
    with pytest.raises(MoclipError) as caught:
        read_settings(Table, {**FULL, **change}, "[t] of a.toml", hint="Mend it.")
    assert caught.value.message.startswith(says) and caught.value.code == "bad_settings"
    assert caught.value.hint == "Mend it." and "\n" not in str(caught.value)


def test_a_missing_setting_and_a_table_that_is_none_are_named():
    with pytest.raises(MoclipError, match=r"In the model\.json of 'walker', rate is missing, a number above 0\."):
        read_settings(Table, {"steps": 1}, "the model.json of 'walker'")
    with pytest.raises(MoclipError, match=r"In 'inner' in the model\.json of 'walker', width is"):
        read_settings(Table, {**FULL, "inner": {"width": 0}}, "the model.json of 'walker'")
    for values in (None, 3, "text", [1]):
        with pytest.raises(MoclipError, match="In x, a table of settings belongs"):
            read_settings(Table, values, "x")


def test_near_names_are_suggested_and_few_are_listed():
    assert suggestion("rwq", ["rvq", "masked"]) == " (did you mean 'rvq'?)"
    assert suggestion("zzz", ["b", "a"]) == " (there is a, b)" and suggestion("x", []) == ""


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from(sorted(FULL)) | st.text(max_size=6), value=anything)
def test_whatever_a_file_says_is_read_or_refused_in_one_sentence(name: str, value: Any):
    try:
        made = read_settings(Table, {**FULL, name: value}, "[t]")
    except MoclipError as error:
        assert error.code == "bad_settings" and error.message.startswith("In [t")
        assert "\n" not in error.message and len(error.message) < 400
    else:
        assert name in FULL and (isinstance(made.inner, Inner) and made.inner.width % 2 == 0)
