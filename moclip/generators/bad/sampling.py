# SPDX-License-Identifier: Apache-2.0
"""BAD's sampling loops in numpy, over the calls of a runtime.

All noise and every order is drawn per request from its own seed, so a request gives the same tokens alone and in a
batch, in every runtime.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from moclip.errors import MoclipError
from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.masks import fill_slots, permutation_mask
from moclip.generators.base.generator import Watcher
from moclip.generators.base.noise import RequestNoise, softmax

_CHOICES = {
    "mode": ("oaas", "cbs", "rs"),
    "schedule": ("cosine", "linear", "square"),
    "order": ("random", "left_to_right"),
}
_STREAM = 3
"""MoMask's sampling draws from streams 0 to 2 of a seed."""
_KEPT = 1e5
"""The score of what is not decided again."""


@dataclass(frozen=True)
class BadOptions:
    """How tokens are decided.

    mode: which tokens are settled at each step: "oaas" the next ones of the order, "cbs" the surest ones, "rs" any.
    steps: of a motion of full length; shorter ones take fewer. As many as tokens fit are one token at a time, linear.
    schedule: how the number of open tokens falls. order: of the mask tokens, which masked slots see each other by.
    sampled: draw tokens, else take the likeliest. temperature: of drawing in "cbs" and "rs". top_k, top_p: of drawing
    in "oaas", 0 for all codes. guidance: towards the text, 1 for none; more is for models trained with `cond_drop`.

    stop_as_released: count steps as the official code does. It takes all `steps` for each motion of a batch, deciding
    the last token of a short one again and again, and stops a motion of 8 to 12 tokens that comes alone after one step.
    open_last_token: show the last token's slot to all others from the start, as the official code does by mistake for
    the END's.
    """

    mode: str = "cbs"
    steps: int = 10
    schedule: str = "cosine"
    order: str = "random"
    sampled: bool = True
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.0
    guidance: float = 1.0
    stop_as_released: bool = False
    open_last_token: bool = False

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise MoclipError(
                    f"BAD's sampling has no {name} '{getattr(self, name)}'.",
                    hint=f"Use {', '.join(choices[:-1])} or {choices[-1]}.",
                    code="bad_sampling",
                )


OFFICIAL = BadOptions(stop_as_released=True, open_last_token=True)
"""Token for token what the released code does, in the mode that its authors draw tokens with."""


class Calls(Protocol):
    """What sampling needs of a runtime."""

    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray: ...


def step_counts(lengths: np.ndarray, steps: int, most_tokens: int) -> np.ndarray:
    """(B,) steps for motions of so many tokens: their share of what the longest takes."""
    counts: np.ndarray = np.round(np.float32(steps / most_tokens) * lengths.astype(np.float32)).astype(np.float32)
    return counts


def progress_of(step: int, counts: np.ndarray) -> np.ndarray:
    """(B,) 0 at the first of so many steps, 1 behind the last."""
    # In float32 and in the order of torch, which divides a number by a tensor so: it decides whether 30 tokens have 14
    # or 15 open at step 4.
    reciprocal = np.float32(1) / (counts + np.float32(1e-8))
    return np.minimum(np.float32(1), np.float32(step) * reciprocal)


def open_counts(step: int, counts: np.ndarray, tokens: np.ndarray, schedule: str) -> np.ndarray:
    """(B,) of so many tokens (B,), those that are open (masked) at this step; at least one."""
    done = progress_of(step, counts)
    if schedule == "cosine":
        share = np.cos(done * np.float32(np.pi / 2))
    else:
        share = 1 - (done if schedule == "linear" else done**2)
    still: np.ndarray = np.maximum(1, np.floor(share * tokens.astype(np.float32))).astype(np.int64)
    return still


