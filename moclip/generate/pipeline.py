# SPDX-License-Identifier: Apache-2.0
"""Text to motion: prompts in, `Motion`s out."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from moclip.errors import MoclipError
from moclip.generate.casting import Casting
from moclip.generate.context import assemble, fit_between, joined, pull_warning
from moclip.generate.familiarity import Familiar, load_familiarity
from moclip.generate.held import held
from moclip.generate.options import PlanOptions, read_sampling
from moclip.generate.plan import Plan, TextStates
from moclip.generate.planning import Planner, ReadRequest, kept_of
from moclip.generate.posing import Posing
from moclip.generate.reading import TextReader
from moclip.generate.retakes import load_verifier
from moclip.generate.together import layer_parts, read_layers, with_layers
from moclip.generators.base.generator import Stage, Watcher
from moclip.generators.base.passages import Draft, Passage
from moclip.generators.base.runtime import Runtime
from moclip.models import JUDGE, LENGTH_TOWER, ModelFiles, check_towers, read_model
from moclip.motion.features import WIDTH, features_to_joints
from moclip.motion.feet import toe_contacts
from moclip.prompts.requests import Checked, Request, Result, check_request
from moclip.runtimes import make_runtime
from moclip.shipped import DEFAULT_MODEL
from moclip.text.tokenizer import Tokenizer

MAX_BATCH = 16
_READING = Stage("text", 0.05, "reading the prompt")
_SOLVING = Stage("solve", 0.15, "solving the pose")


class TextToMotion:
    """A loaded model. Not thread-safe: one worker at a time."""

    def __init__(self, files: ModelFiles, runtime: Runtime, options: PlanOptions | None = None):
        details = files.info.details
        self.name, self.licence = files.info.name, files.info.licence
        self.fps = float(details["fps"])
        # What its makers say that it knows, each with a sentence that asks for it.
        self.repertoire = {name: details[name] for name in ("actions", "styles") if name in details}
        self.runtime, self.device = runtime.name, runtime.device
        own = files.generator
        where, hint = f"sampling of {files.info.described}", "Correct it, or install the model again."
        planned, sampled = read_sampling(own, details.get("sampling", {}), where, hint=hint)
        self.options: PlanOptions = options or planned
        self.generator = own(runtime, files.configs, sampled)
        self.codec = self.generator.codec
        self.stages = (_READING, *own.STAGES, _SOLVING)
        # What is to be kept would have to become features of KIT-ML's body, which ours cannot be turned into.
        self.edits = own.EDITS and self.codec.features == WIDTH
        self._familiarity = load_familiarity(files, self.embed)
        known = self._familiarity.actions if self._familiarity else None
        self._reader = TextReader(runtime, words=own.READS_WORDS, actions=known)
        timed = TextReader(runtime, "length_text") if LENGTH_TOWER in files.arrays else None
        self._planner = Planner(
            self.generator, runtime, self._reader, timed, self.options, self.fps, "length" in files.arrays
        )
        self._posing = Posing(self.codec, self.fps, self.options.hold_feet, known)
        verifier = load_verifier(files.info.path, known, self.codec, self._posing.joints)
        encoder = runtime if JUDGE in files.arrays else None
        self._casting = Casting(self.generator, self.options, self.fps, encoder, verifier, known)

    @classmethod
    def load(cls, model: str = DEFAULT_MODEL, runtime: str = "auto", device: str = "auto") -> "TextToMotion":
        """Load a model by name or folder. Raises MoclipError for what is missing, damaged or does not fit together."""
        files = read_model(model, mapped=True)
        with ThreadPoolExecutor(max_workers=2) as beside:
            # While networks are made, there is time for the rest: words, read once per process, and a sum over the
            # largest file.
            checked, words = beside.submit(check_towers, files), beside.submit(Tokenizer)
            try:
                made = make_runtime(files, runtime, device)
            finally:
                # Where networks cannot be made of them, this says more.
                checked.result()
            words.result()
        return cls(files, made)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Text vectors (N, D) float32, not normalised."""
        return self._reader.embed(texts)

    def familiar(self, prompts: Sequence[str]) -> list[Familiar]:
        """How near prompts are to what the model knows: the text tower alone is asked, no motion is made."""
        return self._familiar_by(*self._planner.texts(prompts)) if prompts else []

    def _familiar_by(self, whole: Sequence[TextStates], clauses: Sequence[Sequence[TextStates]]) -> list[Familiar]:
        if self._familiarity is None:
            return [Familiar() for _ in whole]
        asked = [[states.asks.shares for states in own if states.asks.shares is not None] for own in clauses]
        shares = [np.stack(own) if own else None for own in asked]
        return self._familiarity.judge(np.stack([states.vector for states in whole]), shares)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        progress: Callable[[str, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Result]:
        """Generate one motion a request; all are sampled in one batch.

        progress(stage, fraction) is called for each iteration. Raises Cancelled between iterations once `cancelled()`
        is true, and MoclipError for prompts, seconds, seeds or batch sizes that cannot be served.
        """
        watcher = Watcher(progress or (lambda stage, fraction: None), cancelled or (lambda: False))
        checked = self._checked(requests)
        bases, overs = read_layers(checked) if self.options.by_clause else (checked, [])
        watcher.progress("text", 0.0)
        read = self._planner.read(bases)
        plans = self._planner.plans(read, [asked.seed for asked in bases], watcher)
        parts = layer_parts(bases, plans, overs, self.codec.stride, self.fps)
        if parts:
            laid = self._planner.read([part.asked for part in parts])
            plans += self._planner.plans(laid, [part.asked.seed for part in parts], watcher, len(bases))
            read += laid
        everything = [own.asked for own in read]
        warnings = self._warnings(read)
        layered = {part.over.request for part in parts} | set(range(len(bases), len(everything)))
        takes = self._casting.cast(everything, plans, watcher, self._planner.again(read, plans, layered))
        results = []
        for k, (asked, take) in enumerate(zip(everything, takes, strict=True)):
            watcher.step("solve", k / len(takes))
            own = warnings[k] + self._casting.unseen(take.verdict, warnings[k])
            results.append(self._result(asked, take.plan, take.codes, own))
        made = []
        for k, request in enumerate(requests):
            over = [(part, r) for part, r in zip(parts, results[len(bases) :], strict=True) if part.over.request == k]
            made.append(held(with_layers(results[k], over), request))
        watcher.progress("done", 1.0)
        return made

    def features(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Features (T, F) of requests without neighbours as the networks make them, T in whole tokens.

        They are what `generate` solves rotations of, so measuring them costs less. Raises what it raises.
        """
        checked = self._checked(requests)
        read = self._planner.read(checked)
        plans = self._planner.plans(read, [asked.seed for asked in checked], Watcher())
        takes = self._casting.cast(checked, plans, Watcher(), self._planner.again(read, plans))
        return [self.codec.decode(take.codes[None, : self._shown(take.plan)])[0] for take in takes]

    def codes(self, captions: Sequence[str], tokens: Sequence[int], seeds: Sequence[int]) -> np.ndarray:
        """Codes (B, S, layers) of whole captions, each of so many tokens, -1 behind: as papers measure generators.

        No limits for users are looked at, no clauses are split, and the first take is the one.
        """
        read = self._reader.read(captions)
        given = zip(read, tokens, strict=True)
        passages = [Passage(k, 0, int(n), states.vector, states.words) for k, (states, n) in enumerate(given)]
        known = np.full((len(passages), max(tokens), self.codec.layers), -1, dtype=np.int64)
        return self.generator.sample(Draft(passages, np.array(tokens), list(seeds), known), Watcher())

    def _checked(self, requests: Sequence[Request]) -> list[Checked]:
        if not 1 <= len(requests) <= MAX_BATCH:
            raise MoclipError(
                f"A batch holds 1 to {MAX_BATCH} prompts, not {len(requests)}.", hint="Split it.", code="bad_batch"
            )
        if not self.edits and any(request.has_context for request in requests):
            why = f"is one of {self.generator.TITLE}, which" if not self.generator.EDITS else "is one of KIT-ML's, and"
            raise MoclipError(
                f"The model '{self.name}' {why} cannot go on from a motion.",
                hint="Generate a new motion, or use another model for edits.",
                code="no_edits",
            )
        return [check_request(request, self.fps) for request in requests]

    def _shown(self, plan: Plan) -> int:
        """Tokens that the frames asked for need."""
        return -(-plan.frames // self.codec.stride)

    def _warnings(self, read: Sequence[ReadRequest]) -> list[tuple[str, ...]]:
        """For the user, of each request before there is a motion."""
        warnings = [list(own.asked.warnings) for own in read]
        for own, told in zip(read, warnings, strict=True):
            for known in self._familiar_by(own.whole, own.clauses):
                told += [warning for warning in known.warnings if warning not in told]
        return [tuple(told) for told in warnings]

    def _result(self, asked: Checked, plan: Plan, codes: np.ndarray, warnings: tuple[str, ...]) -> Result:
        request, features = asked.request, self.codec.decode(codes[None])[0]
        if not request.has_context:
            motion = self._posing.motion(features[: plan.frames], plan)
            motion = replace(motion, text=asked.text, seed=asked.seed)
            shown = codes[: self._shown(plan)]
            return Result(motion, motion.seconds, asked.seed, warnings, shown, (0, plan.frames))
        kept, first = kept_of(request, self.codec.stride), plan.first * self.codec.stride
        end = first + plan.frames
        made = self._posing.motion(features, plan, lambda joints: fit_between(joints, first, end, kept))
        decoded = features_to_joints(features)
        contacts, warnings = (
            toe_contacts(decoded, self.fps)[first:end],
            warnings + pull_warning(decoded, first, end, kept),
        )
        motion = assemble(request.before, joined(made, first, end, kept, contacts), request.after, kept)
        start = request.before.frames if request.before is not None else 0
        motion = replace(motion, text=asked.text, seed=asked.seed)
        return Result(motion, motion.seconds, asked.seed, warnings, codes, (start, start + plan.frames))
