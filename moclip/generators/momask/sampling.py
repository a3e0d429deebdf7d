# SPDX-License-Identifier: Apache-2.0
"""MoMask's sampling loops in numpy, over the calls of a `Runtime`.

All noise is drawn per request from its own seed, so a request gives the same tokens alone and in a batch, in every
runtime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from moclip.errors import Cancelled
from moclip.generators.base.passages import Passage, PassageRows
from moclip.generators.base.runtime import Runtime


@dataclass(frozen=True)
class SamplingOptions:
    """steps: iterations of the masked transformer. top_share: share of the codes that may be drawn.

    residual_temperature: of the residual layers, whose codes are details of a motion that the base layer has settled.
    Drawn as freely as the base they are mostly noise, and a strike loses its speed.

    ramp_guidance: raise guidance from 1 to its target over the steps. confidence_noise: scale of the Gumbel noise on
    the confidences, annealed to 0; constant guidance and bare confidence tend to repeat one token. by_clause: give each
    clause of a sentence its own part of the motion; sentence_share: how much of the whole sentence's vector goes into
    each clause's, for who it is and how they move. takes: how many motions are sampled, of which MoCLIP chooses the one
    nearest to the text; 1 for a model without its motion encoder. hold_feet: keep standing feet from
    sliding (`moclip.motion.feet`), which is no part of the sampling itself. window: most tokens in a passage of an
    activity that has no end of its own (`ongoing`), for data in which only such are long, 0 for no bound.
    ongoing_takes: takes of one then, as no two dances are alike. `OFFICIAL` has MoMask's own rule.
    """

    steps: int = 10
    guidance: float = 4.0
    residual_guidance: float = 1.5
    temperature: float = 0.8
    residual_temperature: float = 0.3
    top_share: float = 0.05
    ramp_guidance: bool = True
    confidence_noise: float = 1.0
    by_clause: bool = True
    sentence_share: float = 0.25
    takes: int = 4
    ongoing_takes: int = 8
    hold_feet: bool = True
    window: int = 0


OFFICIAL = SamplingOptions(
    guidance=4.0,
    residual_guidance=5.0,
    temperature=1.0,
    top_share=0.1,
    residual_temperature=1.0,
    ramp_guidance=False,
    confidence_noise=0.0,
    by_clause=False,
    takes=1,
)

Progress = Callable[[str, float], None]
ONGOING = 0.8
"""Share of the longest motion that the median of the predicted length has at least, for an activity without an end."""


class RequestNoise:
    """The random numbers of a batch: every request draws from a generator of its own."""

    def __init__(self, seeds: Sequence[int], stream: int):
        self.generators = [np.random.default_rng([stream, seed]) for seed in seeds]

    def gumbel(self, lengths: np.ndarray, longest: int, width: int) -> np.ndarray:
        """(B, longest, width); a request draws numbers for its own length only, whatever the batch's longest."""
        noise = np.zeros((len(lengths), longest, width), dtype=np.float32)
        for row, (generator, length) in enumerate(zip(self.generators, lengths, strict=True)):
            noise[row, :length] = generator.gumbel(size=(length, width))
        return noise


def draw(logits: np.ndarray, noise: np.ndarray, temperature: float, top_share: float) -> np.ndarray:
    """Draw one code per position from the most likely `top_share` of them: logits, noise (B, S, V) -> (B, S)."""
    keep = int(np.ceil(top_share * logits.shape[-1]))
    threshold = np.partition(logits, -keep, axis=-1)[..., -keep, None]
    allowed = np.where(logits >= threshold, logits, -np.inf)
    return np.argmax(allowed / max(temperature, 1e-10) + noise, axis=-1)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponent = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponent / exponent.sum(axis=-1, keepdims=True)


def guided(call: Callable[[np.ndarray], np.ndarray], text: np.ndarray, scale: float) -> np.ndarray:
    """Classifier-free guidance in one doubled batch: uncond + scale * (cond - uncond)."""
    conditional, unconditional = np.split(call(np.concatenate([text, np.zeros_like(text)])), 2)
    return unconditional + scale * (conditional - unconditional)


def _twice(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, array])


