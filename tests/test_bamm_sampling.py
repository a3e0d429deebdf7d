# SPDX-License-Identifier: Apache-2.0
"""BAMM's passes against a plain loop of whole forwards, and what users rely on."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from bamm_reference import Reference  # noqa: E402
from test_bamm import VARIANTS, small  # noqa: E402

from moclip.errors import Cancelled, MoclipError  # noqa: E402
from moclip.generators.bamm import sampling  # noqa: E402
from moclip.generators.bamm.options import OFFICIAL, BammOptions  # noqa: E402
from moclip.generators.bamm.sampling import (  # noqa: E402
    FREE,
    again,
    end_of,
    sample_base,
    sample_freely,
    sample_lengths,
)
from moclip.generators.base.generator import Watcher  # noqa: E402
from moclip.generators.base.noise import RequestNoise  # noqa: E402
from moclip.generators.base.passages import OVERLAP, Passage, PassageRows, passages_of, with_context  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.sampling import ResidualShape, sample_residual  # noqa: E402
from moclip.generators.momask.transformers import ResidualTransformer  # noqa: E402

REST = (Watcher(),)
SEEDS = [4, 5, 6]
TEXT = np.random.default_rng(7).standard_normal((3, 12)).astype(np.float32)


class NetworkRuntime:
    """The calls of small networks, counted."""

    codes = 20

    def __init__(self, variant: str = "official", end: float = 0.0):
        self.network = small(variant)
        self.network.output_process.poseFinal.bias[20] += end
        sizes = TransformerConfig(20, 16, 3, 12, 24, 1, 3, 32)
        self.others = {"residual": ResidualTransformer(sizes).eval().requires_grad_(False)}
        self.counted: list[str] = []

    def call(self, name: str, **inputs: np.ndarray):
        self.counted.append(name)
        calls = {"bamm": self.network, "bamm_prefill": self.network.prefill, "bamm_step": self.network.step}
        answer = {**calls, **self.others}[name](**{key: torch.from_numpy(value) for key, value in inputs.items()})
        return tuple(a.numpy() for a in answer) if isinstance(answer, tuple) else answer.numpy()

    def outputs(self, name: str, **inputs: np.ndarray):
        return self.call(name, **inputs)

    @property
    def runtime(self) -> "NetworkRuntime":
        return self


def plain(runtime: NetworkRuntime) -> Reference:
    return Reference(runtime.network.state_dict(), heads=3, codes=20)


def noise_of(seed: int, number: int) -> np.ndarray:
    """(49, codes + 1) of the pass of this number, from a generator of its own."""
    return np.random.default_rng([9 + number, seed]).gumbel(size=(49, 21)).astype(np.float32)


def whole(lengths) -> list[Passage]:
    return [Passage(k, 0, length, TEXT[k]) for k, length in enumerate(lengths)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", ["alternating", "lowest", "confidence"])
@pytest.mark.parametrize("restore", [True, False])
def test_two_passes_of_given_length_equal_the_plain_loop(variant, rule, restore):
    runtime, lengths = NetworkRuntime(variant), [12, 23, 7]
    options = BammOptions(rule=rule, restore=restore)
    ids = sample_base(runtime, whole(lengths), np.array(lengths), SEEDS, options, *REST)
    for k, length in enumerate(lengths):
        noise = [noise_of(SEEDS[k], 1), noise_of(SEEDS[k], 2)]
        codes, _ = plain(runtime).generate(TEXT[k], noise, length=length, rule=rule, restore=restore)
        assert ids[k, :length].tolist() == codes.tolist()
        assert (ids[k, length:] == FREE).all()
    assert len(np.unique(ids)) > 8


@pytest.mark.parametrize(("end", "expected"), [(0.0, None), (3.0, None), (-1e4, 49), (1e4, 1)])
def test_two_passes_of_predicted_length_equal_the_plain_loop(end, expected):
    runtime = NetworkRuntime(end=end)
    seeds = SEEDS[:1] if expected else SEEDS
    ids, lengths = sample_freely(runtime, TEXT[: len(seeds)], seeds, OFFICIAL, *REST)
    for k, seed in enumerate(seeds):
        noise = [noise_of(seed, 1), noise_of(seed, 2)]
        codes, length = plain(runtime).generate(TEXT[k], noise, rule="lowest")
        assert (lengths[k], ids[k, :length].tolist()) == (length, codes.tolist())
        assert (ids[k, length:] == FREE).all()
        assert expected in (None, length)
    if end == 0.0:
        assert len(set(lengths.tolist())) == 3


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("scale", [3.0, 0.0])
@pytest.mark.parametrize("task", ["inbetween", "outpainting", "prefix", "suffix"])
def test_edits_equal_the_plain_loop_and_keep_what_is_given(variant, scale, task):
    runtime, lengths = NetworkRuntime(variant), [24, 13, 16]
    known = np.random.default_rng(1).integers(20, size=(3, 24))
    place = np.arange(24)[None]
    for k, length in enumerate(lengths):
        quarter, half, end = int(0.25 * length), int(0.5 * length), length
        kept = {
            "inbetween": (place < quarter) | (place >= end - quarter), "prefix": place < half,
            "outpainting": (place >= quarter) & (place < end - quarter), "suffix": place >= end - half,
        }[task]  # fmt: skip
        known[k] = np.where(kept[0] & (place[0] < length), known[k], FREE)
    options = BammOptions(edit_guidance=scale)
    ids = sample_base(runtime, whole(lengths), np.array(lengths), SEEDS, options, *REST, known=known)
    for k, length in enumerate(lengths):
        expected = plain(runtime).edit(TEXT[k], known[k, :length], noise_of(SEEDS[k], 1), scale)
        assert ids[k, :length].tolist() == expected.tolist()
        given = known[k, :length] >= 0
        assert (ids[k, :length][given] == known[k, :length][given]).all()


def test_the_released_code_edits_without_the_text():
    runtime, known = NetworkRuntime(), np.full((1, 10), FREE)
    known[0, 4:6] = 3, 9
    ways = {
        name: [
            sample_base(runtime, [Passage(0, 0, 10, t)], np.array([10]), [1], options, *REST, known=known)[0].tolist()
            for t in TEXT[:2]
        ]
        for name, options in (("official", OFFICIAL), ("ours", BammOptions()))
    }
    assert ways["official"][0] == ways["official"][1]
    assert ways["ours"][0] != ways["ours"][1]


def test_half_of_the_tokens_is_decided_again():
    flat, lengths = np.zeros((3, 49)), np.array([49, 30, 12])
    lowest = again("lowest", 2, lengths, flat)
    assert [np.flatnonzero(row).tolist() for row in lowest] == [list(range(24)), list(range(15)), list(range(6))]
    odd = again("alternating", 3, lengths, flat)
    assert [np.flatnonzero(row).tolist() for row in odd[2:]] == [[1, 3, 5, 7, 9, 11]]
    assert np.flatnonzero(again("alternating", 2, lengths, flat)[2]).tolist() == [0, 2, 4, 6, 8, 10]
    chance = np.array([[0.9, 0.1, 0.5, 0.2, 0.0]])
    assert np.flatnonzero(again("confidence", 2, np.array([4]), chance)).tolist() == [1, 3]
    assert again("lowest", 2, np.array([1]), chance).tolist() == [[True, False, False, False, False]]


def test_ends():
    ids = np.array([[4, 5, 20, 7], [20, 5, 6, 7], [1, 2, 3, 4], [1, 2, 3, 21], [1, 21, 20, 4]])
    codes, lengths = end_of(ids, 20)
    assert lengths.tolist() == [2, 1, 4, 3, 1]
    assert codes.tolist() == [[4, 5, -1, -1], [0, -1, -1, -1], [1, 2, 3, 4], [1, 2, 3, -1], [1, -1, -1, -1]]


def test_a_request_gives_the_same_tokens_alone_and_in_a_batch():
    runtime, lengths, options = NetworkRuntime(), [9, 20, 13], BammOptions()
    known = np.full((3, 20), FREE)
    known[1, :3] = 1, 2, 3
    together = sample_base(runtime, whole(lengths), np.array(lengths), SEEDS, options, *REST, known=known)
    for k, length in enumerate(lengths):
        passage = [Passage(0, 0, length, TEXT[k])]
        own = known[k : k + 1, :length]
        alone = sample_base(runtime, passage, np.array([length]), SEEDS[k : k + 1], options, *REST, known=own)
        assert together[k, :length].tolist() == alone[0].tolist()
    free, lengths = sample_freely(runtime, TEXT, SEEDS, options, *REST)
    alone, length = sample_freely(runtime, TEXT[1:2], SEEDS[1:2], options, *REST)
    assert free[1, : lengths[1]].tolist() == alone[0].tolist() and length[0] == lengths[1]


def test_a_told_length_gives_what_the_same_length_gives_when_predicted():
    runtime = NetworkRuntime()
    lengths = sample_lengths(runtime, TEXT, SEEDS, BammOptions(), *REST)
    free, own = sample_freely(runtime, TEXT, SEEDS, BammOptions(), *REST)
    assert lengths.tolist() == own.tolist() and min(lengths) > 1
    assert sample_base(runtime, whole(lengths), lengths, SEEDS, BammOptions(), *REST).tolist() == free.tolist()


def test_each_passage_follows_its_own_text_and_overlaps_its_neighbours():
    class TextRuntime(NetworkRuntime):
        """Wants the code that is written in the text's first number, which it keeps in place of keys and values."""

        def call(self, name, **inputs):
            logits, kept = super().call(name, **inputs)
            wanted = inputs["text"][:, 0] if "text" in inputs else inputs["cache"][:, 0, 0, 0, 0, 0]
            answer = 50.0 * np.eye(21, dtype=np.float32)[wanted.astype(int)]
            shape = (-1, *[1] * (kept.ndim - 1))
            return np.broadcast_to(answer[:, None], logits.shape) if "text" in inputs else answer, (
                kept * 0 + wanted.reshape(shape)
            )

    texts = np.array([2, 5], dtype=np.float32)[:, None] * np.ones((1, 12), np.float32)
    options = BammOptions(guidance=1.0, second_guidance=1.0)
    ids = sample_base(TextRuntime(), passages_of(0, texts, [10, 8]), np.array([18]), [0], options, *REST)
    assert set(ids[0, : 10 - OVERLAP]) == {2} and set(ids[0, 10 + OVERLAP :]) == {5}


