# SPDX-License-Identifier: Apache-2.0
"""Whether a motion shows what was asked for, and what becomes of one that does not."""

import shutil
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_kinematics import hand_up, jumping, moved, standing, travel
from test_rules import treading

from moclip.captions.action_phrases import ACTIONS
from moclip.errors import MoclipError
from moclip.generate.casting import Casting
from moclip.generate.familiarity import FAR, KnownActions
from moclip.generate.options import PlanOptions
from moclip.generate.plan import Plan
from moclip.generate.retakes import Verdict, Verifier, is_unseen, load_verifier
from moclip.generate.ruled import Rules
from moclip.generate.takes import later_takes
from moclip.generators.base.generator import Cancelled, Watcher
from moclip.generators.base.passages import Asks, Passage
from moclip.models import find_model, list_models, verify_model
from moclip.nn.checkpoint import save_weights
from moclip.prompts.amounts import Amounts
from moclip.recognition.config import ActionClass, RecogniserConfig, class_of
from moclip.recognition.kin import KIN
from moclip.recognition.reader import Agreement, Reader
from moclip.recognition.text_classifier import TextClassifier

WALK, LEFT, RIGHT, BOTH, ANY = (
    ActionClass("walk"), *(ActionClass("wave", side) for side in ("left", "right", "both", "")),
)  # fmt: skip


def reader_of(shares: dict[ActionClass, float]) -> SimpleNamespace:
    values = np.array(list(shares.values()), np.float32)
    return SimpleNamespace(classes=tuple(shares), probabilities=lambda features: values)


def test_a_wave_is_one_with_any_hand_but_a_left_one_is_no_right_one():
    assert ANY.shown_by(LEFT) and LEFT.shown_by(ANY) and LEFT.shown_by(LEFT)
    assert not LEFT.shown_by(RIGHT) and not BOTH.shown_by(LEFT) and not WALK.shown_by(ANY)
    assert ActionClass("run").shown_by(ActionClass("sprint")) and WALK.shown_by(ActionClass("formal_walk"))
    assert not ActionClass("salsa").shown_by(ActionClass("dance"))
    kick = ActionClass("kick", "left")
    assert kick.shown_by(ActionClass("front_kick", "left")) and not kick.shown_by(ActionClass("front_kick", "right"))
    assert set(ACTIONS).issuperset(KIN) and all(set(ACTIONS).issuperset(kin) for kin in KIN.values())
    assert class_of({"actions": [{"action": "wave", "side": "left"}]}) == LEFT
    assert class_of({"actions": [{"action": "walk", "side": None}]}) == WALK
    assert class_of({"actions": []}) is None and class_of({"actions": [{"action": "walk"}] * 2}) is None


def test_agreement_is_how_probably_the_two_mean_the_same():
    reader = reader_of({WALK: 0.1, LEFT: 0.6, RIGHT: 0.3})
    agreement, nothing = Agreement(reader, (WALK, LEFT, ANY, ActionClass("swim"))), np.zeros((8, 3))
    assert agreement.of(np.array([0, 0, 1.0, 0]), nothing) == pytest.approx(0.9)
    assert agreement.of(np.array([0, 1.0, 0, 0]), nothing) == pytest.approx(0.6)
    assert agreement.of(np.array([0.5, 0.25, 0, 0.25]), nothing) == pytest.approx((0.05 + 0.15) / 0.75)
    # "waving hello" leaves open by which hand.
    both = Agreement(reader, (WALK, LEFT, RIGHT))
    assert both.of(np.array([0, 0.36, 0.64]), nothing) == pytest.approx(0.9)
    assert both.of(np.array([0, 0.98, 0.02]), nothing) == pytest.approx(0.98 * 0.6 + 0.02 * 0.9)
    # Of a text that may ask for one of many, no motion shows more than that one.
    assert agreement.most(np.array([0.5, 0.25, 0, 0.25])) == pytest.approx(0.5 / 0.75)
    assert agreement.most(np.array([0, 0, 0, 1.0])) == 1.0
    # Nobody has seen a motion of it, so nobody can tell.
    assert agreement.of(np.array([0, 0, 0, 1.0]), nothing) == 1.0


