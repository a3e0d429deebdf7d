# SPDX-License-Identifier: Apache-2.0
"""Requests are read once, and planned anew for each later take."""

from types import SimpleNamespace

import numpy as np
import pytest

from moclip.generate.options import PlanOptions
from moclip.generate.planning import Planner
from moclip.generate.reading import TextReader
from moclip.generators.base.generator import Watcher
from moclip.prompts.requests import Line, Request, check_request

FPS, STRIDE, CLASSES = 20.0, 4, 50
SHORTEST, LONGEST = 5, 49


class Networks:
    """A length network that finds all lengths equally probable, or only the longest one."""

    def __init__(self, endless: bool = False):
        self.endless, self.called = endless, []

    def call(self, name, **arrays):
        self.called.append(name)
        if name == "text":
            return np.ones((len(arrays["tokens"]), 3), dtype=np.float32)
        logits = np.zeros((len(arrays["text"]), CLASSES), dtype=np.float32)
        logits[:, -1] += 20.0 * self.endless
        return logits


def planner(networks: Networks) -> Planner:
    codec = SimpleNamespace(stride=STRIDE, layers=1, local_rotations=True)
    generator = SimpleNamespace(codec=codec, TELLS_LENGTHS=False)
    return Planner(generator, networks, TextReader(networks), None, PlanOptions(window=30), FPS, estimates=True)


def read_and_planned(networks: Networks, *requests: Request):
    own = planner(networks)
    read = own.read([check_request(request, FPS) for request in requests])
    return own, read, own.plans(read, [request.seed for request in requests], Watcher())


def tokens(plans) -> list[int]:
    return [len(plan.known) for plan in plans]


def test_texts_are_read_once_for_all_takes():
    networks = Networks()
    own, read, plans = read_and_planned(networks, Request("a man walks"), Request("he walks, then jumps", seed=3))
    assert networks.called == ["text", "text", "length"]  # whole prompts, clauses, lengths
    again = own.again(read, plans)
    assert [again(k, number, 7) for k in (0, 1) for number in range(4)] and len(networks.called) == 3


def test_every_other_later_take_is_longer_where_nobody_says_how_long():
    own, read, plans = read_and_planned(Networks(), Request("a man walks"))
    again = own.again(read, plans)
    longer = tokens(again(0, 0, seed) for seed in range(40))
    middle = tokens(again(0, 1, seed) for seed in range(40))
    spread = LONGEST - SHORTEST + 1
    assert min(longer) >= SHORTEST + 0.5 * spread - 1 and max(longer) > SHORTEST + 0.8 * spread
    assert SHORTEST + 0.25 * spread - 1 <= min(middle) and max(middle) <= SHORTEST + 0.75 * spread
    assert tokens(plans) == tokens([again(0, 1, 0)])  # the first take's lengths are those of the middle, by its seed


def test_what_is_counted_is_drawn_shorter_too():
    own, read, plans = read_and_planned(Networks(), Request("a man jumps twice"))
    again = own.again(read, plans)
    longer, shorter, middle = ([tokens([again(0, number, seed)]) for seed in range(40)] for number in range(3))
    assert np.mean(shorter) < np.mean(middle) < np.mean(longer) and max(shorter) < min(longer)


@pytest.mark.parametrize(
    "request_", [Request("a man walks", seconds=3.0), Request("two", script=(Line("walks", 2.0), Line("jumps", 2.0)))]
)
def test_a_length_that_is_given_stays(request_):
    own, read, plans = read_and_planned(Networks(), request_)
    assert all(own.again(read, plans)(0, number, 9) is plans[0] for number in range(4))


def test_lengths_of_what_is_laid_over_one_another_stay():
    own, read, plans = read_and_planned(Networks(), Request("a man walks"), Request("a man waves"))
    again = own.again(read, plans, layered={1})
    assert again(1, 0, 9) is plans[1] and again(0, 0, 9) is not plans[0]


def test_what_has_no_end_of_its_own_is_not_drawn_longer():
    own, read, plans = read_and_planned(Networks(endless=True), Request("a man dances"))
    assert plans[0].ongoing
    again = own.again(read, plans)
    assert again(0, 0, 9).frames == again(0, 1, 9).frames == plans[0].frames