@pytest.mark.parametrize("restore", [True, False])
def test_passages_in_a_batch_give_the_same_tokens_as_alone(restore):
    runtime, options = NetworkRuntime(), BammOptions(restore=restore)
    two = passages_of(0, TEXT[:2], [10, 8])
    alone = sample_base(runtime, two, np.array([18]), [4], options, *REST)
    moved = [Passage(0, 0, 30, TEXT[2]), *passages_of(1, TEXT[:2], [10, 8])]
    together = sample_base(runtime, moved, np.array([30, 18]), [9, 4], options, *REST)
    assert together[1, :18].tolist() == alone[0].tolist()


def test_given_codes_that_no_passage_reaches_stay():
    runtime, known = NetworkRuntime(), np.full((1, 20), FREE)
    known[0, :8], known[0, 17:] = 3, 9
    passage = with_context([Passage(0, 0, 9, TEXT[0])], before=8, after=3)
    ids = sample_base(runtime, passage, np.array([20]), [0], BammOptions(), *REST, known=known)
    assert ids[0, :8].tolist() == [3] * 8 and ids[0, 17:].tolist() == [9] * 3
    seen = [(p.first, p.end) for p in passage]
    assert seen == [(8 - OVERLAP, 17 + OVERLAP)]
    # The network sees the passage alone, with its own end.
    alone = known[:, 8 - OVERLAP : 17 + OVERLAP]
    moved = [Passage(0, 0, alone.shape[1], TEXT[0])]
    noise = sampling._noise([0], 1, np.array([20]), 20)[:, 8 - OVERLAP :]
    told = sampling.Told(1, *REST)
    rows = PassageRows(moved, np.array([alone.shape[1]]))
    expected, _ = sampling.sweep(runtime, rows, noise, 3.0, BammOptions(), told, given=alone)
    assert ids[0, 8 - OVERLAP : 17 + OVERLAP].tolist() == expected[0].tolist()