def sample_base(
    runtime: Runtime,
    passages: Sequence[Passage],
    lengths: np.ndarray,
    seeds: Sequence[int],
    options: SamplingOptions,
    progress: Progress,
    cancelled: Callable[[], bool],
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Base-layer codes by iterative unmasking (MoMask, section 3.4): (B, longest); -1 past a request's length.

    passages: in the requests' order, together they cover each request. lengths (B,) tokens; seeds one a request.
    known: (B, longest) codes that are given, -1 where they are to be sampled (MoMask's inpainting, section 4.3): they
    are never masked. Raises Cancelled between steps.
    """
    longest = int(lengths.max())
    padding = np.arange(longest)[None] >= lengths[:, None]
    known = np.full(padding.shape, -1) if known is None else known
    fixed = padding | (known >= 0)
    wanted = (~fixed).sum(axis=1).astype(np.float32)
    mask_id, pad_id = runtime.codes, runtime.codes + 1
    ids = np.where(padding, pad_id, np.where(known >= 0, known, mask_id))
    scores = np.where(fixed, 1e5, 0.0)
    noise, rows = RequestNoise(seeds, stream=0), PassageRows(passages, lengths)
    for step in range(options.steps):
        if cancelled():
            raise Cancelled
        progress("masked", step / options.steps)
        done = step / (options.steps - 1) if options.steps > 1 else 0.0
        # In float32, as the official code: 49 tokens at step 7 of 10 are exactly half and round to the even 24.
        count = np.maximum(np.round(np.cos(np.float32(done * np.pi / 2)) * wanted), 1)
        rank = np.argsort(np.argsort(scores, axis=1, kind="stable"), axis=1, kind="stable")
        masked = (rank < count[:, None]) & ~fixed
        ids = np.where(masked, mask_id, ids)
        scale = 1 + (options.guidance - 1) * (done if options.ramp_guidance else 1.0)
        shown = _twice(rows.split(ids, pad_id))

        def predict(both: np.ndarray, shown: np.ndarray = shown) -> np.ndarray:
            return runtime.masked(shown, both, _twice(rows.padding))

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
    base: np.ndarray,
    passages: Sequence[Passage],
    lengths: np.ndarray,
    seeds: Sequence[int],
    options: SamplingOptions,
    progress: Progress,
    cancelled: Callable[[], bool],
    known: np.ndarray | None = None,
) -> np.ndarray:
    """All layers' codes from the base layer's: (B, S) -> (B, S, Q); -1 past a request's length.

    known: (B, S, Q) codes that are given, -1 where they are to be sampled.
    """
    padding = base < 0
    pad_id, layers = runtime.codes, runtime.quantizers
    codes = np.full((*base.shape, layers), pad_id, dtype=np.int64)
    codes[..., 0] = np.where(padding, pad_id, base)
    noise, rows = RequestNoise(seeds, stream=1), PassageRows(passages, lengths)
    for layer in range(1, layers):
        if cancelled():
            raise Cancelled
        progress("residual", (layer - 1) / max(1, layers - 1))
        which = np.full(2 * len(rows.text), layer, dtype=np.int64)
        shown = _twice(rows.split(codes[..., :-1], pad_id))

        def predict(both: np.ndarray, which: np.ndarray = which, shown: np.ndarray = shown) -> np.ndarray:
            return runtime.residual(shown, which, both, _twice(rows.padding))

        logits = rows.join(guided(predict, rows.text, options.residual_guidance))
        jitter = noise.gumbel(lengths, base.shape[1], logits.shape[-1])
        drawn = draw(logits, jitter, options.residual_temperature, options.top_share)
        if known is not None:
            drawn = np.where(known[..., layer] >= 0, known[..., layer], drawn)
        codes[..., layer] = np.where(padding, pad_id, drawn)
    return np.where(codes == pad_id, -1, codes)


def ongoing(logits: np.ndarray, longest: int) -> np.ndarray:
    """Which texts tell of an activity without an end of its own, such as a dance: (B, classes) -> (B,) bool.

    Their recordings fill whatever a motion may last, so the length that is predicted for them comes near to `longest`.
    """
    cumulative = np.cumsum(softmax(logits[:, : longest + 1]), axis=1)
    return (cumulative < 0.5).sum(axis=1) >= ONGOING * longest


def sample_lengths(logits: np.ndarray, seeds: Sequence[int], shortest: int, longest: int) -> np.ndarray:
    """Token counts from the middle half of the predicted distribution: (B, classes) -> (B,).

    The tails of the distribution (a two-second walk, a nine-second bow) surprise more than they serve.
    """
    probability = softmax(logits[:, shortest : longest + 1])
    cumulative = np.cumsum(probability, axis=1)
    at = np.array([np.random.default_rng([2, seed]).uniform(0.25, 0.75) for seed in seeds])
    return shortest + np.minimum((cumulative < at[:, None]).sum(1), longest - shortest)
