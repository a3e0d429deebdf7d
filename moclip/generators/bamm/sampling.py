# SPDX-License-Identifier: Apache-2.0
"""BAMM's passes in numpy, over the calls of a runtime.

As in MoMask's sampling, all noise is drawn per request from its own seed, so a request gives the same tokens alone and
in a batch, in every runtime. Each pass has a stream of its own, so a length that was given gives the same tokens as the
same length that was predicted.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.generators.bamm.options import BammOptions
from moclip.generators.bamm.sequences import Array, Model, Sequences
from moclip.generators.base.generator import Watcher
from moclip.generators.base.noise import RequestNoise, draw, softmax
from moclip.generators.base.passages import Passage, PassageRows

MAX_TOKENS = 49
FREE = -1
"""Instead of a code: not given."""
_STREAM = 10
"""Of the first pass; each further one has the next, the pass between given codes has the first one's."""


class Told:
    """A watcher that is told of so many steps."""

    def __init__(self, steps: int, watcher: Watcher):
        self._done, self._steps, self._watcher = 0, max(1, steps), watcher

    def step(self) -> None:
        """Tell of a step that begins. Raises Cancelled."""
        self._watcher.step("bamm", min(1.0, self._done / self._steps))
        self._done += 1


def sweep(
    model: Model,
    rows: PassageRows,
    noise: Array,
    guidance: float,
    options: BammOptions,
    told: Told,
    *,
    given: Array | None = None,
    restore: bool = True,
    ends: bool = False,
) -> tuple[Array, Array]:
    """One pass from left to right: ids (B, S) and how probable each was when it was drawn; PAD where there is nothing.

    noise (B, S, codes + 1), Gumbel. given (B, S): codes to decide in sight of, FREE where there are none; then each
    passage's end is given as well. restore: given codes stay as they are; else something is drawn in their place too,
    and is what is seen from there on. ends: END may be drawn, and a request is over with it. Raises Cancelled.
    """
    requests, longest = rows.shape
    first, count = rows.position[:, 0], (~rows.padding).sum(axis=1)
    end_id, pad_id = model.codes, model.codes + 1
    classes = end_id + 1 if ends else end_id
    sequences = Sequences(model, *_start(rows, given, end_id), guidance)
    ids = np.full((requests, longest), pad_id, dtype=np.int64)
    if given is not None:
        # What no passage covers is given, and stays.
        ids = np.where(given >= 0, given, ids)
    chance = np.zeros(ids.shape, dtype=np.float32)
    going = np.ones(requests, dtype=bool)
    for at in range(longest):
        active = np.flatnonzero((first <= at) & (at < first + count) & going[rows.request])
        if not len(active):
            continue
        told.step()
        place = at - first[active]
        logits = _joined(rows, active, place, sequences.logits(active, place))[:, :classes]
        drawn = draw(logits[:, None], noise[:, at : at + 1, :classes], options.temperature, options.top_share)[:, 0]
        if given is not None and restore:
            drawn = np.where(given[:, at] >= 0, given[:, at], drawn)
        told_of = np.unique(rows.request[active])
        ids[told_of, at] = drawn[told_of]
        chance[told_of, at] = softmax(logits)[told_of, drawn[told_of]]
        going &= drawn != end_id
        more = going[rows.request[active]] & (place + 1 < count[active])
        if more.any():
            sequences.put(active[more], place[more], drawn[rows.request[active[more]]])
    return ids, chance


def _start(rows: PassageRows, given: Array | None, end_id: int) -> tuple[Array, Array, Array]:
    """Tokens, text and which tokens are given, of each passage; one place more than codes, for the end."""
    passages, longest = rows.padding.shape
    ids = np.full((passages, longest + 1), end_id + 1, dtype=np.int64)
    cond = np.zeros(ids.shape, dtype=bool)
    if given is not None:
        codes = rows.split(given, FREE)
        ids[:, :longest] = np.where(codes >= 0, codes, end_id + 1)
        cond[:, :longest] = codes >= 0
        ends = np.arange(passages), (~rows.padding).sum(axis=1)
        ids[ends], cond[ends] = end_id, True
    return ids, rows.text, cond


def _joined(rows: PassageRows, active: Array, place: Array, logits: Array) -> Array:
    """(R, V) logits of the active passages -> (B, V): where passages overlap, the mean by `PassageRows.weight`."""
    weight, request = rows.weight[active, place], rows.request[active]
    total = np.zeros(rows.shape[0], dtype=np.float32)
    np.add.at(total, request, weight)
    joined = np.zeros((rows.shape[0], logits.shape[-1]), dtype=np.float32)
    np.add.at(joined, request, logits * (weight / total[request])[:, None])
    return joined


def again(rule: str, number: int, lengths: Array, chance: Array) -> Array:
    """Which tokens the pass of this number (2, 3, ...) decides again: (B, S) bool.

    chance (B, S): how probable each token was when it was drawn. Of an odd number of tokens, the half is rounded to the
    even one, as in the released code.
    """
    place = np.arange(chance.shape[1])[None]
    padding = place >= lengths[:, None]
    if rule == "alternating":
        # The third pass looks at what the second one left.
        every_other: Array = (place % 2 == number % 2) & ~padding
        return every_other
    score = np.where(padding, np.inf, chance if rule == "confidence" else 0.0)
    rank = np.argsort(np.argsort(score, axis=1, kind="stable"), axis=1, kind="stable")
    lower_half: Array = (rank < np.maximum(np.round(0.5 * lengths), 1)[:, None]) & ~padding
    return lower_half


