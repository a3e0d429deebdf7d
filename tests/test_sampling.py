# SPDX-License-Identifier: Apache-2.0
"""Sampling loops against runtimes whose answers are known."""

import numpy as np
import pytest

from moclip.errors import Cancelled
from moclip.generate.lengths import LONGER, sample_lengths
from moclip.generators.base.generator import Watcher
from moclip.generators.base.noise import draw, guided
from moclip.generators.base.passages import OVERLAP, Passage, PassageRows, passages_of
from moclip.generators.momask.sampling import OFFICIAL, MoMaskOptions, ResidualShape, sample_base, sample_residual


class KnownRuntime:
    """Wants code (position + number of the text) % 8 everywhere; remembers how many positions it saw masked."""

    name, device = "known", "cpu"

    def call(self, name, **inputs):
        return getattr(self, name)(**inputs)

    def __init__(self, sharpness: float = 50.0):
        self.sharpness, self.masked_counts = sharpness, []

    def _wanted(self, text: np.ndarray, length: int, classes: int) -> np.ndarray:
        wanted = (np.arange(length)[None] + text[:, :1].astype(int)) % 8
        return self.sharpness * np.eye(classes, dtype=np.float32)[wanted] * (text[:, :1, None] != 0)

    def masked(self, ids, text, padding):
        half = len(ids) // 2
        self.masked_counts.append((ids[:half] == 8).sum(1).tolist())
        assert not np.any((ids == 9) & ~padding)
        return self._wanted(text, ids.shape[1], 8)

    def residual(self, codes, layer, text, padding):
        return np.roll(self._wanted(text, codes.shape[1], 9), int(layer[0]), axis=-1) * (np.arange(9) < 8)


def run(runtime, numbers, lengths, seeds, options):
    text = np.array(numbers, dtype=np.float32)[:, None] * np.ones((1, 4), dtype=np.float32)
    passages = [Passage(k, 0, length, text[k]) for k, length in enumerate(lengths)]
    return sample_base(runtime, 8, passages, np.array(lengths), seeds, options, Watcher())


def test_sure_model_gives_its_codes_and_pads_with_minus_one():
    ids = run(KnownRuntime(), [1, 3], [6, 4], [0, 1], MoMaskOptions())
    assert ids[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert ids[1].tolist() == [3, 4, 5, 6, -1, -1]


def test_official_mask_counts_of_ten_steps():
    runtime = KnownRuntime()
    run(runtime, [1], [49], [0], OFFICIAL)
    assert [c[0] for c in runtime.masked_counts] == [49, 48, 46, 42, 38, 31, 24, 17, 9, 1]


@pytest.mark.parametrize("options", [MoMaskOptions(top_share=1.0), OFFICIAL])
def test_request_gives_the_same_tokens_alone_and_in_a_batch(options):
    unsure = KnownRuntime(sharpness=0.5)
    together = run(unsure, [1, 2, 5], [9, 20, 13], [7, 8, 9], options)
    alone = run(unsure, [2], [20], [8], options)
    short = run(unsure, [1], [9], [7], options)
    assert together[1].tolist() == alone[0].tolist()
    assert together[0, :9].tolist() == short[0].tolist()


class TextRuntime(KnownRuntime):
    """Wants the number of the text wherever it is asked."""

    def _wanted(self, text: np.ndarray, length: int, classes: int) -> np.ndarray:
        wanted = np.repeat(text[:, :1].astype(int) % 8, length, axis=1)
        return self.sharpness * np.eye(classes, dtype=np.float32)[wanted] * (text[:, :1, None] != 0)


def two_passages(request=0, texts=(2, 5), lengths=(10, 8)):
    return passages_of(request, np.array(texts, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32), lengths)


def test_passages_overlap_their_neighbours_only():
    spans = [(p.first, p.end) for p in passages_of(0, np.zeros((3, 4)), [10, 8, 6])]
    assert spans == [(0, 10 + OVERLAP), (10 - OVERLAP, 18 + OVERLAP), (18 - OVERLAP, 24)]


def test_each_passage_follows_its_own_text():
    arguments, options = (two_passages(), np.array([18]), [0]), MoMaskOptions()
    ids = sample_base(TextRuntime(), 8, *arguments, options, Watcher())
    assert set(ids[0, :8]) == {2} and set(ids[0, 12:]) == {5}
    codes = sample_residual(TextRuntime(), ResidualShape(8, 3), ids, *arguments, options.residual, Watcher())
    assert set(codes[0, :8, 1]) == {3} and set(codes[0, 12:, 1]) == {6}


def test_passages_in_a_batch_give_the_same_tokens_as_alone():
    unsure, options = TextRuntime(sharpness=0.5), MoMaskOptions(top_share=1.0)
    alone = sample_base(unsure, 8, two_passages(), np.array([18]), [4], options, Watcher())
    single = Passage(0, 0, 30, np.full(4, 3, dtype=np.float32))
    together = sample_base(unsure, 8, [single, *two_passages(1)], np.array([30, 18]), [9, 4], options, Watcher())
    assert together[1, :18].tolist() == alone[0].tolist()
    assert (together[1, 18:] == -1).all()


def test_joined_logits_change_smoothly_from_one_passage_to_the_next():
    rows = PassageRows(two_passages(), np.array([18]))
    logits = np.zeros((2, 12, 1), dtype=np.float32)
    logits[1] = 1.0
    joined = rows.join(logits)[0, :, 0]
    assert (joined[:8] == 0).all() and (joined[12:] == 1).all()
    assert (np.diff(joined[7:13]) > 0).all()


def test_split_and_join_of_whole_requests_change_nothing():
    rng = np.random.default_rng(0)
    rows = PassageRows([Passage(0, 0, 5, np.zeros(4)), Passage(1, 0, 3, np.zeros(4))], np.array([5, 3]))
    ids = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
    assert rows.split(ids, 9).tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 9]]
    logits = rng.standard_normal((2, 5, 4)).astype(np.float32)
    joined = rows.join(logits)
    assert (joined[0] == logits[0]).all() and (joined[1, :3] == logits[1, :3]).all() and not joined[1, 3:].any()


