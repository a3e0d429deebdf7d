# SPDX-License-Identifier: Apache-2.0
"""Released checkpoints in their authors' layout, at sizes that a test can afford; weights depend on names alone."""

import zlib
from pathlib import Path

import numpy as np
import torch

from moclip.nn.layers import sinusoids

CODES, DIM, LAYERS_OF_CODES, WIDTH, HIDDEN, TEXT = 20, 24, 3, 32, 40, 16
JOINTS = {"t2m": 22, "kit": 21}


def weights(shapes: dict[str, tuple[int, ...]], scale: float = 0.3) -> dict[str, torch.Tensor]:
    """Seeded by each tensor's name, so that nothing depends on an order."""
    made = {}
    for name, shape in shapes.items():
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        own = torch.randn(shape, generator=generator) * scale
        made[name] = own + 1 if "norm" in name.lower() and name.endswith("weight") else own
    return made


def rvq_shapes(features: int) -> dict[str, tuple[int, ...]]:
    shapes = {"encoder.model.0": (WIDTH, features, 3), "encoder.model.4": (DIM, WIDTH, 3)}
    shapes |= {"decoder.model.0": (WIDTH, DIM, 3), "decoder.model.4": (WIDTH, WIDTH, 3)}
    shapes |= {"decoder.model.6": (features, WIDTH, 3)}
    for k in (2, 3):
        shapes |= {f"encoder.model.{k}.0": (WIDTH, WIDTH, 4), f"decoder.model.{k}.2": (WIDTH, WIDTH, 3)}
        for half in (f"encoder.model.{k}.1", f"decoder.model.{k}.0"):
            for block in range(2):
                shapes[f"{half}.model.{block}.conv1"] = (WIDTH, WIDTH, 3)
                shapes[f"{half}.model.{block}.conv2"] = (WIDTH, WIDTH, 1)
    both = {f"{name}.weight": shape for name, shape in shapes.items()}
    both |= {f"{name}.bias": shape[:1] for name, shape in shapes.items()}
    return both | {f"quantizer.layers.{q}.codebook": (CODES, DIM) for q in range(LAYERS_OF_CODES)}


def body_shapes(out: int, layers: int = 2) -> dict[str, tuple[int, ...]]:
    """What MoMask's two transformers share."""
    linear = {
        "input_process.poseEmbedding": (WIDTH, DIM), "cond_emb": (WIDTH, TEXT), "output_process.dense": (WIDTH, WIDTH),
        "output_process.poseFinal": (out, WIDTH),
    }  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"output_process.LayerNorm.weight": (WIDTH,)}
    shapes["output_process.LayerNorm.bias"] = (WIDTH,)
    for k in range(layers):
        layer = f"seqTransEncoder.layers.{k}"
        shapes |= {
            f"{layer}.self_attn.in_proj_weight": (3 * WIDTH, WIDTH),
            f"{layer}.self_attn.in_proj_bias": (3 * WIDTH,),
        }
        shapes |= {f"{layer}.norm{n}.{part}": (WIDTH,) for n in (1, 2) for part in ("weight", "bias")}
        linear |= {f"{layer}.self_attn.out_proj": (WIDTH, WIDTH), f"{layer}.linear1": (HIDDEN, WIDTH)}
        linear[f"{layer}.linear2"] = (WIDTH, HIDDEN)
    shapes |= {f"{name}.weight": shape for name, shape in linear.items()}
    return shapes | {f"{name}.bias": shape[:1] for name, shape in linear.items()}


def masked_state() -> dict[str, torch.Tensor]:
    return weights({**body_shapes(CODES), "token_emb.weight": (CODES + 2, DIM)})


def residual_state(shared: bool = True) -> dict[str, torch.Tensor]:
    rows, tables = CODES + 1, LAYERS_OF_CODES - 1
    shapes = {**body_shapes(DIM), "quant_emb.weight": (WIDTH, LAYERS_OF_CODES), "quant_emb.bias": (WIDTH,)}
    if shared:
        shapes |= {"embed_proj_shared_weight": (tables - 1, rows, DIM)}
        shapes |= {f"{name}_": (1, rows, DIM) for name in ("token_embed_weight", "output_proj_weight")}
    else:
        shapes |= {name: (tables, rows, DIM) for name in ("token_embed_weight", "output_proj_weight")}
        shapes["output_proj_bias"] = (tables + 1, rows)
    return weights(shapes)


