# SPDX-License-Identifier: Apache-2.0
"""The judge of text-motion agreement: captions and motions in one space (Guo et al., CVPR 2022, section 4.4 and 5).

Motion goes through strided convolutions (a vector for four frames), then a bidirectional GRU; words go through another.
Parameter names and, at the default sizes, shapes are those of the official `text_mot_match` checkpoint. The evaluator
never sees a text tower. It is a measuring tool of one dataset and is not packed with a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from moclip.data.stored import lengths_of
from moclip.errors import MoclipError
from moclip.evaluation.words import CLASSES, Sentence, WordTable
from moclip.nn.checkpoint import load_weights
from moclip.nn.config import Config, Count, Share

STRIDE, CONTACTS, SLOPE = 4, 4, 0.2


@dataclass(frozen=True)
class EvaluatorConfig(Config):
    """The official sizes. most_words: of a caption, the rest is not read. most_frames: of a motion.

    masked: True sees nothing beyond a motion's end. False pads each to `most_frames` and lets the second convolution
    see one step of it, which is what the official weights were trained with.
    """

    features: Count = 263
    word_dim: Count = 300
    movement: Count = 512
    text_hidden: Count = 512
    motion_hidden: Count = 1024
    embed_dim: Count = 512
    dropout: Share = 0.2
    most_words: Count = 20
    most_frames: Count = 196
    masked: bool = True


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, C, T) with zeros from each row's length (B,) on."""
    inside = torch.arange(x.shape[2], device=x.device)[None] < lengths[:, None]
    return x.masked_fill(~inside[:, None], 0.0)


class MovementEncoder(nn.Module):
    """Normalised features without contacts (B, T, F - 4), lengths (B,) frames -> (B, T / 4, movement)."""

    def __init__(self, config: EvaluatorConfig):
        super().__init__()
        width, self.masked = config.movement, config.masked
        self.main = nn.Sequential(
            nn.Conv1d(config.features - CONTACTS, width, 4, 2, 1), nn.Dropout(config.dropout), nn.LeakyReLU(SLOPE),
            nn.Conv1d(width, width, 4, 2, 1), nn.Dropout(config.dropout), nn.LeakyReLU(SLOPE),
        )  # fmt: skip
        self.out_net = nn.Linear(width, width)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        x = self.main[:3](_valid(features.transpose(1, 2), lengths))
        if self.masked:
            x = _valid(x, lengths // 2)
        movement: Tensor = self.out_net(self.main[3:](x).transpose(1, 2))
        return movement


class SequenceEncoder(nn.Module):
    """(B, S, inputs), lengths (B,) -> (B, embed_dim): a bidirectional GRU's two last states through a small MLP."""

    def __init__(self, inputs: int, hidden: int, output_hidden: int, embed_dim: int):
        super().__init__()
        self.input_emb = nn.Linear(inputs, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, output_hidden), nn.LayerNorm(output_hidden), nn.LeakyReLU(SLOPE),
            nn.Linear(output_hidden, embed_dim),
        )  # fmt: skip

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        start = self.hidden.expand(-1, len(x), -1).contiguous()
        packed = pack_padded_sequence(self.input_emb(x), lengths.cpu(), batch_first=True, enforce_sorted=False)
        last = self.gru(packed, start)[1]
        embedded: Tensor = self.output_net(torch.cat([last[0], last[1]], dim=-1))
        return embedded


