# SPDX-License-Identifier: Apache-2.0
"""BAD's sampling: the official tables, and tokens equal to those of the plainest implementation."""

from dataclasses import replace

import numpy as np
import pytest

from moclip.errors import Cancelled, MoclipError
from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.sampling import (
    OFFICIAL,
    BadOptions,
    filtered,
    kept_slots,
    open_counts,
    sample,
    step_counts,
)
from moclip.generators.base.generator import Watcher

CONFIG = BadConfig(codes=12, text_dim=10, word_dim=14)
PLAIN = BadOptions(sampled=False)


class Known:
    """Answers from fixed random tables: logits of a slot depend on its id, on who it sees, and on the text."""

    def __init__(self, codes: int = 12, slots: int = 50):
        rng = np.random.default_rng(7)
        self.of_id = rng.standard_normal((codes + 2 + slots, codes)).astype(np.float32)
        self.of_slot = rng.standard_normal((slots, codes)).astype(np.float32)
        self.seen = []

    def answer(self, ids, mask, text, conditions=2):
        """(S,), (C + S, C + S), scalar -> (S, codes)."""
        slots = len(ids)
        mean = mask[conditions:, conditions:].astype(np.float32) @ self.of_id[ids] / 4
        return self.of_slot[:slots] * (1 + text) + self.of_id[ids] + mean

    def call(self, name, *, ids, mask, text, words):
        assert name == "bad" and mask.dtype == bool and len(ids) == len(mask) == len(text) == len(words)
        self.seen.append((ids.copy(), mask.copy()))
        return np.stack([self.answer(*row) for row in zip(ids, mask, text[:, 0], strict=True)])


def run(lengths, options, *, runtime=None, seeds=None, config=CONFIG, **given):
    seeds = list(range(5, 5 + len(lengths))) if seeds is None else seeds
    text = np.stack([np.full(config.text_dim, seed / 10, dtype=np.float32) for seed in seeds])
    words = np.zeros((len(lengths), 77, config.word_dim), dtype=np.float32)
    rest = options, Watcher()
    return sample(runtime or Known(), config, text, words, np.array(lengths), seeds, *rest, **given)


def tokens(result, lengths):
    assert all((row[length:] == -1).all() for row, length in zip(result, lengths, strict=True))
    return [row[:length].tolist() for row, length in zip(result, lengths, strict=True)]


TABLES = {
    49: (10, [49, 48, 46, 43, 39, 34, 28, 22, 15, 7]),
    30: (6, [30, 28, 25, 21, 14, 7, 1, 1, 1, 1]),
    12: (2, [12, 8, 1, 1, 1, 1, 1, 1, 1, 1]),
}


@pytest.mark.parametrize("length", TABLES)
def test_official_steps_and_open_tokens(length):
    steps, opened = TABLES[length]
    lengths = np.array([length])
    counts = step_counts(lengths, 10, 49)
    assert counts.tolist() == [steps]
    assert [int(open_counts(step, counts, lengths, "cosine")[0]) for step in range(10)] == opened


def test_schedules_fall_as_named():
    lengths, counts = np.array([48]), np.array([4], dtype=np.float32)
    assert [int(open_counts(k, counts, lengths, "linear")[0]) for k in range(5)] == [48, 36, 24, 12, 1]
    assert [int(open_counts(k, counts, lengths, "square")[0]) for k in range(5)] == [48, 45, 36, 21, 1]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "square"])