def test_numpy_computes_what_torch_does_whatever_the_padding():
    torch = pytest.importorskip("torch", reason="the network is torch's")
    from moclip.recognition.network import Recogniser

    torch.manual_seed(0)
    config = RecogniserConfig(12, 16, 3, 0.3, ("walk", "wave", "wave"), ("", "left", "right"))
    network = Recogniser(config).eval()
    network.mean.normal_()
    network.std.uniform_(0.5, 2.0)
    reader = Reader({name: tensor.numpy() for name, tensor in network.state_dict().items()}, config)
    rng = np.random.default_rng(0)
    for frames in (1, 2, 9, 40, 73):
        motion = rng.standard_normal((frames, 12)).astype(np.float32)
        features, valid = torch.zeros(2, 80, 12), torch.zeros(2, 80, dtype=torch.bool)
        features[0, :frames], valid[0, :frames], valid[1, :4] = torch.from_numpy(motion), True, True
        with torch.no_grad():
            expected = network(features, valid).softmax(1)[0].numpy()
        assert np.abs(reader.probabilities(motion) - expected).max() < 1e-5
    assert reader.classes == (WALK, LEFT, RIGHT)


class Decoder:
    stride, layers, features = 4, 1, 1

    def decode(self, codes):
        return np.repeat(codes[..., :1], 4, axis=1).astype(np.float32)


@dataclass
class Sums:
    """A generator whose codes are all its seed's number of the take; counts how many rows it sampled."""

    rows: list[int]
    codec = Decoder()

    def sample(self, draft, watcher):
        watcher.step("masked", 0.0)
        self.rows.append(len(draft.seeds))
        codes = np.full((len(draft.lengths), int(draft.lengths.max()), 1), -1)
        for row, (seed, length) in enumerate(zip(draft.seeds, draft.lengths, strict=True)):
            codes[row, :length] = seed >> 63
            assert {p.request for p in draft.passages} == set(range(len(draft.seeds)))
        return codes


def plan(row: int, tokens: int = 6) -> Plan:
    passages = [asking(KNOWN, row, 0, tokens, np.array([1.0, 0.0]))]
    return Plan(4 * tokens, passages, np.full((tokens, 1), -1), 0, tokens, False, ())


def asked(seed: int, anchors=(), context: bool = False) -> SimpleNamespace:
    return SimpleNamespace(seed=seed, request=SimpleNamespace(anchors=anchors, has_context=context))


SALSA, NOD = ActionClass("salsa"), ActionClass("nod")
"""Told by eye: no rule says more than the network does."""
KNOWN = KnownActions((SALSA, NOD), TextClassifier(np.array([[9.0, 0], [0, 9.0], [0, 0]]), np.zeros(3)), 0.5)


def asking(actions: KnownActions, row: int, first: int, end: int, text: np.ndarray) -> Passage:
    """A passage whose text asks for what its vector says."""
    return Passage(row, first, end, text, asks=Asks(actions.read([""], text[None])[0]))


def stands(features: np.ndarray, plan: Plan | None = None) -> np.ndarray:
    """The joints of a body that stands, whatever the features are."""
    return standing(len(features))


def verifier_by(agreement_of_take: list[float]) -> Verifier:
    """The agreement of the k-th take, which its codes tell."""

    def probabilities(features):
        share = agreement_of_take[int(features[0, 0])]
        return np.array([share, 1 - share])

    reader = SimpleNamespace(classes=(SALSA, NOD), probabilities=probabilities)
    return Verifier(reader, KNOWN, Decoder(), stands)


@pytest.mark.parametrize(
    ("agreements", "kept", "sampled"),
    [
        ([0.95, 0.0, 0.0, 0.0, 0.0], 0, [2]),
        ([0.4, 0.2, 0.1, 0.15, 0.99], 0, [2, 6]),
        ([0.1, 0.2, 0.1, 0.15, 0.99], 4, [2, 6, 2]),
        ([0.1, 0.95, 0.99, 0.2, 0.0], 2, [2, 6]),
        ([0.1, 0.2, 0.15, 0.1, 0.14], 1, [2, 6, 2]),
    ],
)
def test_a_take_that_shows_something_else_is_sampled_again(agreements, kept, sampled):
    generator = Sums([])
    casting = Casting(generator, PlanOptions(retakes=4), 20.0, None, verifier_by(agreements))
    first, second = casting.cast([asked(3), asked(4)], [plan(0), plan(1, 4)], Watcher())
    assert (first.codes == kept).all() and (second.codes == kept).all() and len(second.codes) == 4
    assert generator.rows == sampled and first.verdict.score == pytest.approx(agreements[kept], abs=1e-3)
    warned = casting.unseen(first.verdict, ())
    assert bool(warned) == (agreements[kept] < 0.3) and all(is_unseen(warning) for warning in warned)


