# SPDX-License-Identifier: Apache-2.0
"""The losses of MoCLIP against values worked out by hand, and the motion encoder's masks."""

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="MoCLIP's training needs PyTorch")

from moclip.alignment.losses import alignment_loss, contrastive_loss, tether_loss  # noqa: E402
from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig  # noqa: E402
from moclip.alignment.pairs import embed_motions, pad_joints  # noqa: E402

SMALL = MotionEncoderConfig(part_width=4, width=16, layers=2, heads=2, embed_dim=8)


def test_tether_is_squared_l2_summed_over_dimensions():
    student, teacher = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    assert tether_loss(student, teacher).item() == 25.0  # 3^2 + 4^2, not its mean 12.5


def test_tether_leaves_the_teacher_alone():
    student, teacher = torch.ones(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    tether_loss(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.tolist() == [[1.0] * 3] * 2  # 2 * (1 - 0) / 2 samples


def test_alignment_is_one_minus_the_mean_cosine():
    motion = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    text = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert alignment_loss(motion, text).item() == 0.5


def test_contrastive_of_two_orthogonal_pairs():
    eye = torch.eye(2)
    # Each row: log(e^2 + e^0) - 2
    assert contrastive_loss(eye, eye, torch.tensor(2.0)).item() == pytest.approx(math.log(math.e**2 + 1) - 2, abs=1e-6)


def test_contrastive_with_a_matrix_w():
    eye, w = torch.eye(2), torch.tensor([[2.0, 1.0], [0.0, 2.0]])
    # motion @ W @ text.T = W: rows give log(e^2 + e^1) - 2 and log(e^0 + e^2) - 2, columns the same two.
    expected = (math.log(math.e**2 + math.e) + math.log(1 + math.e**2)) / 2 - 2
    assert contrastive_loss(eye, eye, w).item() == pytest.approx(expected, abs=1e-6)


def test_a_multiple_of_the_identity_as_w_is_the_scalar():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 4), dim=1) for _ in range(2))
    scalar, matrix = contrastive_loss(a, b, torch.tensor(3.0)), contrastive_loss(a, b, 3 * torch.eye(4))
    assert scalar.item() == pytest.approx(matrix.item(), abs=1e-6)


def test_the_authors_tether_is_weaker_by_the_number_of_dimensions():
    student, teacher = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(2, 2)
    assert tether_loss(student, teacher, reduction="mean").item() == 6.25  # 25 / 4 numbers
    assert tether_loss(student, teacher).item() == 12.5  # 25 / 2 pairs
    with pytest.raises(ValueError, match="sum or mean"):
        tether_loss(student, teacher, reduction="none")


def test_contrastive_is_symmetric_in_its_two_sides():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 4), dim=1) for _ in range(2))
    assert contrastive_loss(a, b, torch.tensor(3.0)).item() == pytest.approx(
        contrastive_loss(b, a, torch.tensor(3.0)).item()
    )


def test_pairs_of_the_same_meaning_are_no_negatives():
    eye = torch.eye(2)
    same = torch.ones(2, 2, dtype=torch.bool)
    assert contrastive_loss(eye, eye, torch.tensor(2.0), same).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", [tether_loss, lambda a, b: contrastive_loss(a, b, torch.tensor(1.0))])
def test_shapes_must_agree(loss):
    with pytest.raises(ValueError, match="differ in shape"):
        loss(torch.zeros(2, 3), torch.zeros(3, 3))


def test_motion_vectors_are_unit_and_blind_to_padding():
    encoder = MotionEncoder(SMALL).eval()
    joints = torch.randn(1, 12, 22, 3)
    padded = torch.cat([joints, torch.randn(1, 8, 22, 3)], dim=1)
    alone = encoder(joints, torch.ones(1, 12, dtype=torch.bool))
    masked = encoder(padded, torch.arange(20)[None] < 12)
    assert alone.norm().item() == pytest.approx(1.0, abs=1e-5)
    assert torch.allclose(alone, masked, atol=1e-5)


def test_motion_vectors_depend_on_the_order_of_time_and_not_on_the_place_in_the_batch():
    encoder = MotionEncoder(SMALL).eval()
    joints, valid = torch.randn(3, 12, 22, 3), torch.ones(3, 12, dtype=torch.bool)
    vectors = encoder(joints, valid)
    assert not torch.allclose(vectors, encoder(joints.flip(1), valid), atol=1e-3)
    assert torch.allclose(vectors.flip(0), encoder(joints.flip(0), valid), atol=1e-5)


