# SPDX-License-Identifier: Apache-2.0
"""MoMask's sampling loops in numpy, over the calls of a `Runtime`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moclip.generators.base.generator import Watcher
from moclip.generators.base.noise import RequestNoise, draw, guided, softmax, twice
from moclip.generators.base.passages import Passage, PassageRows
from moclip.generators.base.runtime import Runtime


@dataclass(frozen=True)
class Drawing:
    """How codes of the residual layers are drawn: guidance, temperature, and the share of codes that may be drawn."""

    guidance: float
    temperature: float
    top_share: float


@dataclass(frozen=True)
class MoMaskOptions:
    """steps: iterations of the masked transformer. top_share: share of the codes that may be drawn.

    residual_temperature: of the residual layers, whose codes are details of a motion that the base layer has settled.
    Drawn as freely as the base they are mostly noise, and a strike loses its speed.

    ramp_guidance: raise guidance from 1 to its target over the steps. confidence_noise: scale of the Gumbel noise on
    the confidences, annealed to 0; constant guidance and bare confidence tend to repeat one token. `OFFICIAL` has
    MoMask's own rule.
    """

    steps: int = 10
    guidance: float = 4.0
    residual_guidance: float = 1.5
    temperature: float = 0.8
    residual_temperature: float = 0.3
    top_share: float = 0.05
    ramp_guidance: bool = True
    confidence_noise: float = 1.0

    @property
    def residual(self) -> Drawing:
        return Drawing(self.residual_guidance, self.residual_temperature, self.top_share)


OFFICIAL = MoMaskOptions(
    guidance=4.0,
    residual_guidance=5.0,
    temperature=1.0,
    top_share=0.1,
    residual_temperature=1.0,
    ramp_guidance=False,
    confidence_noise=0.0,
)


def sample_base(
    runtime: Runtime,
    codes: int,
    passages: Sequence[Passage],
    lengths: np.ndarray,
    seeds: Sequence[int],
    options: MoMaskOptions,
    watcher: Watcher,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Base-layer codes by iterative unmasking (MoMask, section 3.4): (B, longest); -1 past a request's length.

    codes: how many there are. Passages, lengths and seeds as `Generator.sample` has them. known: (B, longest) codes
    that are given, -1 where they are to be sampled (MoMask's inpainting, section 4.3): they are never masked. Raises
    Cancelled between steps.
    """
    longest = int(lengths.max())
    padding = np.arange(longest)[None] >= lengths[:, None]
    known = np.full(padding.shape, -1) if known is None else known
    fixed = padding | (known >= 0)
    wanted = (~fixed).sum(axis=1).astype(np.float32)
    mask_id, pad_id = codes, codes + 1
    ids = np.where(padding, pad_id, np.where(known >= 0, known, mask_id))
    scores = np.where(fixed, 1e5, 0.0)
    noise, rows = RequestNoise(seeds, stream=0), PassageRows(passages, lengths)
    for step in range(options.steps):
        watcher.step("masked", step / options.steps)
        done = step / (options.steps - 1) if options.steps > 1 else 0.0
        # In float32, as the official code: 49 tokens at step 7 of 10 are exactly half and round to the even 24.
        count = np.maximum(np.round(np.cos(np.float32(done * np.pi / 2)) * wanted), 1)
        rank = np.argsort(np.argsort(scores, axis=1, kind="stable"), axis=1, kind="stable")
        masked = (rank < count[:, None]) & ~fixed
        ids = np.where(masked, mask_id, ids)
        scale = 1 + (options.guidance - 1) * (done if options.ramp_guidance else 1.0)
        shown = twice(rows.split(ids, pad_id))

        def predict(both: np.ndarray, shown: np.ndarray = shown) -> np.ndarray:
            return runtime.call("masked", ids=shown, text=both, padding=twice(rows.padding))

        logits = rows.join(guided(predict, rows.text, scale))
        jitter = noise.gumbel(lengths, longest, logits.shape[-1])
        drawn = draw(logits, jitter, options.temperature, options.top_share)
        ids = np.where(masked, drawn, ids)
        confidence = np.take_along_axis(softmax(logits), drawn[..., None], axis=-1)[..., 0]
        if options.confidence_noise:
            jitter = noise.gumbel(lengths, longest, 1)[..., 0]
            confidence = np.log(np.maximum(confidence, 1e-20)) + options.confidence_noise * (1 - done) * jitter
        scores = np.where(masked, confidence, 1e5)
    return np.where(padding, -1, ids)


def sample_residual(
    runtime: Runtime,
    shape: tuple[int, int],
    base: np.ndarray,
    passages: Sequence[Passage],
    lengths: np.ndarray,
    seeds: Sequence[int],
    drawing: Drawing,
    watcher: Watcher,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """All layers' codes from the base layer's: (B, S) -> (B, S, Q); -1 past a request's length.

    shape: how many codes and layers there are. known: (B, S, Q) codes that are given, -1 where they are to be sampled.
    """
    padding = base < 0
    pad_id, layers = shape
    codes = np.full((*base.shape, layers), pad_id, dtype=np.int64)
    codes[..., 0] = np.where(padding, pad_id, base)
    noise, rows = RequestNoise(seeds, stream=1), PassageRows(passages, lengths)
    for layer in range(1, layers):
        watcher.step("residual", (layer - 1) / max(1, layers - 1))
        which = np.full(2 * len(rows.text), layer, dtype=np.int64)
        shown = twice(rows.split(codes[..., :-1], pad_id))

        def predict(both: np.ndarray, which: np.ndarray = which, shown: np.ndarray = shown) -> np.ndarray:
            return runtime.call("residual", codes=shown, layer=which, text=both, padding=twice(rows.padding))

        logits = rows.join(guided(predict, rows.text, drawing.guidance))
        jitter = noise.gumbel(lengths, base.shape[1], logits.shape[-1])
        drawn = draw(logits, jitter, drawing.temperature, drawing.top_share)
        if known is not None:
            drawn = np.where(known[..., layer] >= 0, known[..., layer], drawn)
        codes[..., layer] = np.where(padding, pad_id, drawn)
    return np.where(codes == pad_id, -1, codes)