@pytest.mark.parametrize(("best", "sampled"), [(0.25, [2, 6, 2]), (0.35, [2, 6])])
def test_less_is_expected_of_later_takes_but_that_they_show_what_was_asked_for(best, sampled):
    generator = Sums([])
    options = PlanOptions(retakes=4, agreement=0.5)  # 0.22 after the first three later ones
    casting = Casting(generator, options, 20.0, None, verifier_by([0.1, best, 0.1, 0.1, 0.1]))
    first, _ = casting.cast([asked(3), asked(4)], [plan(0), plan(1, 4)], Watcher())
    assert generator.rows == sampled and (first.codes == 1).all()


def test_a_later_take_may_be_of_another_length():
    seeds = []

    def again(k, number, seed):
        seeds.append((k, number, seed))
        return plan(0, 6 + len(seeds))

    casting = Casting(Sums([]), PlanOptions(retakes=3), 20.0, None, verifier_by([0.1, 0.2, 0.9, 0.3]))
    kept, again_taken = casting.cast([asked(3, anchors=("a pose",)), asked(4)], [plan(0), plan(1, 4)], Watcher(), again)
    assert seeds == [(1, number, later_takes(4, 1, number)) for number in range(3)]
    assert len(kept.codes) == 6 and (again_taken.codes == 2).all()
    assert len(again_taken.codes) == len(again_taken.plan.known) == 8


def test_a_motion_is_sampled_by_the_moved_text_and_judged_by_what_was_said():
    sampled = []

    class Texts(Sums):
        def sample(self, draft, watcher):
            sampled.extend(passage.text for passage in draft.passages)
            return super().sample(draft, watcher)

    known = replace(KNOWN, prototypes=np.array([[3.0, 1.0], [0.0, 1.0]]))
    own = plan(0)
    verifier = verifier_by([0.95])
    casting = Casting(Texts([]), PlanOptions(prototype_share=0.5), 20.0, None, verifier, known)
    (take,) = casting.cast([asked(3)], [own], Watcher())
    (text,) = sampled
    assert text == pytest.approx([2.0, 0.5], abs=0.01) and own.passages[0].text == pytest.approx([1.0, 0.0])
    assert take.verdict == verifier.verdicts(np.full((1, 6, 1), 0), [own])[0]


def test_later_takes_follow_the_prototypes_alone_and_the_text_as_it_is():
    sampled = []

    class Texts(Sums):
        def sample(self, draft, watcher):
            sampled.append([passage.text.tolist() for passage in draft.passages])
            return super().sample(draft, watcher)

    known = replace(KNOWN, prototypes=np.array([[3.0, 1.0], [0.0, 1.0]]))
    options = PlanOptions(prototype_share=0.5, retakes=7)
    Casting(Texts([]), options, 20.0, None, verifier_by([0.0] * 8), known).cast([asked(3)], [plan(0)], Watcher())
    (moved,), later, alone, plain = sampled
    assert moved == pytest.approx([2.0, 0.5], abs=0.01) and later == [moved] * 3
    assert np.allclose(alone, [[3.0, 1.0]] * 3, atol=0.01) and plain == [[1.0, 0.0]]


def test_between_motions_that_stay_half_as_many_takes_are_made():
    generator = Sums([])
    casting = Casting(generator, PlanOptions(retakes=6), 20.0, None, verifier_by([0.0] * 8))
    casting.cast([asked(3, context=True), asked(4)], [plan(0), plan(1)], Watcher())
    assert generator.rows == [2, 6, 3]


def test_takes_are_those_of_the_seed_and_poses_and_warnings_come_first():
    assert later_takes(5, 1, 0) == 5 + (1 << 63) and later_takes(5, 4, 1) == 5 + 5 * (1 << 63)
    generator = Sums([])
    casting = Casting(generator, PlanOptions(retakes=2), 20.0, None, verifier_by([0.0, 1.0]))
    (take,) = casting.cast([asked(3, anchors=("a pose",))], [plan(0)], Watcher())
    assert (take.codes == 0).all() and generator.rows == [1]
    (warning,) = casting.unseen(take.verdict, ())
    assert warning == "The motion may not show this: salsa. Try again, or say it in other words."
    assert casting.unseen(take.verdict, (FAR,)) == () and casting.unseen(None, ()) == ()


def test_a_job_is_cancelled_between_takes():
    asked_so_far = []

    def cancelled() -> bool:
        asked_so_far.append(1)
        return len(asked_so_far) > 1

    casting = Casting(Sums([]), PlanOptions(retakes=2), 20.0, None, verifier_by([0.0, 1.0]))
    with pytest.raises(Cancelled):
        casting.cast([asked(3)], [plan(0)], Watcher(cancelled=cancelled))


