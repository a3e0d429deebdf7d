# SPDX-License-Identifier: Apache-2.0
"""Commands whose options are the fields of a dataclass: options that several commands share are written once."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


def from_options(kind: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Decorates a function of such a dataclass as typer takes it; fields without a default are required options.

    Fields are annotated as typer's parameters are, and stand in the help in their order, a class's own before those of
    its bases.
    """

    def decorate(function: Callable[[T], None]) -> Callable[..., None]:
        hints = get_type_hints(kind, include_extras=True)
        place = {name: -k for k, base in enumerate(reversed(kind.__mro__)) for name in _own(base)}
        ordered = sorted(fields(kind), key=lambda field: place[field.name])  # type: ignore[arg-type]

        def command(**values: Any) -> None:
            function(kind(**values))

        parameters = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in ordered
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {field.name: field.annotation for field in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def _own(kind: type) -> list[str]:
    return list(inspect.get_annotations(kind))