def test_open_tokens_are_torchs_in_float32(schedule):
    torch = pytest.importorskip("torch", reason="the official code counts with torch")
    fall = {"cosine": lambda t: torch.cos(t * np.pi / 2), "linear": lambda t: 1 - t, "square": lambda t: 1 - t**2}
    lengths = torch.arange(1, 50)
    for steps in (5, 10, 20, 49):
        shares = torch.round(steps / 49 * lengths)
        assert step_counts(lengths.numpy(), steps, 49).tolist() == shares.tolist()
        for step in range(steps):
            done = torch.clip(step / (shares + 1e-8), max=1)
            expected = torch.clip(torch.floor(fall[schedule](done) * lengths), min=1).long()
            assert open_counts(step, shares.numpy(), lengths.numpy(), schedule).tolist() == expected.tolist()


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("mode", ["oaas", "cbs"])
@pytest.mark.parametrize("lengths", [(49,), (30,), (12,), (5,), (2,), (1,), (49, 30, 12, 7, 2)])
def test_tokens_are_those_of_the_plainest_implementation(lengths, mode, released, drawn):
    pytest.importorskip("torch", reason="the reference computes with torch")
    import bad_reference

    runtime, seeds = Known(), list(range(5, 5 + len(lengths)))
    options = BadOptions(mode=mode, sampled=drawn, stop_as_released=released, open_last_token=released)

    def call(row, ids, mask):
        return runtime.answer(ids, mask, np.float32(seeds[row] / 10))

    expected = bad_reference.sample(call, 12, lengths, seeds, mode, drawn, released)
    assert tokens(run(lengths, options, runtime=runtime), lengths) == expected


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("mode", ["oaas", "cbs"])
def test_edited_motions_are_those_of_the_plainest_implementation(mode, released):
    pytest.importorskip("torch", reason="the reference computes with torch")
    import bad_reference

    lengths, seeds, runtime = (40, 21, 9), [5, 6, 7], Known()
    rng, known = np.random.default_rng(3), np.full((3, 40), -1)
    for row, (length, task) in enumerate(zip(lengths, ("inbetween", "prefix", "outpainting"), strict=True)):
        known[row, :length] = np.where(kept_slots(task, length), rng.integers(12, size=length), -1)
    options = BadOptions(mode=mode, sampled=False, stop_as_released=released, open_last_token=released)
    result = tokens(run(lengths, options, runtime=runtime, known=known), lengths)
    given = [row[:length].tolist() for row, length in zip(known, lengths, strict=True)]

    def call(row, ids, mask):
        return runtime.answer(ids, mask, np.float32(seeds[row] / 10))

    assert result == bad_reference.sample(call, 12, lengths, seeds, mode, False, released, given)
    for row, kept in zip(result, given, strict=True):
        assert all(code == token for code, token in zip(kept, row, strict=True) if code >= 0)
        assert min(row) >= 0 and max(row) < 12


def test_network_and_sampling_together_are_those_of_the_plainest_implementation():
    torch = pytest.importorskip("torch", reason="the network needs PyTorch")
    import bad_reference
    from test_bad_network import made

    network = made(replace(CONFIG, code_dim=8, width=32, heads=2, feed_forward=48, layers=1, head_layers=1))

    class Runtime:
        @torch.no_grad()
        def call(self, name, **inputs):
            return network(*(torch.from_numpy(inputs[key]) for key in ("ids", "mask", "text", "words"))).numpy()

    @torch.no_grad()
    def call(row, ids, mask):
        text, words = torch.full((10,), (5 + row) / 10), torch.zeros(77, 14)
        return bad_reference.logits_of(network.state_dict(), 2, ids, mask, text, words).numpy()

    for mode in ("oaas", "cbs"):
        result = run((30, 9), BadOptions(mode=mode, sampled=False), runtime=Runtime(), config=network.config)
        expected = bad_reference.sample(call, 12, (30, 9), [5, 6], mode, False, False)
        assert tokens(result, (30, 9)) == expected


@pytest.mark.parametrize("length, calls", [(49, 10), (30, 6), (12, 1), (8, 1), (13, 3)])
def test_official_calls_of_one_motion(length, calls):
    runtime = Known()
    run([length], OFFICIAL, runtime=runtime)
    assert len(runtime.seen) == calls


@pytest.mark.parametrize("lengths, calls", [((12,), 2), ((30,), 6), ((30, 12), 6), ((1,), 1)])
def test_each_motion_takes_its_own_steps(lengths, calls):
    runtime = Known()
    run(lengths, PLAIN, runtime=runtime)
    assert len(runtime.seen) == calls


