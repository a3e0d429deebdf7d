# SPDX-License-Identifier: Apache-2.0
"""Text to motion: prompts in, `Motion`s out."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from moclip.errors import Cancelled, MoclipError
from moclip.generate.context import Kept, assemble, codes_after, codes_before, fit_between, joined, keep, pull_warning
from moclip.generate.familiarity import load_familiarity
from moclip.generate.plan import SHORTEST_TOKENS, LinePlan, Plan, plan_line, plan_request
from moclip.generate.takes import best_takes, repeat_takes
from moclip.generators.base.runtime import Runtime
from moclip.generators.momask.sampling import SamplingOptions, ongoing, sample_base, sample_lengths, sample_residual
from moclip.models import JUDGE, LENGTH_TOWER, ModelFiles, load_model
from moclip.motion.features import features_to_joints, local_rotations
from moclip.motion.feet import hold_feet, toe_contacts
from moclip.motion.motion import Motion
from moclip.motion.solver import solve_rotations
from moclip.prompts.checks import LONGEST_SECONDS
from moclip.prompts.clauses import split_clauses
from moclip.prompts.requests import Checked, Request, Result, check_request, check_script_seconds
from moclip.runtimes import make_runtime
from moclip.text.tokenizer import Tokenizer

MAX_BATCH = 16


class TextToMotion:
    """A loaded model. Not thread-safe: one worker at a time."""

    def __init__(self, files: ModelFiles, runtime: Runtime, options: SamplingOptions | None = None):
        details = files.info.details
        known = {f.name for f in fields(SamplingOptions)}
        self.name, self.licence = files.info.name, files.info.licence
        self.fps = float(details["fps"])
        self.runtime, self.device = runtime.name, runtime.device
        self.options = options or SamplingOptions(
            **{k: v for k, v in details.get("sampling", {}).items() if k in known}
        )
        self.feature_count = int(files.configs["rvq"]["features"])
        self._network = runtime
        self._stride = 2 ** files.configs["rvq"]["down_t"]
        self._longest = int(LONGEST_SECONDS * self.fps) // self._stride
        self._local_rotations = files.configs["rvq"].get("rotation_channels") == "local"
        self._judged = JUDGE in files.arrays
        self._length_text = runtime.length_text if LENGTH_TOWER in files.arrays else None
        self._familiarity = load_familiarity(files)
        self._tokenizer = Tokenizer()

    @classmethod
    def load(cls, model: str = "embedded", runtime: str = "auto", device: str = "auto") -> "TextToMotion":
        """Load a model by name or folder. Raises MoclipError for what is missing, damaged or does not fit together."""
        files = load_model(model)
        return cls(files, make_runtime(files, runtime, device))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Text vectors (N, D) float32, not normalised."""
        return self._read(texts, self._network.text)

    def _read(self, texts: Sequence[str], tower: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        tokens = self._tokenizer.encode(texts)
        # The tower is causal and reads its result at the end-of-text token: what follows it changes nothing.
        return tower(tokens[:, : int(tokens.argmax(axis=1).max()) + 1])

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
        progress, cancelled = progress or (lambda stage, fraction: None), cancelled or (lambda: False)
        checked = self._checked(requests)
        progress("text", 0.0)
        plans, warnings = self._plans(checked)
        codes = self._codes(checked, plans, progress, cancelled)
        results = []
        for k, (asked, plan) in enumerate(zip(checked, plans, strict=True)):
            if cancelled():
                raise Cancelled
            progress("solve", k / len(plans))
            results.append(self._result(asked, plan, codes[k, : len(plan.known)], warnings[k]))
        progress("done", 1.0)
        return results

    def features(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Features (T, F) of requests without neighbours as the networks make them, T in whole tokens.

        They are what `generate` solves rotations of, so measuring them costs less. Raises what it raises.
        """
        checked = self._checked(requests)
        plans, _ = self._plans(checked)
        codes = self._codes(checked, plans, lambda stage, fraction: None, lambda: False)
        return [self._network.decode(own[None, : self._shown(plan)])[0] for own, plan in zip(codes, plans, strict=True)]

    def _checked(self, requests: Sequence[Request]) -> list[Checked]:
        if not 1 <= len(requests) <= MAX_BATCH:
            raise MoclipError(
                f"A batch holds 1 to {MAX_BATCH} prompts, not {len(requests)}.", hint="Split it.", code="bad_batch"
            )
        return [check_request(request, self.fps) for request in requests]

    def _shown(self, plan: Plan) -> int:
        """Tokens that the frames asked for need."""
        return -(-plan.frames // self._stride)

    def _length_logits(self, prompts: Sequence[str], clauses: list[np.ndarray]) -> np.ndarray:
        """(all clauses of all prompts, classes) by the tower that the length estimator was trained with."""
        if self._length_text:
            clauses = self._clauses(prompts, self._read(prompts, self._length_text), self._length_text)
        return self._network.length(np.concatenate(clauses))

    def _clauses(
        self, prompts: Sequence[str], text: np.ndarray, tower: Callable[[np.ndarray], np.ndarray]
    ) -> list[np.ndarray]:
        """Text vectors (K, D) of the clauses of each prompt, one after the other; its own where it has but one.

        text: (B, D) of the prompts by this tower.
        """
        parts = [split_clauses(prompt) if self.options.by_clause else [prompt] for prompt in prompts]
        # No motion is long enough for more, and embedding them all would take its time.
        most = self._longest // SHORTEST_TOKENS
        parts = [part if len(part) <= most else [prompt] for part, prompt in zip(parts, prompts, strict=True)]
        several = [clause for clauses in parts if len(clauses) > 1 for clause in clauses]
        vectors = iter(self._read(several, tower)) if several else iter(())
        share = self.options.sentence_share
        rows = []
        for whole, clauses in zip(text, parts, strict=True):
            mixed = [share * whole + (1 - share) * next(vectors) for _ in clauses] if len(clauses) > 1 else [whole]
            rows.append(np.stack(mixed))
        return rows

    def _plans(self, checked: Sequence[Checked]) -> tuple[list[Plan], list[tuple[str, ...]]]:
        """What to sample for each request, and warnings for the user."""
        lines = [line for asked in checked for line in asked.lines]
        owners = [k for k, asked in enumerate(checked) for _ in asked.lines]
        prompts = [line.text for line in lines]
        text = self.embed(prompts)
        clauses = self._clauses(prompts, text, self._network.text)
        seeds = [checked[k].seed for k, texts in zip(owners, clauses, strict=True) for _ in texts]
        logits = self._length_logits(prompts, clauses)
        sampled = sample_lengths(logits, seeds, SHORTEST_TOKENS, self._longest)
        predicted = iter(zip(sampled, ongoing(logits, self._longest), strict=True))
        planned: list[list[LinePlan]] = [[] for _ in checked]
        for k, line, texts, whole in zip(owners, lines, clauses, text, strict=True):
            lengths, endless = (np.array(column) for column in zip(*(next(predicted) for _ in texts), strict=True))
            scale = (self.fps, self._longest, self._stride)
            planned[k].append(plan_line(line.seconds, texts, lengths, endless, whole, *scale))
        warnings = [list(asked.warnings) for asked in checked]
        if self._familiarity:
            for k, far in zip(owners, self._familiarity.warnings(text), strict=True):
                warnings[k] += [warning for warning in far if warning not in warnings[k]]
        plans = [self._plan(k, asked, planned[k]) for k, asked in enumerate(checked)]
        return plans, [tuple(told) for told in warnings]

    def _plan(self, row: int, asked: Checked, lines: list[LinePlan]) -> Plan:
        frames = sum(line.frames for line in lines)
        check_script_seconds(frames / self.fps)
        before = after = np.zeros((0, self._network.quantizers), dtype=np.int64)
        if asked.request.has_context:
            kept, channels = self._kept(asked.request), "local" if self._local_rotations else "humanml3d"
            if kept.before is not None:
                before = codes_before(kept.before, self._network.encode, self._stride, channels)
            if kept.after is not None:
                skipped = -frames % self._stride
                after = codes_after(kept.after, skipped, self._network.encode, self._stride, channels)
        return plan_request(row, lines, self._stride, self.options.window, before, after)

    def _kept(self, request: Request) -> Kept:
        return keep(request.before, request.after, self._stride)

    def _codes(
        self,
        checked: Sequence[Checked],
        plans: Sequence[Plan],
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> np.ndarray:
        """(B, S, Q) codes of each request, of its best take."""
        options = self.options
        takes = [(options.ongoing_takes if p.ongoing else options.takes) if self._judged else 1 for p in plans]
        lengths = np.array([len(plan.known) for plan in plans])
        known = np.full((len(plans), lengths.max(), self._network.quantizers), -1)
        for row, plan in enumerate(plans):
            known[row, : lengths[row]] = plan.known
        passages, seeds = [p for plan in plans for p in plan.passages], [asked.seed for asked in checked]
        passages, lengths, seeds = repeat_takes(passages, lengths, seeds, takes)
        known = np.repeat(known, takes, axis=0)
        told = (options, progress, cancelled)
        base = sample_base(self._network, passages, lengths, seeds, *told, known=known[..., 0])
        codes = sample_residual(self._network, base, passages, lengths, seeds, *told, known=known)
        return codes if max(takes) == 1 else codes[best_takes(self._network, codes, passages, takes)]

    def _result(self, asked: Checked, plan: Plan, codes: np.ndarray, warnings: tuple[str, ...]) -> Result:
        request, features = asked.request, self._network.decode(codes[None])[0]
        if not request.has_context:
            motion = self._motion(features[: plan.frames], asked, None)
            shown = codes[: self._shown(plan)]
            return Result(motion, motion.seconds, asked.seed, warnings, shown, (0, plan.frames))
        kept, first = self._kept(request), plan.first * self._stride
        end = first + plan.frames
        made = self._motion(features, asked, lambda joints: fit_between(joints, first, end, kept))
        decoded = features_to_joints(features)
        contacts, warnings = (
            toe_contacts(decoded, self.fps)[first:end],
            warnings + pull_warning(decoded, first, end, kept),
        )
        motion = assemble(request.before, joined(made, first, end, kept, contacts), request.after, kept)
        start = request.before.frames if request.before is not None else 0
        motion = replace(motion, text=asked.text, seed=asked.seed)
        return Result(motion, motion.seconds, asked.seed, warnings, codes, (start, start + plan.frames))

    def _motion(self, features: np.ndarray, asked: Checked, place: Callable[[np.ndarray], np.ndarray] | None) -> Motion:
        """place: what becomes of the joints (T, 22, 3) before their rotations are solved."""
        leaves = local_rotations(features) if self._local_rotations else None
        joints = features_to_joints(features)
        contacts = toe_contacts(joints, self.fps)
        if place is not None:
            joints = place(joints)
        if self.options.hold_feet:
            joints = hold_feet(joints, self.fps, contacts)
        solved = solve_rotations(joints, leaf_rotations=leaves, fps=self.fps)
        return Motion(self.fps, solved.rotations, solved.root_translation, solved.offsets, asked.text, asked.seed)