def filtered(logits: np.ndarray, top_k: int, top_p: float) -> np.ndarray:
    """Logits (..., V), -inf outside the `top_k` likeliest codes and the fewest that hold `top_p` of the probability."""
    if top_k > 0:
        threshold = np.partition(logits, -top_k, axis=-1)[..., -top_k, None]
        logits = np.where(logits >= threshold, logits, -np.inf)
    if top_p > 0:
        order = np.argsort(-logits, axis=-1, kind="stable")
        share = np.take_along_axis(softmax(logits), order, axis=-1)
        surplus = np.cumsum(share, axis=-1) - share > top_p
        drop = np.zeros_like(surplus)
        np.put_along_axis(drop, order, surplus, axis=-1)
        logits = np.where(drop, -np.inf, logits)
    return logits


def draw_orders(masked: np.ndarray, noise: RequestNoise, options: BadOptions) -> np.ndarray:
    """(B, S): ranks 0, 1, ... over each row's masked slots; higher ones elsewhere, which nothing reads."""
    orders = np.full(masked.shape, masked.shape[1], dtype=np.int64)
    for row, generator in enumerate(noise.generators):
        count = int(masked[row].sum())
        orders[row, masked[row]] = generator.permutation(count) if options.order == "random" else np.arange(count)
    return orders


def kept_slots(task: str, tokens: int) -> np.ndarray:
    """(tokens,) bool, which of a motion's tokens an editing task of BAD's evaluation gives.

    inbetween: the first and the last quarter. outpainting: what lies between them. prefix, suffix: a half.
    """
    slot, quarter, half = np.arange(tokens), int(0.25 * tokens), int(0.5 * tokens)
    inner = (slot >= quarter) & (slot < tokens - quarter)
    return {
        "inbetween": ~inner,
        "outpainting": inner,
        "prefix": slot < half,
        "suffix": slot >= tokens - half,
    }[task]


def sample(
    runtime: Calls,
    config: BadConfig,
    text: np.ndarray,
    words: np.ndarray,
    lengths: np.ndarray,
    seeds: Sequence[int],
    options: BadOptions,
    watcher: Watcher,
    known: np.ndarray | None = None,
    orders: np.ndarray | None = None,
) -> np.ndarray:
    """Codes (B, longest) of motions of `lengths` (B,) tokens; -1 past a request's length.

    text (B, text_dim), words (B, L, word_dim): of all tokens and padding of the text, not cut behind its end.
    known: (B, longest) codes that are given, -1 where they are to be sampled. orders: (B, longest) ranks of the slots
    to be sampled among each other, else drawn. Raises Cancelled between steps, and ValueError for lengths that the
    network has no slots for.
    """
    if lengths.min() < 1 or lengths.max() > config.most_tokens:
        raise ValueError(f"motions of 1 to {config.most_tokens} tokens can be sampled, not of {lengths.tolist()}")
    noise = RequestNoise(seeds, _STREAM)
    state = _Slots(config, lengths, known, orders, noise, options)
    counts = step_counts(lengths, options.steps, config.most_tokens)
    if not options.stop_as_released:
        counts = np.maximum(counts, 1)
    steps = options.steps if options.stop_as_released else int(counts.max())
    for step in range(steps if state.masked.any() else 0):
        if options.stop_as_released and _stops(step, counts):
            break
        watcher.step("bad", step / steps)
        active = (step < counts) | options.stop_as_released
        state.reopen(step, counts, active)
        logits = _guided(runtime, state, text, words, options.guidance)
        state.decide(logits, noise, active)
    return np.where(state.inside, state.ids, -1)[:, : int(lengths.max())]


def _stops(step: int, counts: np.ndarray) -> bool:
    """Whether the official code takes a motion that is alone for finished before this step."""
    if len(counts) != 1 or counts[0] == 0:
        return False
    return bool(np.minimum(np.float32(1), np.float32(step) - np.float32(1) / counts[0]) == progress_of(step, counts)[0])


