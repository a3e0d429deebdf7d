# SPDX-License-Identifier: Apache-2.0
"""Requests to the engine: several jobs' together where that pays, fewer at once where memory does not suffice."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from moclip.errors import MoclipError
from moclip.prompts.limits import MAX_BATCH
from moclip.prompts.requests import Request, Result
from moclip_backend.engine import Engine
from moclip_backend.state.log import LOG

OUT_OF_MEMORY = "out_of_memory"
WARNING = "Memory did not suffice for all prompts at once, so they were made in smaller batches."
PAYS = 0.7
"""Share of the time of one after the other that a batch takes at most, to be worth its delay to who came first."""
_TRIED, _ROUNDS = 4, 3
_WORDS = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "DefaultCPUAllocator", "BFCArena")


def best_batch(engine: Engine, clock: Callable[[], float] = time.perf_counter) -> int:
    """How many requests of several jobs go into one batch: as many as may, or 1 where each takes as long as alone.

    Measured on what the engine works with, but not on a CPU: one prompt is work enough for it.
    """
    if engine.device == "cpu":
        return 1
    requests = [Request("a person walks forward", 2.0, seed) for seed in range(_TRIED)]
    try:
        engine.generate(requests)  # what is compiled or allocated the first time counts for neither
        alone, together = (_fastest(engine, part, clock) for part in (requests[:1], requests))
    except Exception as error:  # whatever a runtime raises for want of memory; see _is_out_of_memory
        if not _is_out_of_memory(error):
            raise
        return 1
    pays = together < PAYS * _TRIED * alone
    LOG.info("%d prompts take %.2f times one: batches of clients %s", _TRIED, together / alone, "on" if pays else "off")
    return MAX_BATCH if pays else 1


def _fastest(engine: Engine, requests: Sequence[Request], clock: Callable[[], float]) -> float:
    """Seconds of the fastest of some rounds: what else the machine does only ever adds to them."""
    times = []
    for _ in range(_ROUNDS):
        start = clock()
        engine.generate(requests)
        times.append(clock() - start)
    return min(times)


def generate(
    engine: Engine,
    requests: Sequence[Request],
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> list[Result]:
    """As the engine's own; where memory runs out, once more in halves, and each result warns of it.

    Raises what the engine raises, and MoclipError(code="out_of_memory") when a single request is too much.
    """
    try:
        return engine.generate(requests, progress=progress, cancelled=cancelled)
    except Exception as error:  # whatever a runtime raises for want of memory; see _is_out_of_memory
        if not _is_out_of_memory(error):
            raise
    # Not in the handler: the error holds on to what the engine had allocated.
    _free()
    if len(requests) == 1:
        raise MoclipError(
            "There is not enough memory for this motion.",
            hint="Ask for a shorter one, or end other programs that use the same memory.",
            code=OUT_OF_MEMORY,
        )
    half = (len(requests) + 1) // 2
    LOG.warning("memory did not suffice for %d prompts at once: %d", len(requests), half)
    parts = (requests[:half], requests[half:])
    results = [result for part in parts for result in generate(engine, part, progress, cancelled)]
    return [
        result if WARNING in result.warnings else replace(result, warnings=(*result.warnings, WARNING))
        for result in results
    ]


def _is_out_of_memory(error: Exception) -> bool:
    """Neither torch nor onnxruntime is imported for it: the kind of error tells, or what it says."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    runtimes = isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")
    return runtimes and any(words in str(error) for words in _WORDS)


def _free() -> None:
    """Give what torch keeps for later back to the device, where torch is in use at all."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