def test_seeds_differ():
    unsure = KnownRuntime(sharpness=0.5)
    options = MoMaskOptions(top_share=1.0)
    assert run(unsure, [2], [20], [1], options).tolist() != run(unsure, [2], [20], [2], options).tolist()


def test_residual_layers_follow_the_base():
    runtime = KnownRuntime()
    passages = [Passage(0, 0, 3, np.full(4, 2, dtype=np.float32))]
    base, lengths = np.array([[2, 3, 4, -1]]), np.array([4])
    codes = sample_residual(
        runtime, ResidualShape(8, 3), base, passages, lengths, [0], MoMaskOptions().residual, Watcher()
    )
    assert codes.shape == (1, 4, 3)
    assert codes[0, :, 0].tolist() == [2, 3, 4, -1]
    assert codes[0, :, 1].tolist() == [3, 4, 5, -1]
    assert codes[0, :, 2].tolist() == [4, 5, 6, -1]


def test_cancel_stops_between_iterations():
    runtime, calls = KnownRuntime(), []

    def cancelled():
        calls.append(1)
        return len(calls) > 3

    with pytest.raises(Cancelled):
        passages = [Passage(0, 0, 8, np.ones(4, np.float32))]
        sample_base(runtime, 8, passages, np.array([8]), [0], MoMaskOptions(), Watcher(cancelled=cancelled))
    assert len(runtime.masked_counts) == 3


def test_guidance_extrapolates_from_the_unconditional_answer():
    result = guided(lambda text: text + 1, np.array([[2.0, 4.0]]), 3.0)
    assert result.tolist() == [[1 + 3 * 2.0, 1 + 3 * 4.0]]


def test_draw_keeps_to_the_top_share():
    logits = np.arange(20, dtype=np.float32)[None, None]
    strong_noise = np.zeros((1, 1, 20), dtype=np.float32)
    strong_noise[..., 0] = 1e6
    strong_noise[..., 18] = 5.0
    assert draw(logits, strong_noise, temperature=1.0, top_share=0.1).item() == 18


def test_lengths_stay_in_range_and_in_the_middle_of_the_distribution():
    logits = np.full((200, 50), -20.0)
    logits[:, 20] = logits[:, 30] = 5.0
    lengths = sample_lengths(logits, range(200), 5, 49)
    assert set(lengths.tolist()) == {20, 30}
    short = np.full((1, 50), -20.0)
    short[:, 0] = 5.0
    assert 5 <= sample_lengths(short, [3], 5, 49)[0] <= 49
    even = np.zeros((200, 50))
    assert sample_lengths(even, range(200), 0, 49).max() <= 37
    assert sample_lengths(even, range(200), 0, 49, LONGER).min() >= 24


def test_layers_that_the_network_does_not_know_are_left_out_where_nothing_is_given():
    passages = [Passage(0, 0, 3, np.full(4, 2, dtype=np.float32))]
    known = np.full((1, 3, 5), -1)
    known[0, 0] = [2, 1, 1, 6, 7]
    base = np.array([[2, 3, 4]])
    arguments = (base, passages, np.array([3]), [0], MoMaskOptions().residual, Watcher(), known)
    codes = sample_residual(KnownRuntime(), ResidualShape(8, 3), *arguments)
    assert codes[0].tolist() == [[2, 1, 1, 6, 7], [3, 4, 5, -1, -1], [4, 5, 6, -1, -1]]


class OwnRuntime(KnownRuntime):
    """Wants of each layer what most of its known codes say, code 5 where nothing is known of it."""

    def __init__(self):
        super().__init__()
        self.known_counts = []

    def residual(self, codes, layer, text, padding):
        own = codes[..., int(layer[0])]
        self.known_counts.append((int(layer[0]), codes.shape[-1], (own[0] < 8).sum().item()))
        known = own[own < 8]
        wanted = np.full(codes.shape[:2], np.bincount(known).argmax() if len(known) else 5)
        return 50 * np.eye(9, dtype=np.float32)[wanted]


def test_a_layer_is_drawn_in_several_steps_where_the_network_sees_what_it_has_drawn_of_it():
    passages = [Passage(0, 0, 20, np.full(4, 2, dtype=np.float32))]
    runtime, drawing = OwnRuntime(), MoMaskOptions(residual_steps=3).residual
    arguments = (np.zeros((1, 20), int), passages, np.array([20]), [0], drawing, Watcher())
    known = np.full((1, 20, 3), -1)
    known[0, :2, 2] = 7
    codes = sample_residual(runtime, ResidualShape(8, 3, own_layer=True), *arguments, known)
    # 20, 14 and 1 are masked, of the second layer 18, 13 and 1.
    assert runtime.known_counts == [(1, 3, 0), (1, 3, 6), (1, 3, 19), (2, 3, 2), (2, 3, 7), (2, 3, 19)]
    assert set(codes[0, :, 1]) == {5} and set(codes[0, :, 2]) == {7}
