# SPDX-License-Identifier: Apache-2.0
"""BAD once more, in the plainest way: one sample, one row, one head at a time, always 50 slots, weights by their name.

It shares nothing with `moclip.generators.bad`, and is what that is held against.
"""

import math

import numpy as np
import torch

SLOTS = 50


def attention_mask(masked, order, length, slots=SLOTS, conditions=2, later=True, kept_only=True):
    """List of rows of booleans: masked, order (slots,) of one sample."""
    rows = []
    for i in range(conditions + slots):
        row = []
        for j in range(conditions + slots):
            if j < conditions:
                row.append(True)
                continue
            column = j - conditions
            if column > length:
                row.append(False)
            elif i == 0:
                row.append(not masked[column] if kept_only else True)
            elif i < conditions:
                row.append(True)
            elif masked[i - conditions]:
                mine, theirs = order[i - conditions], order[column]
                row.append(not masked[column] or (theirs >= mine if later else theirs <= mine))
            else:
                row.append(not masked[column] if kept_only else True)
        rows.append(row)
    return rows


def positions(count, width):
    table = np.zeros((count, width))
    for position in range(count):
        for k in range(0, width, 2):
            angle = position / 10000 ** (k / width)
            table[position, k], table[position, k + 1] = math.sin(angle), math.cos(angle)
    return torch.tensor(table, dtype=torch.float32)


def number_embedding(state, name, value):
    rates = [10000 ** (-i / 128) for i in range(128)]
    x = torch.tensor([math.cos(value * r) for r in rates] + [math.sin(value * r) for r in rates])
    x = x @ state[f"{name}.mlp.0.weight"].T + state[f"{name}.mlp.0.bias"]
    x = x * torch.sigmoid(x)
    return x @ state[f"{name}.mlp.2.weight"].T + state[f"{name}.mlp.2.bias"]


def norm(state, name, x):
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return x * state[f"{name}.weight"] + state[f"{name}.bias"]


def linear(state, name, x):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def attention(state, name, x, source, mask, heads):
    query, key, value = linear(state, f"{name}.query", x), linear(state, f"{name}.key", source), None
    value = linear(state, f"{name}.value", source)
    size = x.shape[-1] // heads
    parts = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] @ key[:, part].T / math.sqrt(size)
        if mask is not None:
            scores[~mask] = -math.inf
        parts.append(torch.softmax(scores, dim=-1) @ value[:, part])
    return linear(state, f"{name}.proj", torch.cat(parts, dim=-1))


def mlp(state, name, x):
    x = linear(state, f"{name}.mlp.0", x)
    x = 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    return linear(state, f"{name}.mlp.2", x)


def logits_of(state, heads, ids, mask, text, words):
    """Logits (slots, codes) of one sample: ids (slots,), mask (C + slots, C + slots), text (D,), words (L, W)."""
    codebook = state["trans_base.vqvae.vqvae.quantizer.codebook"]
    codes, width = len(codebook), state["trans_base.to_emb.weight"].shape[0]
    table = positions(SLOTS + 2, width)
    learned = state["trans_base.learn_tok_emb.weight"]
    rows = [codebook[i] if i < codes else learned[i - codes] for i in ids.tolist()]
    x = linear(state, "trans_base.to_emb", torch.stack(rows)) + table[: len(ids)]
    w = linear(state, "trans_base.word_emb", words)
    layer = 0
    while f"trans_base.cross_att.{layer}.ln1.weight" in state:
        name = f"trans_base.cross_att.{layer}"
        source = norm(state, f"{name}.ln3", w)
        x = x + attention(state, f"{name}.attn", norm(state, f"{name}.ln1", x), source, None, heads)
        x = x + mlp(state, name, norm(state, f"{name}.ln2", x))
        layer += 1
    conditions = [linear(state, "trans_base.cond_emb", text)]
    if "trans_base.t_embedder.mlp.0.weight" in state:
        steps = sum(1 for i in ids.tolist() if i >= codes + 2)
        length = ids.tolist().index(codes)
        embedded = number_embedding(state, "trans_base.t_embedder", steps)
        conditions.append(embedded + number_embedding(state, "trans_base.l_embedder", length))
    x = torch.cat([torch.stack(conditions), x])
    x = x + table[: len(x)]
    mask = torch.as_tensor(mask)
    for half in ("trans_base", "trans_head"):
        layer = 0
        while f"{half}.blocks.{layer}.ln1.weight" in state:
            name = f"{half}.blocks.{layer}"
            normed = norm(state, f"{name}.ln1", x)
            x = x + attention(state, f"{name}.attn", normed, normed, mask, heads)
            x = x + mlp(state, name, norm(state, f"{name}.ln2", x))
            layer += 1
    x = norm(state, "trans_head.ln_f", x)
    return (x @ state["trans_head.head.weight"].T)[len(conditions) :]


class Noise:
    """The numbers that a request with this seed draws: its order first, then per step one block a token and code."""

    def __init__(self, seed):
        self.generator = np.random.default_rng([3, seed])

    def order(self, count):
        return self.generator.permutation(count)

    def block(self, length, codes):
        return self.generator.gumbel(size=(length, codes))


def open_count(step, steps, length, tokens):
    """Of the cosine, in torch's float32."""
    done = torch.clip(step / (torch.round(steps / 49 * torch.tensor([float(length)])) + 1e-8), max=1)
    return max(1, int(torch.floor(torch.cos(done * math.pi / 2) * tokens).item()))


def sample(call, codes, lengths, seeds, mode, drawn, released, known=None, steps=10, conditions=2):
    """Rows of codes. call(row, ids (50,), mask) -> logits (50, codes) float32.

    released: as the authors' code runs (all steps in a batch, its early stop of one motion alone, the last token's
    column open). known: per row a list of codes and -1, else nothing is known.
    """
    rows = []
    for row, (length, seed) in enumerate(zip(lengths, seeds, strict=True)):
        given = known[row] if known is not None else [-1] * length
        noise, free = Noise(seed), [j for j in range(length) if given[j] < 0]
        order = [999] * SLOTS
        for rank, j in zip(noise.order(len(free)).tolist(), free, strict=True):
            order[j] = rank
        start = [codes + 2 + order[j] if j in free else given[j] for j in range(length)]
        start += [codes] + [codes + 1] * (SLOTS - length - 1)
        ids, masked = list(start), [j in free for j in range(SLOTS)]
        mask = torch.tensor(attention_mask(masked, order, length, conditions=conditions))
        if released:
            mask[:, length + 1] = True
        share = round(steps * length / 49)
        tokens = len(free) if len(free) == length else len(free) - 1
        score = [0.0 if j in free else 1e5 for j in range(SLOTS)]
        for step in range(steps if released else max(1, share)):
            if released and len(lengths) == 1 and share and min(1, step - 1 / share) == min(1, step / share):
                break
            count = open_count(step, steps, length, tokens)
            if mode == "oaas":
                again = [j for j in free if order[j] >= tokens - count]
            else:
                again = sorted(range(SLOTS), key=lambda j: score[j])[:count]
            for j in again:
                ids[j] = start[j]
            for j in range(SLOTS):
                if ids[j] < codes:
                    mask[:, conditions + j] = True
            logits = call(row, np.array(ids), mask.numpy())
            block = noise.block(length, codes) if drawn else None
            chance = torch.softmax(torch.tensor(logits), -1).numpy()
            for j in range(length):
                if ids[j] < codes:
                    score[j] = 1e5
                    continue
                ids[j] = int(np.argmax(logits[j] + block[j] if drawn else logits[j]))
                score[j] = float(chance[j, ids[j]])
        rows.append(ids[:length])
    return rows