def test_paper_sizes_have_the_papers_parameter_count():
    parameters = sum(p.numel() for p in MotionEncoder(MotionEncoderConfig()).parameters())
    assert round(parameters / 1e6, 1) == 156.5


def changed(**settings) -> MotionEncoder:
    torch.manual_seed(0)
    return MotionEncoder(replace(SMALL, **settings)).eval()


def moved_by(encoder: MotionEncoder, module: torch.nn.Module, joint: int) -> torch.Tensor:
    """How much each channel of a module's output changes when one joint moves."""
    seen = []
    module.register_forward_hook(lambda _, __, output: seen.append(output))
    joints, valid = torch.zeros(1, 4, 22, 3), torch.ones(1, 4, dtype=torch.bool)
    encoder(joints, valid)
    joints[:, :, joint] += 0.5
    encoder(joints, valid)
    return (seen[1] - seen[0]).abs()


def test_parts_see_one_another_through_cross_limb_attention_only():
    plain, crossed = changed(), changed(cross_limb=True)
    torch.nn.init.normal_(crossed.limbs.attn.out_proj.weight)  # it starts as the identity
    left_wrist, right_leg = 20, 4
    moved = moved_by(plain, plain.encoder, left_wrist)
    assert moved[..., 3].max() > 0 and moved[..., right_leg].max() == 0
    # The attention's rows are (frame, part, channel).
    assert moved_by(crossed, crossed.limbs, left_wrist)[:, right_leg].max() > 0


def test_cross_limb_encoder_is_blind_to_padding_and_batched_by_length_it_is_the_same():
    encoder = changed(cross_limb=True)
    torch.nn.init.normal_(encoder.limbs.attn.out_proj.weight)
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((frames, 22, 3)).astype(np.float32) for frames in (9, 30, 4, 17, 30)]
    alone = torch.cat([encoder(*pad_joints([clip])) for clip in clips])
    for bucket in (1, 2, 5):
        assert torch.allclose(embed_motions(encoder, clips, bucket), alone, atol=1e-5)


def test_attention_pool_is_blind_to_padding():
    encoder = changed(pool="attention")
    joints, noise = torch.randn(1, 12, 22, 3), torch.randn(1, 8, 22, 3)
    alone = encoder(joints, torch.ones(1, 12, dtype=torch.bool))
    padded = encoder(torch.cat([joints, noise], dim=1), torch.arange(20)[None] < 12)
    assert torch.allclose(alone, padded, atol=1e-5)


def test_the_authors_positions_depend_on_the_row_and_not_on_time():
    encoder = changed(positions="batch", masked=False)
    joints, valid = torch.randn(2, 12, 22, 3), torch.ones(2, 12, dtype=torch.bool)
    joints[1] = joints[0]
    one, other = encoder(joints, valid)
    assert not torch.allclose(one, other, atol=1e-3)
    still = torch.randn(1, 1, 22, 3).repeat(1, 12, 1, 1)  # no velocities, so that time has no other trace
    shuffled = still.clone()
    shuffled[:, :6] += 0.3
    assert torch.allclose(
        encoder(shuffled[:, 1:5], valid[:1, 1:5]), encoder(shuffled[:, 2:6], valid[:1, 1:5]), atol=1e-5
    )


def test_unknown_words_of_the_encoder_are_named():
    with pytest.raises(ValueError, match="pool is mean or attention, not 'max'"):
        MotionEncoderConfig(pool="max")


def test_checkpointing_gives_the_same_gradients():
    joints, valid = torch.randn(2, 12, 22, 3), torch.ones(2, 12, dtype=torch.bool)
    found = []
    for checkpointing in (False, True):
        encoder = changed(dropout=0.0).train()
        encoder.checkpointing = checkpointing
        encoder(joints, valid)[:, 0].sum().backward()
        found.append(encoder.embed.weight.grad)
    assert torch.equal(*found)


def test_cross_limb_attention_starts_as_the_identity():
    crossed, plain = changed(cross_limb=True), changed()
    plain.load_state_dict({k: v for k, v in crossed.state_dict().items() if not k.startswith("limbs.")})
    joints, valid = torch.randn(2, 6, 22, 3), torch.ones(2, 6, dtype=torch.bool)
    assert torch.allclose(crossed(joints, valid), plain(joints, valid), atol=1e-6)