def test_worked_example_of_a_start_as_released():
    config, runtime = BadConfig(codes=48, text_dim=4, word_dim=4), Known(48)
    order = np.array([[2, 0, 3, 1]])
    run([4], OFFICIAL, runtime=runtime, config=config, orders=order)
    ids, mask = runtime.seen[0]
    assert ids.tolist() == [[52, 50, 53, 51, 48]]
    rows = "11000110 11111110 11101110 11111110 11001110 11101110 11000110".split()
    assert mask[0].tolist() == [[cell == "1" for cell in row[:7]] for row in rows]
    run([4], PLAIN, runtime=runtime, config=config, orders=order)
    last = runtime.seen[-1][1][0, :, 5]
    assert last.tolist() == [False, True, False, True, False, True, False]


@pytest.mark.parametrize("mode", ["oaas", "cbs", "rs"])
def test_decided_slots_are_shown_to_all_and_keep_their_rows(mode):
    runtime = Known()
    run([30], replace(PLAIN, mode=mode), runtime=runtime)
    (start, first), *later = runtime.seen
    slots = start[0] >= 14
    for ids, mask in later:
        settled = ids[0, :30] < 12
        assert settled.any() and mask[0, :, 2:32][:, settled].all()
        assert np.array_equal(mask[0, :, 2:32][:, ~settled], first[0, :, 2:32][:, ~settled])
        assert np.array_equal(ids[0, :30][~settled], start[0, :30][~settled])
    assert slots[:30].all()


def test_order_is_followed_in_oaas():
    runtime = Known()
    order = np.random.default_rng(1).permutation(30)[None]
    run([30], replace(PLAIN, mode="oaas"), runtime=runtime, orders=order)
    for (ids, _), opened in zip(runtime.seen, TABLES[30][1], strict=False):
        assert set(order[0][ids[0, :30] < 12]) == set(range(30 - opened))


def test_left_to_right_needs_no_seed():
    options = replace(PLAIN, mode="oaas", order="left_to_right")
    runtime = Known()
    run([30], options, runtime=runtime)
    assert runtime.seen[0][0][0, :30].tolist() == list(range(14, 44))
    assert (runtime.seen[3][0][0, :9] < 12).all() and (runtime.seen[3][0][0, 9:30] >= 14).all()


def test_as_many_steps_as_tokens_are_one_at_a_time():
    runtime = Known()
    # Of 8, which float32 divides by without a rest.
    run([8], BadOptions(mode="oaas", steps=49, sampled=False), runtime=runtime)
    assert [int((ids[0, :8] < 12).sum()) for ids, _ in runtime.seen] == list(range(8))


@pytest.mark.parametrize("mode", ["oaas", "cbs", "rs"])
@pytest.mark.parametrize("sampled", [False, True])
def test_request_gives_the_same_tokens_alone_and_in_a_batch(mode, sampled):
    options = BadOptions(mode=mode, sampled=sampled)
    lengths, seeds = [9, 49, 13], [7, 8, 9]
    together = tokens(run(lengths, options, seeds=seeds), lengths)
    alone = [tokens(run([n], options, seeds=[seed]), [n])[0] for n, seed in zip(lengths, seeds, strict=True)]
    assert together == alone


def test_released_counting_depends_on_the_batch():
    lengths, seeds = [9, 49], [7, 8]
    options = replace(OFFICIAL, mode="oaas", sampled=False)
    alone, together = Known(), Known()
    run(lengths[:1], options, seeds=seeds[:1], runtime=alone)
    run(lengths, options, seeds=seeds, runtime=together)
    assert (len(alone.seen), len(together.seen)) == (1, 10)