def _guided(runtime: Calls, state: "_Slots", text: np.ndarray, words: np.ndarray, scale: float) -> np.ndarray:
    """Logits (B, S, codes), with classifier-free guidance in one doubled batch unless `scale` is 1."""
    if scale == 1.0:
        return runtime.call("bad", ids=state.ids, mask=state.attend, text=text, words=words)
    pairs = {"ids": [state.ids] * 2, "mask": [state.attend] * 2}
    pairs |= {"text": [text, np.zeros_like(text)], "words": [words, np.zeros_like(words)]}
    both = runtime.call("bad", **{name: np.concatenate(pair) for name, pair in pairs.items()})
    conditional, unconditional = np.split(both, 2)
    logits: np.ndarray = unconditional + np.float32(scale) * (conditional - unconditional)
    return logits


class _Slots:
    """What stands in the slots of a batch, and who sees whom."""

    def __init__(
        self,
        config: BadConfig,
        lengths: np.ndarray,
        known: np.ndarray | None,
        orders: np.ndarray | None,
        noise: RequestNoise,
        options: BadOptions,
    ):
        self.config, self.options, self.lengths = config, options, lengths
        self.inside = np.arange(int(lengths.max()) + 1)[None] < lengths[:, None]
        given = np.full(self.inside.shape, -1, dtype=np.int64)
        if known is not None:
            given[:, : known.shape[1]] = known
        self.masked = self.inside & (given < 0)
        if orders is None:
            self.orders = draw_orders(self.masked, noise, options)
        else:
            self.orders = np.full(self.inside.shape, self.inside.shape[1], dtype=np.int64)
            self.orders[:, : orders.shape[1]] = orders
        self.start = fill_slots(given, self.masked, self.orders, lengths, config)
        self.ids = self.start
        self.attend = permutation_mask(self.masked, self.orders, lengths, config)
        if options.open_last_token:
            self.attend[np.arange(len(lengths)), :, lengths + 1] = True
        # The official code counts the mask tokens of an edited motion without the first one of the order.
        count = self.masked.sum(axis=1)
        self.wanted = np.where(count == lengths, count, count - 1)
        self.scores = np.where(self.masked, 0.0, _KEPT).astype(np.float32)
        # One token at a time leaves nothing for a curve to do.
        self.schedule = "linear" if options.steps == config.most_tokens else options.schedule

    def reopen(self, step: int, counts: np.ndarray, active: np.ndarray) -> None:
        """Put back the mask tokens of what is to be decided at this step; what stays decided is seen by all."""
        number = open_counts(step, counts, self.wanted, self.schedule)[:, None]
        if self.options.mode == "oaas":
            again = self.orders >= self.wanted[:, None] - number
        else:
            rank = np.argsort(np.argsort(self.scores, axis=1, kind="stable"), axis=1, kind="stable")
            again = rank < number
        self.ids = np.where(again & self.masked & active[:, None], self.start, self.ids)
        self.attend[:, :, self.config.conditions :] |= (self.ids < self.config.codes)[:, None, :]

    def decide(self, logits: np.ndarray, noise: RequestNoise, active: np.ndarray) -> None:
        """Fill all open slots, and note how sure each code is."""
        options, still = self.options, (self.ids >= self.config.mask_id) & active[:, None]
        shown = logits
        if options.sampled:
            jitter = noise.gumbel(self.lengths, logits.shape[1], logits.shape[-1])
            if options.mode == "oaas":
                shown = filtered(logits, options.top_k, options.top_p) + jitter
            else:
                shown = logits / max(options.temperature, 1e-10) + jitter
        codes = shown.argmax(axis=-1)
        self.ids = np.where(still, codes, self.ids)
        if options.mode == "cbs":
            sure = np.take_along_axis(softmax(logits), codes[..., None], axis=-1)[..., 0]
        elif options.mode == "rs":
            sure = noise.gumbel(self.lengths, logits.shape[1], 1)[..., 0]
        else:
            return
        self.scores = np.where(still, sure, _KEPT).astype(np.float32)