def length_state() -> dict[str, torch.Tensor]:
    sizes = {"0": (512, TEXT), "4": (256, 512), "8": (128, 256), "11": (50, 128)}
    shapes: dict[str, tuple[int, ...]] = {f"output.{k}.weight": shape for k, shape in sizes.items()}
    shapes |= {f"output.{k}.bias": shape[:1] for k, shape in sizes.items()}
    shapes |= {
        f"output.{k}.{part}": (size,) for k, size in ((1, 512), (5, 256), (9, 128)) for part in ("weight", "bias")
    }
    return weights(shapes, 0.05)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def write_rvq(root: Path, name: str, body: str = "t2m", options: str = "") -> None:
    features = 12 * JOINTS[body] - 1
    write(root / name / "model/net_best_fid.tar", {"vq_model": weights(rvq_shapes(features)), "ep": 3})
    (root / name / "meta").mkdir()
    np.save(root / name / "meta/mean.npy", np.full(features, 0.25))
    np.save(root / name / "meta/std.npy", np.full(features, 0.5))
    (root / name / "opt.txt").write_text(f"code_dim: {DIM}\nvq_norm: None\n{options}")


def write_momask(root: Path, body: str = "t2m", shared: bool = True, heads: int = 4) -> Path:
    """`checkpoints/<body>` with one run a network; opt.txt names heads and codes, as the released ones do."""
    told = f"------------ Options -------------\nn_heads: {heads}\nvq_name: rvq_nq3\nlr: 0.0002\nname: x\n"
    table = sinusoids(50, WIDTH)[:, None]
    write_rvq(root, "rvq_nq3", body)
    file = "latest.tar" if body == "t2m" else "net_best_fid.tar"
    masked = {"t2m_transformer": {**masked_state(), "position_enc.pe": table}, "ep": 1, "total_it": 7}
    write(root / f"t2m_nlayer2/model/{file}", masked)
    residual = {"res_transformer": {**residual_state(shared), "position_enc.pe": table}, "ep": 1}
    write(root / "tres_nlayer2/model/net_best_fid.tar", residual)
    for name in ("t2m_nlayer2", "tres_nlayer2"):
        (root / name / "opt.txt").write_text(told)
    write(root / "length_estimator/model/finest.tar", {"estimator": length_state(), "epoch": 2, "niter": 5})
    return root


def write_evaluator(root: Path, body: str = "t2m") -> Path:
    """`text_mot_match` and its mean and std, and the words beside the checkpoints."""
    import pickle

    movement, text, motion, out = 24, 16, 32, 16
    shapes = {
        "movement_encoder": {
            "main.0.weight": (movement, 12 * JOINTS[body] - 5, 4), "main.0.bias": (movement,),
            "main.3.weight": (movement, movement, 4), "main.3.bias": (movement,),
            "out_net.weight": (movement, movement), "out_net.bias": (movement,),
        },
        "text_encoder": {**_gru(300, text, text, out), "pos_emb.weight": (300, 15), "pos_emb.bias": (300,)},
        "motion_encoder": _gru(movement, motion, motion, out),
    }  # fmt: skip
    state = {part: weights(own) for part, own in shapes.items()}
    write(root / "text_mot_match/model/finest.tar", {**state, "epoch": 3, "iter": np.float64(7.5)})
    meta = root / "Comp_v6_KLD005/meta"
    meta.mkdir(parents=True)
    rng = np.random.default_rng(1)
    np.save(meta / "mean.npy", rng.standard_normal(12 * JOINTS[body] - 1).astype(np.float32))
    np.save(meta / "std.npy", rng.uniform(5e-4, 1, 12 * JOINTS[body] - 1).astype(np.float32))
    words = ["sos", "eos", "unk", "person", "walk", "jump"]
    glove = root / "glove"
    glove.mkdir()
    np.save(glove / "our_vab_data.npy", rng.standard_normal((len(words), 300)))
    (glove / "our_vab_words.pkl").write_bytes(pickle.dumps(words))
    (glove / "our_vab_idx.pkl").write_bytes(pickle.dumps({word: np.int64(k) for k, word in enumerate(words)}))
    return root


def _gru(inputs: int, hidden: int, output: int, out: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "hidden": (2, 1, hidden), "input_emb.weight": (hidden, inputs), "input_emb.bias": (hidden,),
        "output_net.0.weight": (output, 2 * hidden), "output_net.0.bias": (output,), "output_net.1.weight": (output,),
        "output_net.1.bias": (output,), "output_net.3.weight": (out, output), "output_net.3.bias": (out,),
    }  # fmt: skip
    for end in ("", "_reverse"):
        shapes |= {f"gru.weight_{kind}_l0{end}": (3 * hidden, hidden) for kind in ("ih", "hh")}
        shapes |= {f"gru.bias_{kind}_l0{end}": (3 * hidden,) for kind in ("ih", "hh")}
    return shapes