def test_seeds_give_orders_and_tokens_of_their_own():
    one, two = Known(), Known()
    run([20], PLAIN, runtime=one, seeds=[1])
    run([20], PLAIN, runtime=two, seeds=[2])
    assert one.seen[0][0].tolist() != two.seen[0][0].tolist()
    drawn = BadOptions()
    assert run([20], drawn, seeds=[1]).tolist() == run([20], drawn, seeds=[1]).tolist()
    assert run([20], drawn, seeds=[1]).tolist() != run([20], drawn, seeds=[2]).tolist()


def test_all_known_asks_nothing():
    runtime, known = Known(), np.arange(8)[None]
    assert run([8], PLAIN, runtime=runtime, known=known).tolist() == known.tolist()
    assert runtime.seen == []


@pytest.mark.parametrize(
    "task, kept",
    [
        ("inbetween", [0, 1, 8, 9]),
        ("outpainting", [2, 3, 4, 5, 6, 7]),
        ("prefix", [0, 1, 2, 3, 4]),
        ("suffix", [5, 6, 7, 8, 9]),
    ],
)
def test_tasks_keep_quarters_and_halves(task, kept):
    assert np.flatnonzero(kept_slots(task, 10)).tolist() == kept


def test_guidance_extrapolates_from_no_text():
    class Linear(Known):
        def call(self, name, *, ids, mask, text, words):
            assert not words[len(ids) // 2 :].any() and not text[len(ids) // 2 :].any()
            wanted = np.eye(12, dtype=np.float32)
            return np.where(text[:, :1, None] != 0, wanted[3] + 2 * wanted[4], 1.5 * wanted[4] + wanted[5])[
                :, :1
            ].repeat(ids.shape[1], axis=1)

    # Codes 3, 4, 5 have 1, 2, 0 with the text and 0, 1.5, 1 without: far enough along, 3 overtakes 4.
    near, far = replace(PLAIN, guidance=1.5), replace(PLAIN, guidance=5.0)
    assert set(run([6], near, runtime=Linear())[0]) == {4}
    assert set(run([6], far, runtime=Linear())[0]) == {3}


def test_filter_keeps_the_likeliest():
    logits = np.log(np.array([[0.5, 0.2, 0.2, 0.1]], dtype=np.float32) / np.float32(1))
    assert np.isfinite(filtered(logits, 1, 0.0)).tolist() == [[True, False, False, False]]
    # The first that passes the share is kept too.
    assert np.isfinite(filtered(logits, 0, 0.6)).tolist() == [[True, True, False, False]]
    assert np.isfinite(filtered(logits, 0, 0.0)).all()


def test_filter_and_temperature_serve_the_mode_that_they_are_for():
    likeliest = tokens(run([20], replace(PLAIN, mode="oaas")), [20])
    assert tokens(run([20], BadOptions(mode="oaas", top_k=1)), [20]) == likeliest
    assert tokens(run([20], BadOptions(mode="oaas", temperature=1e-6)), [20]) != likeliest
    surest = tokens(run([20], PLAIN), [20])
    assert tokens(run([20], BadOptions(temperature=1e-6)), [20]) == surest
    assert tokens(run([20], BadOptions(top_k=1)), [20]) != surest


def test_cancel_stops_between_steps():
    runtime, told = Known(), []

    def cancelled():
        return len(runtime.seen) == 3

    text, words = np.zeros((1, 10), np.float32), np.zeros((1, 77, 14), np.float32)
    with pytest.raises(Cancelled):
        options = PLAIN, Watcher(lambda *news: told.append(news), cancelled)
        sample(runtime, CONFIG, text, words, np.array([49]), [0], *options)
    assert told == [("bad", 0.0), ("bad", 0.1), ("bad", 0.2)]


@pytest.mark.parametrize("length", [0, 50])
def test_lengths_without_slots_are_refused(length):
    with pytest.raises(ValueError, match="1 to 49"):
        run([length], PLAIN)


def test_unknown_mode_is_refused_in_one_sentence():
    with pytest.raises(MoclipError, match="Use oaas, cbs or rs"):
        BadOptions(mode="fast")
