# SPDX-License-Identifier: Apache-2.0
"""The losses of MoCLIP against values worked out by hand, and the motion encoder's masks."""

import math

import pytest

torch = pytest.importorskip("torch", reason="MoCLIP's training needs PyTorch")

from moclip.alignment.losses import alignment_loss, contrastive_loss, tether_loss  # noqa: E402
from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig  # noqa: E402

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


def test_training_moves_the_student_and_neither_its_teacher_nor_its_word_table():
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    from moclip.alignment.train import MoCLIP
    from moclip.text.tower import TextTower, TowerConfig

    tower = TextTower(TowerConfig(vocab_size=50, width=16, heads=2, layers=1, embed_dim=8)).requires_grad_(False)
    network = MoCLIP(tower, SMALL)
    tokens = torch.tensor([[1, 5, 49], [1, 7, 49]])
    tether_loss(network.student(tokens), torch.zeros(2, 8)).backward()
    assert network.student.text.text_projection.grad is not None
    assert network.student.text.token_embedding.weight.grad is None
    assert all(p.grad is None for p in network.teacher.parameters())
    assert torch.allclose(network.teacher(tokens), network.student(tokens), atol=1e-5)
