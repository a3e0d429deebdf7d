# SPDX-License-Identifier: Apache-2.0
"""BAMM once more and as plainly as can be, for tests: one request, one whole forward for every token, no cache.

Written from what is known of the released code's behaviour, not from ours. The layers are torch's own.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

WIDE = 50  # 49 codes and END


def mask(cond: list[bool]) -> np.ndarray:
    """(n + 1, n + 1), True where a row (text, then tokens) may attend to a column."""
    given = [True, *cond]
    allowed = np.zeros((len(given), len(given)), dtype=bool)
    for row in range(len(given)):
        for column in range(len(given)):
            allowed[row, column] = given[column] or (column <= row and not given[row])
    return allowed


class Reference:
    def __init__(self, state: dict, heads: int, codes: int):
        self.state, self.heads, self.codes = state, heads, codes
        self.end, self.pad = codes, codes + 1
        self.width = state["cond_emb.weight"].shape[0]
        count = 1 + max(int(k.split(".")[2]) for k in state if k.startswith("seqTransEncoder."))
        self.torch_layers = None
        if "seqTransEncoder.layers.0.norm1.weight" in state:
            hidden = state["seqTransEncoder.layers.0.linear1.weight"].shape[0]
            layer = torch.nn.TransformerEncoderLayer(self.width, heads, hidden, 0.2, "gelu")
            self.torch_layers = torch.nn.TransformerEncoder(layer, count, enable_nested_tensor=False).eval()
            prefix = "seqTransEncoder."
            self.torch_layers.load_state_dict({k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})
        self.count = count

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.state[name + ".weight"], self.state[name + ".bias"])

    def _norm(self, name: str, x: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
        return F.layer_norm(x, (self.width,), self.state[name + ".weight"], self.state[name + ".bias"], eps)

    def _blocks(self, x: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
        """Pre-norm blocks: x (S, width)."""
        size = self.width // self.heads
        for k in range(self.count):
            at = f"seqTransEncoder.blocks.{k}."
            normed = self._norm(at + "ln1", x)
            query, key, value = (self._linear(f"{at}attn.{name}", normed) for name in ("query", "key", "value"))
            mixed = torch.zeros_like(x)
            for head in range(self.heads):
                own = slice(head * size, (head + 1) * size)
                score = query[:, own] @ key[:, own].T / math.sqrt(size)
                mixed[:, own] = score.masked_fill(~allowed, -math.inf).softmax(-1) @ value[:, own]
            x = x + self._linear(at + "attn.proj", mixed)
            x = x + self._linear(at + "mlp.2", F.gelu(self._linear(at + "mlp.0", self._norm(at + "ln2", x))))
        return x

    @torch.no_grad()
    def logits(self, ids: np.ndarray, text: np.ndarray, cond: np.ndarray) -> np.ndarray:
        """ids (S,), text (D,), cond (S,) -> (S + 1, codes + 1)."""
        tokens = self._linear("input_process.poseEmbedding", self.state["token_emb.weight"][torch.from_numpy(ids)])
        x = torch.cat([self._linear("cond_emb", torch.from_numpy(text)[None]), tokens])
        place = np.arange(len(x))[:, None] / 10000.0 ** (np.arange(0, self.width, 2) / self.width)
        table = np.stack([np.sin(place), np.cos(place)], axis=-1).reshape(len(x), self.width)
        x = x + torch.from_numpy(table.astype(np.float32))
        allowed = torch.from_numpy(mask(cond.tolist()))
        if self.torch_layers is not None:
            x = self.torch_layers(x[:, None], mask=~allowed)[:, 0]
        else:
            x = self._blocks(x, allowed)
        x = self._norm("output_process.LayerNorm", F.gelu(self._linear("output_process.dense", x)), 1e-12)
        return self._linear("output_process.poseFinal", x).numpy()

    def scaled(self, ids: np.ndarray, text: np.ndarray, cond: np.ndarray, scale: float) -> np.ndarray:
        without = self.logits(ids, np.zeros_like(text), cond)
        return without + scale * (self.logits(ids, text, cond) - without)

    def one_pass(self, ids, cond, text, noise, scale, *, end_allowed=False, restore=False, until=WIDE - 1):
        """Fill the places up to `until` from left to right: the running sequence (50,), the chances (until,).

        The released code always fills 49; what stands behind END is thrown away.
        """
        ids, kept, chances = ids.copy(), ids.copy(), []
        for k in range(until):
            row = self.scaled(ids, text, cond, scale)[k]
            row = row if end_allowed else row[: self.codes]
            token = int(np.argmax(row + noise[k, : len(row)]))
            chances.append(float(np.exp(row[token] - row.max()) / np.exp(row - row.max()).sum()))
            ids[k] = token
            if restore:
                ids[cond] = kept[cond]
        return ids, np.array(chances)

    def closed(self, ids: np.ndarray) -> tuple[np.ndarray, int]:
        """PAD behind the first id that is no code, END in its place; and where that is."""
        ids = ids.copy()
        if ids[0] >= self.end:
            ids[0], ids[1] = 0, self.end
        length = next((k for k in range(WIDE) if ids[k] >= self.end), WIDE)
        ids[length:] = self.pad
        ids[length] = self.end
        return ids, length

    def generate(self, text, noise, *, length=None, scale=4.0, second=3.0, rule="alternating", restore=False):
        """Two passes: (codes (length,), length). noise: of each pass, (49, codes + 1). length None: it is predicted."""
        nothing = np.zeros(WIDE, dtype=bool)
        until = WIDE - 1 if length is None else length
        ids, chances = self.one_pass(
            np.full(WIDE, self.pad), nothing, text, noise[0], scale, end_allowed=length is None, until=until
        )
        if length is not None:
            ids[length] = self.end
        ids, length = self.closed(ids)
        count = max(1, round(length / 2))  # Python rounds halves to even, too
        if rule == "alternating":
            chosen = range(0, length, 2)
        elif rule == "lowest":
            chosen = range(min(count, length))
        else:
            chosen = sorted(range(length), key=lambda k: (chances[k], k))[:count]
        cond = np.array([k <= length and k not in chosen for k in range(WIDE)])
        drawn, _ = self.one_pass(ids, cond, text, noise[1], second, restore=restore, until=until)
        drawn[cond] = ids[cond]
        return drawn[:length], length

    def edit(self, text, known, noise, scale):
        """known (length,): codes, -1 where free. scale 0: without the text."""
        ids = np.full(WIDE, self.pad)
        ids[: len(known)] = np.where(known >= 0, known, self.pad)
        ids[len(known)] = self.end
        drawn, _ = self.one_pass(ids, ids != self.pad, text, noise, scale, restore=True, until=len(known))
        return drawn[: len(known)]