def test_what_is_known_costs_no_step():
    runtime, known = NetworkRuntime(), np.full((1, 20), FREE)
    known[0, :15] = 3
    sample_base(runtime, whole([20]), np.array([20]), [0], BammOptions(), *REST, known=known)
    assert (runtime.counted.count("bamm_prefill"), runtime.counted.count("bamm_step")) == (1, 4)
    runtime.counted.clear()
    sample_base(runtime, whole([20]), np.array([20]), [0], BammOptions(), *REST)
    # 19 steps of the first pass; of the second one every other.
    assert (runtime.counted.count("bamm_prefill"), runtime.counted.count("bamm_step")) == (2, 19 + 10)


def test_all_layers_follow_the_base():
    runtime, lengths = NetworkRuntime(), [9, 14]
    rest, options = (whole(lengths), np.array(lengths), SEEDS[:2]), BammOptions()
    base = sample_base(runtime, *rest, options, *REST)
    codes = sample_residual(runtime, ResidualShape(20, 3), base, *rest, options.residual, *REST)
    assert codes.shape == (2, 14, 3) and codes[..., 0].tolist() == base.tolist()
    assert (codes[0, 9:] == -1).all() and codes[..., 1:].max() < 20


def test_seeds_and_texts_differ():
    runtime, lengths = NetworkRuntime(), np.array([12])
    one, other = (sample_base(runtime, whole([12]), lengths, [s], BammOptions(), *REST) for s in (1, 2))
    assert one.tolist() != other.tolist()


