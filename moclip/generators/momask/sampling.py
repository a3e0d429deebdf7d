# SPDX-License-Identifier: Apache-2.0
"""MoMask's sampling loops in numpy, over the calls of a `Runtime`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from moclip.generators.base.generator import Choose, Watcher
from moclip.generators.base.noise import RequestNoise, draw, guided, like, softmax
from moclip.generators.base.passages import Passage, PassageRows, of_requests
from moclip.generators.base.runtime import Runtime


@dataclass(frozen=True)
class Drawing:
    """How codes of the residual layers are drawn: guidance, temperature, and the share of codes that may be drawn.

    steps: iterations for a layer, of a network that is shown what it has drawn of the layer. confidence_noise: of these
    iterations, as `MoMaskOptions` has it.
    """

    guidance: float
    temperature: float
    top_share: float
    steps: int = 1
    confidence_noise: float = 0.0


class ResidualShape(NamedTuple):
    """codes: in a layer. layers: that the network knows. own_layer: is it shown codes of the layer that it predicts?"""

    codes: int
    layers: int
    own_layer: bool = False

    @classmethod
    def of(cls, codes: int, config: Mapping[str, Any]) -> "ResidualShape":
        """config: the residual transformer's."""
        return cls(codes, int(config["quantizers"]), bool(config.get("own_layer", False)))

    @property
    def shown(self) -> int:
        """Layers that the network is shown."""
        return self.layers if self.own_layer else self.layers - 1


@dataclass(frozen=True)
class MoMaskOptions:
    """steps: iterations of the masked transformer. top_share: share of the codes that may be drawn.

    residual_temperature: of the residual layers, whose codes are details of a motion that the base layer has settled.
    Drawn as freely as the base they are mostly noise, and a strike loses its speed. residual_steps: iterations for each
    of these layers, where the network is shown what it has drawn of the layer so far (`TransformerConfig.own_layer`).

    ramp_guidance: raise guidance from 1 to its target over the steps. confidence_noise: scale of the Gumbel noise on
    the confidences, annealed to 0; constant guidance and bare confidence tend to repeat one token. `OFFICIAL` has
    MoMask's own rule.

    plain_steps: first iterations that go without guidance, which costs as much again and has next to nothing to say
    while hardly a code is settled. casting_step: after how many iterations the takes of a request are judged by the
    codes that they have drawn so far, so that the best one alone is worked out; 0 works all of them out.
    """

    steps: int = 10
    guidance: float = 4.0
    residual_guidance: float = 1.5
    temperature: float = 0.8
    residual_temperature: float = 0.3
    residual_steps: int = 4
    top_share: float = 0.05
    ramp_guidance: bool = True
    confidence_noise: float = 1.0
    plain_steps: int = 0
    casting_step: int = 0

    @property
    def residual(self) -> Drawing:
        return Drawing(
            self.residual_guidance, self.residual_temperature, self.top_share, self.residual_steps,
            self.confidence_noise,
        )  # fmt: skip


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
    choose: Choose | None = None,
) -> np.ndarray:
    """Base-layer codes by iterative unmasking (MoMask, section 3.4): (B, longest); -1 past a request's length.

    codes: how many there are. Passages, lengths and seeds as a `Draft` has them. known: (B, longest) codes
    that are given, -1 where they are to be sampled (MoMask's inpainting, section 4.3): they are never masked. choose:
    asked after `casting_step` iterations with what is drawn so far, (B, longest); its rows alone come back. Raises
    Cancelled between steps.
    """
    sketch = _Sketch(runtime, codes, passages, lengths, seeds, options, known)
    for step in range(options.steps):
        watcher.step("masked", step / options.steps)
        if choose is not None and step == options.casting_step:
            sketch.keep(choose(sketch.drawn()))
        sketch.step(step)
    return sketch.drawn()


