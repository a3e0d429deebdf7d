# SPDX-License-Identifier: Apache-2.0
"""MoMask at its official sizes with random weights: each stage of sampling beside the plain way, and beside the floor.

The floor is what cannot be spared: the doubled forward of each step (each layer), with nothing around it. The plain way
is the released code's: text and no text one after the other. All three take turns within one run; a ratio is the median
over rounds of ratios within a round, of the time that the process itself computed, which leaves out what else the
machine did meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import torch

from moclip.codecs.config import RVQConfig
from moclip.codecs.rvq import RVQ, Codebook
from moclip.generators.base.generator import Watcher
from moclip.generators.base.passages import Passage
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.generator import MoMask
from moclip.generators.momask.sampling import OFFICIAL, ResidualShape, sample_base, sample_residual
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer

TOKENS = 49
"""Of 196 frames, the longest motion."""
BATCHES = (1, 8)
STAGES = ("masked", "residual", "decode")
WAYS = ("ours", "plain", "floor")
REPEATS = {"decode": 5}
"""How often a stage is done at a time, where once is too short to be measured."""


class _Networks:
    """A runtime of three networks with random weights."""

    name, device = "torch", "cpu"

    def __init__(self, sizes: TransformerConfig, codec: RVQConfig):
        torch.manual_seed(0)
        self.masked, self.residual, self.rvq = MaskedTransformer(sizes), ResidualTransformer(sizes), RVQ(codec)
        for layer in self.rvq.quantizer.layers:
            cast(Codebook, layer).codebook.normal_()
        for network in (self.masked, self.residual, self.rvq):
            network.eval().requires_grad_(False)

    @torch.inference_mode()
    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        given = {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in inputs.items()}
        method = self.rvq.decode if name == "decode" else getattr(self, name)
        made: np.ndarray = method(**given).numpy()
        return made

    def outputs(self, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return (self.call(name, **inputs),)


def bench_official(
    rounds: int = 7,
    threads: int | None = None,
    sizes: TransformerConfig | None = None,
    codec: RVQConfig | None = None,
    batches: tuple[int, ...] = BATCHES,
) -> dict[str, Any]:
    """Median milliseconds of each way through each stage, and our ratios to the floor and to the plain way."""
    sizes, codec = sizes or TransformerConfig(), codec or RVQConfig()
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        networks = _Networks(sizes, codec)
        found = {f"batch {batch}": _measured(networks, sizes, batch, rounds) for batch in batches}
    finally:
        torch.set_num_threads(before)
    return {
        "frames": TOKENS * codec.stride, "threads": threads or before, "torch": torch.__version__, "rounds": rounds,
        "sizes": asdict(sizes), **found,
    }  # fmt: skip


def _measured(networks: _Networks, sizes: TransformerConfig, batch: int, rounds: int) -> dict[str, Any]:
    found = {}
    for stage, ways in _ways(networks, sizes, batch).items():
        repeats = REPEATS.get(stage, 1)
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        computed: dict[str, list[float]] = {way: [] for way in WAYS}
        for way in WAYS:
            ways[way]()
        for number in range(rounds):
            for way in WAYS[number % 3 :] + WAYS[: number % 3]:
                start, own = time.perf_counter(), time.process_time()
                for _ in range(repeats):
                    ways[way]()
                computed[way].append(time.process_time() - own)
                times[way].append(1000 * (time.perf_counter() - start) / repeats)
        ours, floor, plain = (np.maximum(computed[way], 1e-9) for way in ("ours", "floor", "plain"))
        found[stage] = {
            "ms": {way: round(float(np.median(taken)), 2) for way, taken in times.items()},
            "ratio_to_floor": round(float(np.median(ours / floor)), 3),
            "ratio_to_plain": round(float(np.median(ours / plain)), 3),
        }
    return found


def _ways(networks: _Networks, sizes: TransformerConfig, batch: int) -> dict[str, dict[str, Callable[[], object]]]:
    """Stage -> way -> what is timed."""
    rng = np.random.default_rng(0)
    text = rng.standard_normal((batch, sizes.text_dim)).astype(np.float32)
    base = rng.integers(0, sizes.codes, (batch, TOKENS))
    codes = rng.integers(0, sizes.codes, (batch, TOKENS, sizes.quantizers))
    lengths, seeds = np.full(batch, TOKENS), list(range(batch))
    passages = [Passage(k, 0, TOKENS, vector) for k, vector in enumerate(text)]
    rest = (passages, lengths, seeds)
    shape, watcher = ResidualShape(sizes.codes, sizes.quantizers), Watcher()
    plain = _Plain(networks, sizes, text)
    decode = torch.from_numpy(codes)
    codec = MoMask(networks, {"rvq": networks.rvq.config.to_dict()}).codec
    return {
        "masked": {
            "ours": lambda: sample_base(networks, sizes.codes, *rest, OFFICIAL, watcher),
            "plain": plain.masked,
            "floor": plain.masked_floor,
        },
        "residual": {
            "ours": lambda: sample_residual(networks, shape, base, *rest, OFFICIAL.residual, watcher),
            "plain": lambda: plain.residual(base),
            "floor": lambda: plain.residual_floor(base),
        },
        "decode": {
            "ours": lambda: codec.decode(codes),
            "plain": lambda: plain.decode(decode),
            "floor": lambda: plain.decode(decode),
        },
    }


class _Plain:
    """The released code's way through each stage, in torch; and the bare doubled forwards of the same steps."""

    def __init__(self, networks: _Networks, sizes: TransformerConfig, text: np.ndarray):
        self.networks, self.sizes = networks, sizes
        self.text = torch.from_numpy(text)
        self.both = torch.cat([self.text, torch.zeros_like(self.text)])
        self.padding = torch.zeros(len(text), TOKENS, dtype=torch.bool)
        self.wide = torch.cat([self.padding, self.padding])

    def _drawn(self, logits: torch.Tensor) -> torch.Tensor:
        keep = int(np.ceil(OFFICIAL.top_share * logits.shape[-1]))
        kept, places = logits.topk(keep, dim=-1)
        filtered = torch.full_like(logits, float("-inf")).scatter_(-1, places, kept)
        noise = torch.rand_like(logits).clamp(1e-20).log_().neg_().log_().neg_()
        return (filtered + noise).argmax(-1)

    @torch.inference_mode()
    def masked(self) -> None:
        network, mask_id, steps = self.networks.masked, self.sizes.codes, OFFICIAL.steps
        ids = torch.full_like(self.padding, mask_id, dtype=torch.long)
        scores = torch.zeros(ids.shape)
        for step in torch.linspace(0, 1, steps):
            count = (torch.cos(step * torch.pi / 2) * TOKENS).round().clamp(min=1)
            masked = scores.argsort(1).argsort(1) < count
            ids = torch.where(masked, mask_id, ids)
            told = network(ids, self.text, self.padding)
            blank = network(ids, torch.zeros_like(self.text), self.padding)
            logits = blank + OFFICIAL.guidance * (told - blank)
            ids = torch.where(masked, self._drawn(logits), ids)
            sure = logits.softmax(-1).gather(2, ids[..., None])[..., 0]
            scores = sure.masked_fill(~masked, 1e5)

    @torch.inference_mode()
    def masked_floor(self) -> None:
        ids = torch.full_like(self.wide, self.sizes.codes, dtype=torch.long)
        for _ in range(OFFICIAL.steps):
            self.networks.masked(ids, self.both, self.wide)

    @torch.inference_mode()
    def residual(self, base: np.ndarray) -> None:
        network, count = self.networks.residual, self.sizes.quantizers
        codes = torch.zeros(*base.shape, count, dtype=torch.long)
        codes[..., 0] = torch.from_numpy(base)
        for number in range(1, count):
            layer = torch.full((len(base),), number)
            told = network(codes[..., :-1], layer, self.text, self.padding)
            blank = network(codes[..., :-1], layer, torch.zeros_like(self.text), self.padding)
            codes[..., number] = self._drawn(blank + OFFICIAL.residual_guidance * (told - blank))

    @torch.inference_mode()
    def residual_floor(self, base: np.ndarray) -> None:
        codes = torch.from_numpy(np.concatenate([base, base]))[..., None].expand(-1, -1, self.sizes.quantizers - 1)
        for number in range(1, self.sizes.quantizers):
            self.networks.residual(codes, torch.full((len(codes),), number), self.both, self.wide)

    @torch.inference_mode()
    def decode(self, codes: torch.Tensor) -> None:
        self.networks.rvq.decode(codes)