def test_the_clause_that_is_shown_least_is_told_and_one_of_the_unknown_is_not():
    verifier = Verifier(reader_of({SALSA: 0.8, NOD: 0.1}), KNOWN, Decoder(), stands)
    dances, nods, swims = (np.array(text) for text in ([1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]))
    both = replace(plan(0, 8), passages=[asking(KNOWN, 0, 0, 4, dances), asking(KNOWN, 0, 3, 8, nods)])
    (verdict,) = verifier.verdicts(np.zeros((1, 8, 1), int), [both])
    assert verdict.unseen == "nod" and 0.1 < verdict.score < 0.8 and "nod" in verdict.warnings[0]
    strange = replace(plan(0, 8), passages=[asking(KNOWN, 0, 0, 8, swims)])
    assert verifier.verdicts(np.zeros((1, 8, 1), int), [strange]) == [Verdict(1.0)]


def test_a_verdict_is_the_same_alone_and_in_a_batch():
    seen = []

    def decode(codes):
        seen.append(codes.shape)
        return np.repeat(codes[..., :1], 4, axis=1).astype(np.float32)

    codec = SimpleNamespace(stride=4, layers=1, features=1, decode=decode)
    verifier = Verifier(reader_of({SALSA: 0.8, NOD: 0.1}), KNOWN, codec, stands)
    verifier.verdicts(np.zeros((2, 8, 1), int), [plan(0, 8), plan(1, 3)])
    assert seen == [(1, 8, 1), (1, 3, 1)]  # nothing is decoded behind its end


MOVES = (WALK, LEFT, RIGHT, SALSA)


def walks_then_waves() -> np.ndarray:
    """Two seconds of a walk, two of a wave with the left hand on the spot where it ended."""
    walk, wave = travel(1.2)[:40], hand_up("left", True)[:40]
    return np.concatenate([walk, wave + (walk[-1, 0] - wave[0, 0]) * (1, 0, 1)])


def test_rules_tell_how_much_of_what_is_asked_for_is_to_be_seen():
    rules, joints = Rules(MOVES), walks_then_waves()
    first, second, whole = (0, 40), (40, 80), (0, 80)
    walks, left, right, either, dances = np.array(
        [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1.0]]
    )
    assert rules.held(walks, joints, first, whole) == 1.0 and rules.held(walks, joints, second, second) == 0.0
    assert rules.held(left, joints, second, whole) == 1.0 and rules.held(right, joints, second, whole) == 0.0
    assert rules.held(either, joints, second, whole) == 1.0  # "waves hello": with any hand
    stepping = rules.held(left, joints, (20, 80), (20, 80))
    assert stepping == 0.5  # the last steps fall into the wave: seen, though not as it should be
    assert rules.held(0.75 * walks + 0.25 * left, joints, first, whole) == pytest.approx(0.75)
    assert rules.held(dances, joints, first, whole) is None and rules.held(0.2 * walks, joints, first, whole) is None


@pytest.mark.parametrize(("lifted", "held"), [(0.4, 0.0), (0.55, 0.6), (0.8, 1.0)])
def test_what_is_easily_overlooked_is_not_enough(lifted, held):
    wave = hand_up("left", True, lifted=lifted)
    assert Rules(MOVES).held(np.array([0, 1.0, 0, 0]), wave, (0, 80), (0, 80)) == held


def test_what_is_done_too_often_or_turned_too_far_is_not_enough():
    jump, boxing, turn, punch = (ActionClass(name) for name in ("jump", "boxing", "turn_on_the_spot", "punch"))
    rules = Rules((jump, boxing, turn, punch))
    joints, asks_jump = np.concatenate([jumping(0.4)] * 2), np.array([1.0, 0, 0, 0])

    def held(shares, joints, *amounts):
        return rules.held(shares, joints, (0, len(joints)), (0, len(joints)), Amounts(*amounts))

    assert held(asks_jump, joints, 2) == held(asks_jump, joints) == 1.0
    assert held(asks_jump, joints, 3) == pytest.approx(0.6 * (1 - 1 / 3))
    assert held(asks_jump, joints, 1) == 0.0 and held(asks_jump, joints, None, 90.0) == 1.0  # a jump has no degrees
    assert held(asks_jump, standing(80), 2) == 0.0
    quarter = moved(treading(), np.linspace(0, 90, 80), np.zeros((80, 2)))
    asks_turn = np.array([0, 0, 1.0, 0])
    assert held(asks_turn, quarter, None, 90.0) == 1.0
    assert held(asks_turn, quarter, None, 180.0) == pytest.approx(0.3, abs=0.02)
    # "Punches twice" may be heard as boxing, which nobody counts: the punches are.
    both = np.array([0, 0.6, 0, 0.4])
    assert held(both, standing(80), 2) == 0.0


