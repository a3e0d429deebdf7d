# SPDX-License-Identifier: Apache-2.0
"""Settings: the base of every network's sizes, and the one reader that checks what people and files say.

Recipes, `model.json` and the configurations in checkpoints all go through `read_settings`.
"""

import difflib
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from moclip.errors import MoclipError

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Of a number: `least` to `most`, both allowed; None is no bound. above: more than this."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def holds(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
        )

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"from {self.least} to {self.most}"
        bounds = ((self.least, "of {} or more"), (self.most, "of {} or less"), (self.above, "above {}"))
        return " and ".join(words.format(bound) for bound, words in bounds if bound is not None)


Count = Annotated[int, Range(least=1)]
Natural = Annotated[int, Range(least=0)]
Share = Annotated[float, Range(least=0, most=1)]
Positive = Annotated[float, Range(above=0)]
NotNegative = Annotated[float, Range(least=0)]

# What a checkpoint's configuration says besides the sizes of its network.
_NOT_SIZES = {"kind", "text_fingerprint", "rotation_channels", "fps", "step", "score", "root_weight"}


@dataclass(frozen=True)
class Config:
    """A frozen set of numbers that a checkpoint carries as JSON."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Raises MoclipError(code="bad_settings") for what `read_settings` does not take."""
        return read_settings(cls, values, cls.__name__)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's configuration says of its network's sizes."""
    return {k: v for k, v in config.items() if k not in _NOT_SIZES}


def read_settings(kind: type[T], values: Any, where: str, *, hint: str = "") -> T:
    """The dataclass `kind` made of a table of values as TOML and JSON give them, each checked against its field.

    Fields may be numbers, texts, truth values, paths, lists, tuples and tables of such, a choice (`Literal`), None, and
    other dataclasses; `Annotated[float, Range(...)]` bounds a number. A whole number serves as a number, and 3.0 as a
    whole one. where: what the values are called in messages, as in "[rvq] of toy.toml" or "the model.json of 'walker'".
    Raises MoclipError(code="bad_settings"), one sentence that names the table, the setting and what belongs there, for
    an unknown name, a missing one, another type, a number out of range, and what `kind` itself refuses by a ValueError.
    """
    try:
        made: T = _table(kind, values, where)
        return made
    except _Wrong as error:
        raise MoclipError(f"In {error}.", hint=hint, code="bad_settings") from error


_MOST_TOLD = 30
"""Names that an error lists."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """ " (did you mean 'steps'?)" or, where nothing is near, what there is; to follow "there is no 'stepz'"."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1):
        return f" (did you mean '{near[0]}'?)"
    more = [f"{len(names) - _MOST_TOLD} more"] if len(names) > _MOST_TOLD else []
    return f" (there is {', '.join(names[:_MOST_TOLD] + more)})" if names else ""


class _Wrong(Exception):
    """A sentence without its first word and its stop."""


def _table(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise _Wrong(f"{where}, a table of settings belongs, not {_shown(values)}")
    own = {f.name: f for f in fields(kind) if f.init}
    hints = get_type_hints(kind, include_extras=True)
    for name in values:
        if name not in own:
            raise _Wrong(f"{where}, there is no setting {_quoted(str(name))}{suggestion(str(name), own)}")
    for name, field in own.items():
        if name not in values and _needed(field):
            raise _Wrong(f"{where}, {name} is missing, {_expected(hints[name])}")
    read = {name: _value(hints[name], value, where, name) for name, value in values.items()}
    try:
        return kind(**read)
    except ValueError as error:
        raise _Wrong(f"{where}, {error}") from error


def _needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(hint: Any, value: Any, where: str, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        number = _READERS[arguments[0]](value)
        if number is None or not all(bound.holds(number) for bound in arguments[1:] if isinstance(bound, Range)):
            raise _refused(hint, value, where, name)
        return number
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _any_of([a for a in arguments if a is not type(None)], hint, value, where, name)
    if origin is Literal:
        if value in arguments:
            return value
    elif origin is not None and issubclass(origin, Mapping):
        if isinstance(value, Mapping):
            inner = _inside(where, name)
            return {key: _value(arguments[1], item, inner, _plain(str(key))) for key, item in value.items()}
    elif origin in (list, tuple, Sequence):
        repeats = origin is not tuple or arguments[-1:] == (Ellipsis,)
        if isinstance(value, list | tuple) and (repeats or len(arguments) == len(value)):
            kinds = arguments[:1] * len(value) if repeats else arguments
            items = enumerate(zip(kinds, value, strict=True))
            read = [_value(kind, item, where, f"{name}[{k}]") for k, (kind, item) in items]
            return tuple(read) if origin is tuple or (origin is Sequence and isinstance(value, tuple)) else read
    elif is_dataclass(hint):
        return value if isinstance(value, hint) else _table(hint, value, _inside(where, name))  # type: ignore[arg-type]
    elif hint is Any:
        return value
    elif hint in _READERS:
        fitting = _READERS[hint](value)
        if fitting is not None:
            return fitting
    else:
        raise TypeError(f"settings of the type {hint} cannot be read")
    raise _refused(hint, value, where, name)


def _any_of(hints: list[Any], whole: Any, value: Any, where: str, name: str) -> Any:
    if len(hints) == 1:
        return _value(hints[0], value, where, name)
    for hint in hints:
        try:
            return _value(hint, value, where, name)
        except _Wrong:
            continue
    raise _refused(whole, value, where, name)


def _number(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(value) if number is not None and number == int(number) else None


_READERS: dict[Any, Callable[[Any], Any]] = {
    int: _whole,
    float: _number,
    bool: lambda value: value if isinstance(value, bool) else None,
    str: lambda value: value if isinstance(value, str) else None,
    Path: lambda value: Path(value) if isinstance(value, str | Path) else None,
    dict: lambda value: dict(value) if isinstance(value, Mapping) else None,
    list: lambda value: value if isinstance(value, list) else None,
}
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    Path: "a path",
    dict: "a table",
    list: "a list",
    Any: "any value",
}


def _expected(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " ".join([_expected(arguments[0]), *(str(bound) for bound in arguments[1:] if isinstance(bound, Range))])
    if origin in (Union, types.UnionType):
        return " or ".join(_expected(a) for a in arguments if a is not type(None))
    if origin is Literal:
        return " or ".join(repr(a) for a in arguments)
    if origin is tuple and arguments[-1:] != (Ellipsis,):
        return f"a list of {' and '.join(map(_expected, arguments))}"
    if origin in (list, tuple, Sequence):
        return f"a list, each {_expected(arguments[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return f"a table, each {_expected(arguments[1])}"
    return _WORDS.get(hint, "a table of settings")


def _refused(hint: Any, value: Any, where: str, name: str) -> _Wrong:
    return _Wrong(f"{where}, {name} is {_expected(hint)}, not {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return _quoted(value)
    return "nothing" if value is None else str(value)


def _plain(name: str) -> str:
    return name if name.isidentifier() else _quoted(name)


def _quoted(text: str) -> str:
    """Of any length and with any characters, on one line."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _inside(where: str, name: str) -> str:
    """Where a table within a table is: "[rvq]" and "sizes" are "[rvq.sizes]"."""
    return where.replace("]", f".{name}]", 1) if "]" in where else f"'{name}' in {where}"
