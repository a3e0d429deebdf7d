# SPDX-License-Identifier: Apache-2.0
"""What a model can do and what it cannot, learnt from sentences: captions by action, and movements that it has not."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moclip.captions import movement
from moclip.captions.corpus import movement_sentences
from moclip.captions.labels import ActionLabel
from moclip.captions.said import STYLED_AS
from moclip.captions.style_phrases import STYLES
from moclip.captions.writing import write_captions
from moclip.data.folder import DatasetFolder
from moclip.generate.familiarity import KnownActions
from moclip.recognition.config import ActionClass, class_of
from moclip.recognition.train_text import train_text_classifier
from moclip.recognition.train_wording import train_wording

Embed = Callable[[list[str]], np.ndarray]
"""Sentences -> (N, D) text vectors."""
MOST_FALSE_ALARMS = 0.02
"""Share of held-out captions of known actions that is taken for unknown."""
_PER_ACTION, _UNKNOWN = 600, 4000
_TOLD_AGAIN = 4
"""Times that a written sentence of something else counts: there are fewer of them than of the grammar's."""
_STYLED = 600
"""Sentences of each action in other styles."""
_STYLE_WORDS = {word for style in STYLES.values() for word in (*style.adjectives, *style.adverbs)}
_STEM = 4
"""Letters by which two forms of a word are one: "walks", "walking"."""
_SELDOM, _SELDOM_SHARE = 3, 5e-4
"""Captions, and share of them, that a word has to be in for it to be one of theirs."""


def captions_by_class(dataset: DatasetFolder, split: str) -> dict[ActionClass, list[str]]:
    """The captions of clips that show one action, by action and side, each once, in an order that does not change."""
    found: dict[ActionClass, set[str]] = defaultdict(set)
    for clip in dataset.ids(split):
        shown = class_of(dataset.clips[clip])
        if shown is not None:
            found[shown].update(dataset.captions(clip))
    return {shown: sorted(captions) for shown, captions in sorted(found.items())}


def styled_sentences(classes: Sequence[ActionClass], seed: int = 0) -> dict[ActionClass, list[str]]:
    """Sentences of each action in styles that nobody recorded it in: who asks for a tired man that walks is shown a man
    that walks, and knows why."""
    rng = np.random.default_rng(seed)
    told = {}
    for shown in classes:
        mine = [style for style in STYLES if STYLED_AS.get((shown.action, style)) not in {c.action for c in classes}]
        chosen = [mine[k] for k in rng.integers(len(mine), size=_STYLED)]
        labels = [ActionLabel(shown.action, style, shown.side or None) for style in chosen]
        told[shown] = [caption for label in labels for caption in write_captions([label], rng, 1)]
    return told


def strange_sentences(known: Mapping[Any, Sequence[str]], count: int, seed: int = 0) -> list[str]:
    """Sentences of the broad grammar of movement of whose words that move the known captions have none.

    Nor do they tell of a style: who is tired may walk.
    """
    stems = Counter(stem for captions in known.values() for caption in captions for stem in set(_stems(caption)))
    least = max(_SELDOM, _SELDOM_SHARE * sum(map(len, known.values())))
    usual = {stem for stem, times in stems.items() if times >= least}
    moving = {stem for phrase in (*movement.VERBS, *movement.ACTIVITIES) for stem in _stems(phrase)[:1]}
    kept: list[str] = []
    for sentence in movement_sentences(np.random.default_rng(seed), 8 * count):
        told = [stem for stem in _stems(sentence) if stem in moving]
        if told and not set(told) & usual and not _STYLE_WORDS & set(sentence.lower().strip(".").split()):
            kept.append(sentence)
    return list(dict.fromkeys(kept))[:count]


def _stems(sentence: str) -> list[str]:
    words = "".join(char if char.isalpha() else " " for char in sentence.lower()).split()
    return [word[:_STEM] for word in words if len(word) > 2]


def learn(
    known: Mapping[ActionClass, Sequence[str]],
    held_out: Sequence[str],
    embed: Embed,
    *,
    others: Sequence[str] = (),
    written: Sequence[str] = (),
    styled: Mapping[ActionClass, Sequence[str]] | None = None,
    strange: int = _UNKNOWN,
    seed: int = 0,
) -> KnownActions:
    """known: training captions by action and side. held_out: captions of these actions in other words. others: captions
    of actions that the model does not show. written: sentences of what nobody recorded. strange: how many sentences of
    strange movements are added to these. styled: more sentences of the known actions, which prototypes are not made of.

    What the known captions name in words of movement no sentence of the unknown does, so both can be told apart.
    """
    rng = np.random.default_rng(seed)
    classes_known = tuple(known)
    texts: list[str] = []
    classes: list[int] = []
    for row, shown in enumerate(classes_known):
        own = list(known[shown])
        chosen = [own[k] for k in sorted(rng.permutation(len(own))[:_PER_ACTION])]
        texts += chosen
        classes += [row] * len(chosen)
    foreign = strange_sentences(known, strange, seed)
    foreign += [others[k] for k in sorted(rng.permutation(len(others))[:_UNKNOWN])]
    foreign += _TOLD_AGAIN * list(written)
    more = [(row, text) for row, shown in enumerate(classes_known) for text in (styled or {}).get(shown, ())]
    texts += foreign + [text for _, text in more]
    embedded = embed(texts)
    plain = np.array(classes)
    prototypes = np.stack([embedded[: len(plain)][plain == row].mean(axis=0) for row in range(len(classes_known))])
    labels = np.array(classes + [len(classes_known)] * len(foreign) + [row for row, _ in more])
    classifier = train_text_classifier(embedded, labels, len(classes_known) + 1, seed)
    wording = train_wording(texts, labels, len(classes_known) + 1, seed)
    table = KnownActions(classes_known, classifier, 0.5, prototypes, wording)
    if not held_out:
        return table
    threshold = float(np.quantile(table.read(held_out, embed(list(held_out)))[:, -1], 1 - MOST_FALSE_ALARMS))
    return replace(table, threshold=min(max(threshold, 0.05), 0.95))