class _Unmasking:
    """Codes (B, S) that are drawn over several steps: the least certain are masked and drawn anew.

    mask: stands for a code that is not known. fixed: (B, S) True where codes are given, or nothing is to be drawn.
    """

    def __init__(self, ids: np.ndarray, fixed: np.ndarray, mask: int, lengths: np.ndarray, noise: RequestNoise):
        self.ids, self._fixed, self._mask, self._lengths, self._noise = ids, fixed, mask, lengths, noise
        self._scores = np.where(fixed, 1e5, 0.0)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these requests only."""
        self.ids, self._fixed, self._scores = self.ids[rows], self._fixed[rows], self._scores[rows]
        self._lengths = self._lengths[rows]
        self._noise.keep(rows)

    def step(self, done: float, predict: Callable[[np.ndarray], np.ndarray], drawing: Drawing) -> None:
        """done: how far it is, 0 to 1. predict: codes as they are now (B, S), masked ones among them -> logits."""
        wanted = (~self._fixed).sum(axis=1).astype(np.float32)
        # In float32, as the official code: 49 tokens at step 7 of 10 are exactly half and round to the even 24.
        count = np.maximum(np.round(np.cos(np.float32(done * np.pi / 2)) * wanted), 1)
        rank = np.argsort(np.argsort(self._scores, axis=1, kind="stable"), axis=1, kind="stable")
        masked = (rank < count[:, None]) & ~self._fixed
        logits = predict(np.where(masked, self._mask, self.ids))
        jitter = self._noise.gumbel(self._lengths, self.ids.shape[1], logits.shape[-1])
        drawn = draw(logits, jitter, drawing.temperature, drawing.top_share)
        self.ids = np.where(masked, drawn, self.ids)
        confidence = np.take_along_axis(softmax(logits), drawn[..., None], axis=-1)[..., 0]
        if drawing.confidence_noise:
            jitter = self._noise.gumbel(self._lengths, self.ids.shape[1], 1)[..., 0]
            confidence = np.log(np.maximum(confidence, 1e-20)) + drawing.confidence_noise * (1 - done) * jitter
        self._scores = np.where(masked, confidence, 1e5)


def _done(step: int, steps: int) -> float:
    return step / (steps - 1) if steps > 1 else 0.0


class _Sketch:
    """The base layer of a batch while it is sampled."""

    def __init__(
        self,
        runtime: Runtime,
        codes: int,
        passages: Sequence[Passage],
        lengths: np.ndarray,
        seeds: Sequence[int],
        options: MoMaskOptions,
        known: np.ndarray | None,
    ):
        self._runtime, self._options, self._passages, self._lengths = runtime, options, passages, lengths
        padding = np.arange(int(lengths.max()))[None] >= lengths[:, None]
        known = np.full(padding.shape, -1) if known is None else known
        self._padding, self._pad = padding, codes + 1
        ids = np.where(padding, self._pad, np.where(known >= 0, known, codes))
        noise = RequestNoise(seeds, stream=0)
        self._unmasking = _Unmasking(ids, padding | (known >= 0), codes, lengths, noise)
        self._rows = PassageRows(passages, lengths)

    def drawn(self) -> np.ndarray:
        """(B, longest) codes as they are now, -1 past a request's length."""
        return np.where(self._padding, -1, self._unmasking.ids)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these requests only."""
        self._passages, self._lengths = of_requests(self._passages, rows), self._lengths[rows]
        self._padding = self._padding[rows]
        self._unmasking.keep(rows)
        self._rows = PassageRows(self._passages, self._lengths, self._padding.shape[1])

    def step(self, step: int) -> None:
        options = self._options
        done = _done(step, options.steps)
        drawing = Drawing(
            self._scale(step, done), options.temperature, options.top_share,
            confidence_noise=options.confidence_noise,
        )  # fmt: skip
        self._unmasking.step(done, lambda ids: self._logits(ids, drawing.guidance), drawing)

    def _scale(self, step: int, done: float) -> float:
        options = self._options
        if step < options.plain_steps:
            return 1.0
        return 1 + (options.guidance - 1) * (done if options.ramp_guidance else 1.0)

    def _logits(self, ids: np.ndarray, scale: float) -> np.ndarray:
        rows = self._rows
        shown = rows.split(ids, self._pad)

        def predict(texts: np.ndarray) -> np.ndarray:
            padding = like(rows.padding, texts)
            return self._runtime.call("masked", ids=like(shown, texts), text=texts, padding=padding)

        return rows.join(guided(predict, rows.text, scale))


def sample_residual(
    runtime: Runtime,
    shape: ResidualShape,
    base: np.ndarray,
    passages: Sequence[Passage],
    lengths: np.ndarray,
    seeds: Sequence[int],
    drawing: Drawing,
    watcher: Watcher,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Codes of the residual layers from the base layer's: (B, S) -> (B, S, Q); -1 past a request's length.

    known: (B, S, Q) codes that are given, -1 where they are to be sampled; layers past the network's have no others.
    """
    padding, pad_id = base < 0, shape.codes
    known = np.full((*base.shape, shape.layers), -1) if known is None else known
    codes = np.full((*base.shape, shape.layers), pad_id, dtype=np.int64)
    codes[..., 0] = np.where(padding, pad_id, base)
    noise, rows = RequestNoise(seeds, stream=1), PassageRows(passages, lengths)
    if not shape.own_layer:
        drawing = replace(drawing, steps=1, confidence_noise=0.0)
    for layer in range(1, shape.layers):

        def logits(ids: np.ndarray, layer: int = layer) -> np.ndarray:
            codes[..., layer] = ids
            shown = rows.split(codes[..., : shape.shown], pad_id)

            def predict(texts: np.ndarray) -> np.ndarray:
                which, padding = np.full(len(texts), layer, dtype=np.int64), like(rows.padding, texts)
                return runtime.call("residual", codes=like(shown, texts), layer=which, text=texts, padding=padding)

            return rows.join(guided(predict, rows.text, drawing.guidance))

        given = known[..., layer]
        ids = np.where((given >= 0) & ~padding, given, pad_id)
        unmasking = _Unmasking(ids, padding | (given >= 0), pad_id, lengths, noise)
        for step in range(drawing.steps):
            watcher.step("residual", (layer - 1 + step / drawing.steps) / max(1, shape.layers - 1))
            unmasking.step(_done(step, drawing.steps), logits, drawing)
        codes[..., layer] = unmasking.ids
    codes = np.where(codes == pad_id, -1, codes)
    return np.concatenate([codes, known[..., shape.layers :]], axis=-1)