def test_a_cancelled_run_stops_between_steps_and_progress_rises():
    runtime, seen = NetworkRuntime(), []
    known = np.full((2, 8), FREE)
    known[1, 0] = 3
    passages = whole([8, 8])
    tell = lambda stage, fraction: seen.append((stage, fraction))  # noqa: E731
    sample_base(runtime, passages, np.array([8, 8]), [0, 1], BammOptions(), Watcher(tell), known=known)
    fractions = [fraction for _, fraction in seen]
    assert {stage for stage, _ in seen} == {"bamm"} and len(seen) == 8 * 3
    assert fractions == sorted(fractions) and fractions[0] == 0 and 0.9 < fractions[-1] < 1
    runtime.counted.clear()
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        sample_base(runtime, whole([8]), np.array([8]), [0], BammOptions(), Watcher(cancelled=lambda: next(answers)))
    assert runtime.counted == ["bamm_prefill", "bamm_step", "bamm_step"]


def test_third_pass_decides_the_other_half():
    runtime, lengths = NetworkRuntime(), np.array([12])
    two, three = (
        sample_base(runtime, whole([12]), lengths, [3], replace(BammOptions(), passes=n), *REST)[0] for n in (2, 3)
    )
    assert two[::2].tolist() == three[::2].tolist() and two[1::2].tolist() != three[1::2].tolist()


def test_options_that_make_no_sense_are_one_sentence():
    with pytest.raises(MoclipError, match="no rule 'random'"):
        BammOptions(rule="random")
    with pytest.raises(MoclipError, match="0 passes"):
        BammOptions(passes=0)


def test_noise_streams_are_the_ones_written_down_here():
    drawn = sampling._noise([5], 2, np.array([49]), 20)[0]
    assert (drawn == noise_of(5, 2)).all()
    assert (RequestNoise([5], 11).gumbel(np.array([7]), 7, 21)[0] == drawn[:7]).all()