def end_of(ids: Array, end_id: int) -> tuple[Array, Array]:
    """Codes (B, S) up to END or PAD, FREE behind, and their number (B,); S where neither comes.

    A motion has one code at least: where END comes first, that is code 0, as in the released code.
    """
    ids = ids.copy()
    ids[ids[:, 0] >= end_id, :2] = 0, end_id
    over = ids >= end_id
    lengths = np.where(over.any(axis=1), over.argmax(axis=1), ids.shape[1])
    return np.where(np.arange(ids.shape[1])[None] < lengths[:, None], ids, FREE), lengths


def _noise(seeds: Sequence[int], number: int, lengths: Array, codes: int) -> Array:
    """Of the pass of this number (1, 2, ...), wide enough for END whether or not it may be drawn."""
    return RequestNoise(seeds, stream=_STREAM + number - 1).gumbel(lengths, int(lengths.max()), codes + 1)


def _open_pass(
    model: Model, text: Array, seeds: Sequence[int], options: BammOptions, told: Told
) -> tuple[Array, Array, Array]:
    """Codes (B, 49), their lengths and their chances of a first pass that says itself when it is over."""
    most = np.full(len(text), MAX_TOKENS)
    rows = PassageRows([Passage(k, 0, MAX_TOKENS, vector) for k, vector in enumerate(text)], most)
    noise = _noise(seeds, 1, most, model.codes)
    ids, chance = sweep(model, rows, noise, options.guidance, options, told, ends=True)
    return *end_of(ids, model.codes), chance


def _further_passes(
    model: Model,
    rows: PassageRows,
    lengths: Array,
    seeds: Sequence[int],
    options: BammOptions,
    told: Told,
    codes: Array,
    chance: Array,
) -> Array:
    """codes and chance (B, S) of the first pass -> the codes after the last one."""
    for number in range(2, options.passes + 1):
        open_again = again(options.rule, number, lengths, chance)
        given = np.where(open_again, FREE, codes)
        noise = _noise(seeds, number, lengths, model.codes)
        way = options.second_guidance, options, told
        drawn, sure = sweep(model, rows, noise, *way, given=given, restore=options.restore)
        codes, chance = np.where(open_again, drawn, codes), np.where(open_again, sure, chance)
    return codes


def sample_lengths(
    model: Model,
    text: Array,
    seeds: Sequence[int],
    options: BammOptions,
    watcher: Watcher,
) -> Array:
    """How many tokens the model itself gives to texts (B, D): (B,) in 1..49. Raises Cancelled between steps.

    With these lengths and the same seeds, `sample_base` gives what `sample_freely` gives, but for motions that END at
    once, to which the latter gives the code 0.
    """
    return _open_pass(model, text, seeds, options, Told(MAX_TOKENS, watcher))[1]


def sample_freely(
    model: Model,
    text: Array,
    seeds: Sequence[int],
    options: BammOptions,
    watcher: Watcher,
) -> tuple[Array, Array]:
    """Base-layer codes of texts (B, D) as long as the model itself makes them: (B, longest), -1 behind; lengths (B,).

    Raises Cancelled between steps.
    """
    told = Told(options.passes * MAX_TOKENS, watcher)
    codes, lengths, chance = _open_pass(model, text, seeds, options, told)
    longest = int(lengths.max())
    rows = PassageRows([Passage(k, 0, int(n), text[k]) for k, n in enumerate(lengths)], lengths)
    kept = codes[:, :longest], chance[:, :longest]
    return _further_passes(model, rows, lengths, seeds, options, told, *kept), lengths


def sample_base(
    model: Model,
    passages: Sequence[Passage],
    lengths: Array,
    seeds: Sequence[int],
    options: BammOptions,
    watcher: Watcher,
    known: Array | None = None,
) -> Array:
    """Base-layer codes of requests of known lengths (B,): (B, longest), -1 past a request's length.

    passages, seeds and known as MoMask's `sample_base` has them. A request with given codes takes one pass in sight of
    them, any other one the passes that the options say. Raises Cancelled between steps.
    """
    longest = int(lengths.max())
    given = np.full((len(lengths), longest), FREE) if known is None else known
    edited = (given >= 0).any(axis=1)
    passes = options.passes * bool((~edited).any()) + bool(edited.any())
    told = Told(passes * longest, watcher)
    codes = np.full((len(lengths), longest), FREE, dtype=np.int64)
    for chosen in (np.flatnonzero(~edited), np.flatnonzero(edited)):
        if not len(chosen):
            continue
        part, own_seeds = lengths[chosen], [seeds[k] for k in chosen]
        rows, width = PassageRows(_only(passages, chosen), part), int(part.max())
        noise = _noise(own_seeds, 1, part, model.codes)
        if edited[chosen[0]]:
            way = options.edit_guidance, options, told
            drawn, _ = sweep(model, rows, noise, *way, given=given[chosen, :width])
        else:
            first = sweep(model, rows, noise, options.guidance, options, told)
            drawn = _further_passes(model, rows, part, own_seeds, options, told, *first)
        codes[chosen, :width] = np.where(np.arange(width)[None] < part[:, None], drawn, FREE)
    return codes


def _only(passages: Sequence[Passage], requests: Array) -> list[Passage]:
    """The passages of some requests, which are numbered anew in the given order."""
    number = {int(request): k for k, request in enumerate(requests)}
    return [replace(p, request=number[p.request]) for p in passages if p.request in number]
