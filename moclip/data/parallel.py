# SPDX-License-Identifier: Apache-2.0
"""The same done for many parts, in several processes where the system can fork; results come in the parts' order."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Done = TypeVar("Done")
_shared: Any = None
"""Of this process: what its parent had when it was forked; motions are too many to be sent about."""


def each(
    do: Callable[[Shared, Part], Done], parts: Sequence[Part], shared: Shared, processes: int = 1
) -> Iterator[Done]:
    """`do(shared, part)` for each part. do: a function of a module, whose results can be pickled."""
    global _shared
    if processes <= 1 or len(parts) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        for part in parts:
            yield do(shared, part)
        return
    _shared = shared
    with multiprocessing.get_context("fork").Pool(processes, _begin) as pool:
        yield from pool.imap(_Doing(do), parts, chunksize=max(1, min(8, len(parts) // (8 * processes))))


def _begin() -> None:
    """One thread for each process. OpenMP's threads are not there after a fork, and torch would wait for them for good
    where the parent had used them."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@dataclass(frozen=True)
class _Doing:
    do: Callable[[Any, Any], Any]

    def __call__(self, part: Any) -> Any:
        return self.do(_shared, part)
