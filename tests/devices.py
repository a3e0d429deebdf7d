# SPDX-License-Identifier: Apache-2.0
"""Finds out on the CPU what would mix devices on a GPU: within `another_device`, every tensor that code makes without
naming a device stays marked as the CPU's until it is moved, and may not meet the tensors that were there before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

FACTORIES = {
    torch.rand, torch.randn, torch.randint, torch.randperm, torch.zeros, torch.ones, torch.full, torch.empty,
    torch.arange, torch.linspace, torch.eye, torch.tensor, torch.as_tensor, torch.from_numpy,
}  # fmt: skip
# A GPU's tensors may be indexed by the CPU's.
MAY_MIX = {torch.Tensor.__getitem__}


class OnCpu(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        moved = [a for a in (*args[1:], *kwargs.values()) if isinstance(a, torch.device | str)]
        if func is torch.Tensor.to and moved:
            return func(args[0].as_subclass(torch.Tensor), *args[1:], **kwargs)
        others = [t for t in _tensors((args, kwargs)) if not isinstance(t, OnCpu) and t.ndim]
        if others and func not in MAY_MIX:
            raise AssertionError(f"{func} mixes a tensor made on the CPU with one of shape {tuple(others[0].shape)}")
        return super().__torch_function__(func, types, args, kwargs)


def _tensors(part: Any) -> Iterator[torch.Tensor]:
    if isinstance(part, torch.Tensor):
        yield part
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _tensors(item)
    elif isinstance(part, dict):
        yield from _tensors(list(part.values()))


class _Mark(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        return made.as_subclass(OnCpu) if func in FACTORIES and (kwargs or {}).get("device") is None else made


@contextmanager
def another_device() -> Iterator[None]:
    with _Mark():
        yield