class TextEncoder(SequenceEncoder):
    """Word vectors (B, S, D) plus a linear map of their classes, read by a bidirectional GRU."""

    def __init__(self, config: EvaluatorConfig):
        super().__init__(config.word_dim, config.text_hidden, config.text_hidden, config.embed_dim)
        self.pos_emb = nn.Linear(len(CLASSES), config.word_dim)

    def read(self, vectors: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
        """vectors (B, S, D), classes (B, S) indices into CLASSES, lengths (B,) -> (B, embed_dim)."""
        embedded: Tensor = self(
            vectors + self.pos_emb(nn.functional.one_hot(classes, len(CLASSES)).to(vectors.dtype)), lengths
        )
        return embedded


class Evaluator(nn.Module):
    """Both encoders with what they need to read raw input: the dataset's mean and std, and the table of words.

    mean, std: (F,) of the features in their own units; std of root and contacts divided as in the RVQ's training.
    """

    mean: Tensor
    std: Tensor
    words: Tensor

    def __init__(self, config: EvaluatorConfig, table: WordTable, mean: np.ndarray, std: np.ndarray):
        super().__init__()
        self.config, self.table = config, table
        self.movement_encoder = MovementEncoder(config)
        self.text_encoder = TextEncoder(config)
        self.motion_encoder = SequenceEncoder(
            config.movement, config.motion_hidden, config.motion_hidden, config.embed_dim
        )
        for name, values in (("mean", mean), ("std", std), ("words", table.vectors)):
            self.register_buffer(name, torch.from_numpy(np.array(values, np.float32)))

    def motion(self, features: Tensor, lengths: Tensor, shown: Tensor | None = None) -> Tensor:
        """features (B, T, F) in their own units, T and lengths (B,) multiples of 4 -> (B, embed_dim).

        shown: (B,) frames that are there, where a tail follows a motion's own that convolutions may see.
        """
        normalised = ((features - self.mean) / self.std)[..., :-CONTACTS]
        movement = self.movement_encoder(normalised, lengths if shown is None else shown)
        embedded: Tensor = self.motion_encoder(movement, lengths // STRIDE)
        return embedded

    def text(self, words: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
        """What WordTable.encode gives, as tensors -> (B, embed_dim)."""
        return self.text_encoder.read(self.words[words], classes, lengths)

    @torch.inference_mode()
    def embed_texts(self, sentences: Sequence[Sentence], batch: int = 128) -> np.ndarray:
        """(N, embed_dim) float32, in the order given."""
        parts = []
        for start in range(0, len(sentences), batch):
            encoded = self.table.encode(sentences[start : start + batch], self.config.most_words)
            parts.append(self.text(*(torch.from_numpy(a).to(self.mean.device) for a in encoded)).cpu().numpy())
        return np.concatenate(parts)

    @torch.inference_mode()
    def embed_motions(
        self, features: Sequence[np.ndarray], batch: int = 64, lengths: Sequence[int] | None = None
    ) -> np.ndarray:
        """Features (T, F) in their own units, any lengths from 4 frames on -> (N, embed_dim) float32, in their order.

        Frames beyond whole fours and beyond `most_frames` are left out. lengths: frames that are each motion's own;
        what follows them is a tail, of which an evaluator that is not `masked` sees a little.
        """
        vectors = np.empty((len(features), self.config.embed_dim), dtype=np.float32)
        order = np.argsort(lengths_of(features), kind="stable")
        for start in range(0, len(order), batch):
            chunk = order[start : start + batch]
            padded, shown = pad_motions([features[k] for k in chunk], self.config)
            own = shown if lengths is None else torch.tensor([lengths[k] // STRIDE * STRIDE for k in chunk])
            device = self.mean.device
            vectors[chunk] = self.motion(padded.to(device), own.to(device), shown.to(device)).cpu().numpy()
        return vectors


def pad_motions(features: Sequence[np.ndarray], config: EvaluatorConfig) -> tuple[Tensor, Tensor]:
    """(B, T, F) ending in zeros, and lengths (B,) in frames: multiples of 4 up to `most_frames`.

    Raises MoclipError for a motion of fewer than 4 frames or of another width.
    """
    for clip in features:
        if len(clip) < STRIDE or clip.shape[1] != config.features:
            raise MoclipError(
                f"The evaluator reads motions of 4 frames or more with {config.features} features, not {clip.shape}.",
                hint="Use the evaluator of this dataset, and leave out what is too short.",
                code="bad_motion",
            )
    lengths = [min(len(f), config.most_frames) // STRIDE * STRIDE for f in features]
    padded = np.zeros(
        (len(lengths), max(lengths) if config.masked else config.most_frames, config.features), np.float32
    )
    for row, (clip, frames) in enumerate(zip(features, lengths, strict=True)):
        padded[row, :frames] = clip[:frames]
    return torch.from_numpy(padded), torch.tensor(lengths)


def load_evaluator(path: Path) -> Evaluator:
    """The evaluator that `moclip train evaluator` left. Raises MoclipError for a missing, damaged or other file."""
    if not Path(path).is_file():
        raise MoclipError(
            f"There is no evaluator at {path}.", hint="Run `moclip train evaluator` first.", code="bad_weights"
        )
    arrays, config = load_weights(path)
    try:
        if config.get("kind") != "evaluator":
            raise ValueError(f"it holds a {config.get('kind')}")
        table = WordTable(tuple(config["vocabulary"]), arrays["words"])
        network = Evaluator(EvaluatorConfig.from_dict(config["sizes"]), table, arrays["mean"], arrays["std"])
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError, MoclipError) as error:
        raise MoclipError(
            f"The file {path} is not an evaluator of this version.", hint="Train it again.", code="bad_weights"
        ) from error
    return network.eval().requires_grad_(False)