def test_what_a_clause_asks_for_may_reach_over_its_end_but_not_out_of_what_is_new():
    rules, joints, left = Rules(MOVES), walks_then_waves(), np.array([0, 1.0, 0, 0])
    assert rules.held(left, joints, (64, 80), (0, 80)) == 1.0  # it began before
    assert rules.held(left, joints, (64, 80), (64, 80)) == 0.0


def moving(place: int, first: int, end: int) -> Passage:
    """A passage that asks for one of MOVES, or for none behind the last."""
    shares = np.eye(len(MOVES) + 1)[place]
    return Passage(0, first, end, shares, asks=Asks(shares))


def moves(reader=None, pose=lambda features, plan: walks_then_waves()[: len(features)]) -> Verifier:
    classifier = TextClassifier(np.zeros((len(MOVES) + 1, 2)), np.zeros(len(MOVES) + 1))
    return Verifier(reader, KnownActions(MOVES, classifier, 0.5), Decoder(), pose)


def test_a_model_without_a_recogniser_has_its_takes_told_by_rules_alone():
    own = plan(0, 20)
    passages = [moving(0, 0, 10), moving(1, 10, 20)]
    (right,) = moves().verdicts(np.zeros((1, 20, 1), int), [replace(own, passages=passages)])
    assert right.score > 0.9 and right.warnings == ()
    (wrong,) = moves().verdicts(np.zeros((1, 20, 1), int), [replace(own, passages=[passages[0], moving(2, 10, 20)])])
    assert wrong.score < 0.5 and "wave" in wrong.warnings[0]
    (unknown,) = moves().verdicts(np.zeros((1, 20, 1), int), [replace(own, passages=[moving(3, 0, 20)])])
    assert unknown == Verdict(1.0)


def test_passages_of_one_text_are_one_motion():
    own = replace(plan(0, 20), passages=[moving(1, 0, 12), moving(1, 8, 20)])
    (verdict,) = moves().verdicts(np.zeros((1, 20, 1), int), [own])
    assert verdict.score == pytest.approx(0.5, abs=0.01)  # the whole of it, half of which is a walk
    waves = moves(pose=lambda features, plan: hand_up("left", True)[: len(features)])
    assert waves.verdicts(np.zeros((1, 20, 1), int), [own])[0].score == pytest.approx(1.0, abs=0.01)


def test_a_rule_that_holds_is_believed_and_one_that_does_not_outweighs_the_network():
    own = replace(plan(0, 20), passages=[moving(1, 0, 20)])
    waves = lambda features, plan: hand_up("left", True)[: len(features)]  # noqa: E731
    codes = np.zeros((1, 20, 1), int)
    (doubted,) = moves(reader_of({LEFT: 0.05, WALK: 0.95}), waves).verdicts(codes, [own])
    assert doubted.warnings == () and doubted.score < 0.2  # sampled again, and not warned of
    (praised,) = moves(reader_of({LEFT: 0.99, WALK: 0.01}), stands).verdicts(codes, [own])
    assert praised.unseen == "wave" and praised.score < 0.2


def test_a_damaged_recogniser_is_one_sentence(tmp_path):
    config = RecogniserConfig(1, 8, 1, 0.0, ("walk",), ("",))
    save_weights(tmp_path / "recogniser.safetensors", {"mean": np.zeros(1)}, {"kind": "recogniser", **config.to_dict()})
    assert load_verifier(tmp_path, None, Decoder(), stands) is None
    with pytest.raises(MoclipError, match=r"recogniser.safetensors is damaged"):
        load_verifier(tmp_path, KNOWN, Decoder(), stands)


@pytest.mark.skipif("open" not in [m.name for m in list_models()], reason="needs the open model's weights")
@pytest.mark.parametrize("table", ["actions", "wording", "recogniser"])
def test_a_model_whose_tables_are_cut_off_is_not_whole(tmp_path, table):
    folder = shutil.copytree(find_model("open"), tmp_path / "open")
    path = folder / f"{table}.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    (problem,) = verify_model(str(folder))
    assert f"{table}.safetensors is damaged" in problem
