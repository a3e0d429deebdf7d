# SPDX-License-Identifier: Apache-2.0
"""Tasks of workers that die, with a cluster that is made up: who does what, and how often."""

from types import SimpleNamespace

import pytest
from serve_slow_engine import SlowEngine

import moclip
from moclip.errors import MoclipError
from moclip_backend.batch.items import Item
from moclip_backend.batch.ledger import open_ledger
from moclip_backend.batch.run import AT_ONCE, Here, generate_batch
from moclip_backend.farm.cluster import Share
from moclip_backend.farm.motions import Farm, MotionWork
from moclip_backend.farm.pool import TRIES, Pool


class RayError(Exception):
    pass


class RayTaskError(RayError):
    pass


class Died(RayError):
    pass


class MadeUp:
    """As much of `ray` as a pool uses. A call is worked off when it is waited for, the oldest first."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self):
        self.started, self.killed, self.open = [], [], []

    def remote(self, **options):
        self.options = options

        def decorate(kind):
            def start(make):
                worker = kind(make)
                actor = SimpleNamespace(load=self._method(worker.load), do=self._method(worker.do))
                self.started.append(actor)
                return actor

            return SimpleNamespace(remote=start)

        return decorate

    def _method(self, function):
        def call(*arguments):
            reference = object()
            self.open.append((reference, function, arguments))
            return reference

        return SimpleNamespace(remote=call)

    def wait(self, references, num_returns):
        assert num_returns == 1 and references
        return [next(reference for reference, _, _ in self.open if reference in references)], []

    def get(self, reference):
        place = next(k for k, (known, _, _) in enumerate(self.open) if known is reference)
        _, function, arguments = self.open.pop(place)
        return function(*arguments)

    def kill(self, actor):
        self.killed.append(actor)


class Work:
    """Doubles numbers. deaths: how often the worker dies of each."""

    def __init__(self, deaths: dict[int, int] | None = None):
        self.deaths, self.asked = deaths or {}, []

    def about(self):
        return "doubling"

    def __call__(self, task):
        self.asked.append(task)
        if self.deaths.get(task, 0):
            self.deaths[task] -= 1
            raise Died
        if task < 0:
            raise RayTaskError("a fault")
        return 2 * task


def pool(ray, work, count=2):
    return Pool(ray, Share(count, 1.0, 0.0), lambda: work)


def test_every_task_is_done_once_and_says_which_it_was():
    ray, work = MadeUp(), Work()
    made = pool(ray, work)
    assert made.about == ["doubling"] * 2 and ray.options["num_cpus"] == 1.0
    assert dict(made.run([5, 6, 7])) == {0: 10, 1: 12, 2: 14} and sorted(work.asked) == [5, 6, 7]


def test_what_a_worker_that_died_was_at_is_done_by_another():
    ray, work = MadeUp(), Work({6: 1})
    assert dict(pool(ray, work).run([5, 6, 7, 8])) == {0: 10, 1: 12, 2: 14, 3: 16}
    assert sorted(work.asked) == [5, 6, 6, 7, 8]
    assert len(ray.started) == 3 and len(ray.killed) == 1


def test_a_task_that_kills_whoever_does_it_is_given_up_and_the_rest_is_done():
    ray, work = MadeUp(), Work({6: 99})
    assert dict(pool(ray, work).run([5, 6, 7])) == {0: 10, 1: None, 2: 14}
    assert work.asked.count(6) == TRIES


def test_all_workers_may_die():
    ray, work = MadeUp(), Work({5: 1, 6: 1, 7: 2})
    assert dict(pool(ray, work).run([5, 6, 7])) == {0: 10, 1: 12, 2: 14}


def test_a_fault_of_ours_is_not_tried_again():
    ray, work = MadeUp(), Work()
    with pytest.raises(RayTaskError):
        dict(pool(ray, work).run([-1]))
    assert work.asked == [-1]


def test_what_keeps_a_worker_from_loading_is_told():
    def refuse():
        raise MoclipError("There is no model 'x'.")

    with pytest.raises(MoclipError, match="no model 'x'"):
        Pool(MadeUp(), Share(1, 1.0, 0.0), refuse)


def test_workers_that_die_while_they_load_are_tried_and_then_told():
    begun = []

    def die():
        begun.append(1)
        raise Died("a long story\nImportError: no moclip")

    with pytest.raises(MoclipError, match="end while they start: ImportError: no moclip"):
        Pool(MadeUp(), Share(1, 1.0, 0.0), die)
    assert len(begun) == TRIES


def test_another_version_is_refused(monkeypatch):
    from moclip_backend.farm import pool as module

    ray = MadeUp()
    load = module._Worker.load
    monkeypatch.setattr(module._Worker, "load", lambda self: ("0.0.1", load(self)[1]))
    with pytest.raises(MoclipError, match=f"has moclip 0.0.1, and this is {moclip.__version__}"):
        pool(ray, Work())


class Mortal(SlowEngine):
    """Dies of prompts, each as often as `deaths` says. asked: the prompts that it was given."""

    def __init__(self, deaths: dict[str, int] | None = None):
        super().__init__(0.0)
        self.deaths, self.asked = deaths or {}, []

    def generate(self, requests, *, progress=None, cancelled=None):
        texts = [request.text for request in requests]
        self.asked += texts
        for text in texts:
            if self.deaths.get(text, 0):
                self.deaths[text] -= 1
                raise Died
        return super().generate(requests, progress=lambda *_: None, cancelled=lambda: False)


def make(folder, workers, count=3 * AT_ONCE + 2):
    """A batch by whoever works at it: what became of each prompt, and whether its ledger stays."""
    folder.mkdir(exist_ok=True)
    items = [Item(k, f"m{k}", folder / f"m{k}.npz", f"walk {k}", 1.0, k) for k in range(count)]
    with open_ledger(folder, [item.path for item in items]) as kept:
        outcomes = list(generate_batch(workers, items, lambda *_: None, kept.ledger))
        kept.keep = any(isinstance(outcome, MoclipError) for outcome in outcomes)
    return outcomes


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("m*.npz")}


def test_a_batch_on_a_cluster_gives_the_files_of_one_here_and_each_goes_on_with_the_others(tmp_path):
    here = make(tmp_path / "here", Here(Mortal()))
    mortal = Mortal({"walk 3": 1, "walk 25": 2, "walk 9": 99})
    farm = Farm(Pool(MadeUp(), Share(2, 1.0, 0.0), lambda: MotionWork(lambda: mortal)))
    outcomes = make(tmp_path / "farm", farm)
    lost = [outcome for outcome in outcomes if isinstance(outcome, MoclipError)]
    assert [outcome.message.partition(":")[0] for outcome in lost] == [f"line {k}" for k in range(8, 16)]
    assert [outcome["name"] for outcome in outcomes if not isinstance(outcome, MoclipError)] == [
        outcome["name"] for k, outcome in enumerate(here) if not 8 <= k < 16
    ]
    assert mortal.asked.count("walk 3") == 2 and mortal.asked.count("walk 25") == 3
    assert mortal.asked.count("walk 9") == TRIES and mortal.asked.count("walk 17") == 1
    # The same ledger: what is left is done here.
    healthy = Mortal()
    assert not [outcome for outcome in make(tmp_path / "farm", Here(healthy)) if isinstance(outcome, MoclipError)]
    assert healthy.asked == [f"walk {k}" for k in range(8, 16)]
    assert files(tmp_path / "farm") == files(tmp_path / "here") and len(here) == len(files(tmp_path / "here"))


def test_a_cluster_goes_on_with_what_was_begun_here(tmp_path):
    begun = Mortal({"walk 17": 1})
    with pytest.raises(Died):
        make(tmp_path / "farm", Here(begun))
    mortal = Mortal()
    make(tmp_path / "farm", Farm(Pool(MadeUp(), Share(2, 1.0, 0.0), lambda: MotionWork(lambda: mortal))))
    assert sorted(mortal.asked) == sorted(f"walk {k}" for k in range(16, 26))
