"""One task: what is fitted, what its global minimum is, and who tries to find it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.fits.outcome import Found
from benchmarks.rivals import MissingRivalError

Fit = Callable[[int], Found]  # of a seed
Fits = Callable[[int], list[Found]]  # so many of them

NEAR = 1.02  # times the lowest misfit: the right minimum, not yet at its bottom


class Contender(NamedTuple):
    """One who fits, and how its results are judged."""

    make: Callable[[], Fits]  # what may be prepared before the time of a fit; raises MissingRivalError
    kind: str  # "fit": the whole task for one seed, "start": from one random start, "rival": as "fit", but slow
    lowest: float  # chi2 of the global minimum in the contender's own quadrature
    margin: float  # chi2 above it that counts as found


class Requirement(NamedTuple):
    """What a contender must reach: a share of successes, or a ratio of median wall times to a rival's."""

    contender: str
    share: float | None = None
    rival: str | None = None
    ratio: float | None = None


def each(make: Callable[[], Fit]) -> Callable[[], Fits]:
    """Fit for one seed after the other."""

    def prepared() -> Fits:
        fit = make()
        return lambda number: [fit(seed) for seed in range(number)]

    return prepared


@dataclass
class FitCase:
    """Contenders for one task.

    Attributes
    ----------
    title : str
        What is fitted.
    check : callable
        Raises AssertionError where the contenders' misfits differ at one point by more than is explained.
    """

    title: str
    check: Callable[[], None]
    contenders: dict[str, Contender] = field(default_factory=dict)
    requirements: list[Requirement] = field(default_factory=list)

    def run(self, numbers: Mapping[str, int], say: Callable[[str], Any]) -> dict[str, Any]:
        """Prove that all mean the same, then fit: by each contender as often as its kind is to; returns plain data."""
        outcome: dict[str, Any] = {"title": self.title, "skipped": {}, "contenders": {}, "requirements": []}
        self.check()
        for name, contender in self.contenders.items():
            if numbers[contender.kind] == 0:
                continue
            say(f"  {name}")
            try:
                found = contender.make()(numbers[contender.kind])
            except MissingRivalError as error:
                outcome["skipped"][name] = str(error)
                continue
            outcome["contenders"][name] = summary(contender, found)
        for requirement in self.requirements:
            verdict = judged(requirement, outcome["contenders"])
            if verdict is not None:
                outcome["requirements"].append(verdict)
        return outcome


def summary(contender: Contender, found: list[Found]) -> dict[str, Any]:
    """Shares of successes and medians of a contender's fits, and the fits themselves."""
    misfits = [fit.chi2 for fit in found]
    return {
        "kind": contender.kind,
        "lowest": contender.lowest,
        "margin": contender.margin,
        "reached": sum(chi2 <= contender.lowest + contender.margin for chi2 in misfits),
        "near": sum(chi2 <= NEAR * contender.lowest for chi2 in misfits),
        "fits": len(found),
        "chi2": told(statistics.median(misfits)),
        "worst": told(max(misfits)),
        "evaluations": statistics.median(fit.evaluations for fit in found),
        "seconds": statistics.median(fit.seconds for fit in found),
        "found": [[told(number) for number in fit] for fit in found],
    }


def told(number: float) -> float | None:
    """None for what is infinite, which JSON does not know."""
    return number if math.isfinite(number) else None


def judged(requirement: Requirement, contenders: Mapping[str, Any]) -> dict[str, Any] | None:
    """Compare with what was required; None where somebody did not run."""
    ours = contenders.get(requirement.contender)
    rival = contenders.get(requirement.rival or requirement.contender)
    if ours is None or rival is None:
        return None
    if requirement.share is not None:
        value, required = ours["reached"] / ours["fits"], requirement.share
    else:
        assert requirement.ratio is not None
        value, required = rival["seconds"] / ours["seconds"], requirement.ratio
    return {**requirement._asdict(), "value": value, "required": required, "reached": bool(value >= required)}
