"""Samples that are not the same everywhere: patches side by side."""

from __future__ import annotations

from collections.abc import Sequence

from kiessig.errors import InvalidValueError
from kiessig.materials import as_fraction
from kiessig.parameters import Operand, Parameter, Quantity, arrived, as_name, free_parameters
from kiessig.sample import Sample

__all__ = ["Patches"]

_ROUNDING = 1e-12  # sums of decimal fractions round


class Patches:
    """Samples side by side in one beam, each with its share of the area.

    Parameters
    ----------
    samples : sequence of Sample
        What the patches are; complete ones, at least one.
    fractions : sequence of float, Parameter or Expression
        Shares of the area, 0 to 1: one for each sample but the last, which covers the rest, or one for each; these are
        used as they are, and need not add to 1.
    coherent : bool
        False: the patches are larger than the beam is coherent in the plane, their intensities add. True: smaller than
        that, their amplitudes add; all samples must then have the same fronting.
    name : str, optional
        For tables and messages.

    Attributes
    ----------
    samples : tuple of Sample
    fractions : list of float or Expression
        One for each sample.
    coherent : bool

    Raises
    ------
    InvalidValueError
        If there is no sample, one is not complete, the numbers do not fit together, or present values lie outside of 0
        to 1.

    See Also
    --------
    kiessig.mixture_reflectivity : the formulas.

    Examples
    --------
    >>> import kiessig as ks
    >>> covered = ks.Parameter(0.7, bounds=(0, 1), name="coverage")
    >>> silicon = ks.Layer(sld=2.07)
    >>> bare, film = ks.Layer(sld=0) | silicon, ks.Layer(sld=0) | ks.Layer(100, sld=6.3) | silicon
    >>> patches = ks.Patches([film, bare], [covered])
    >>> [float(share) for share in patches.fractions]
    [0.7, 0.30000000000000004]
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        fractions: Sequence[Operand],
        *,
        coherent: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = as_name(name, "Patches")
        owner = "Patches" if name is None else f"Patches {name!r}"
        self.samples = tuple(samples)
        for index, sample in enumerate(self.samples):
            if not isinstance(sample, Sample):
                message = f"{owner}: samples must be Samples; samples[{index}] is {arrived(sample)}"
                raise InvalidValueError(message)
            sample.slab_expressions()  # raises where the sample is not complete
        shares: list[Quantity] = [as_fraction(item, owner, f"fractions[{i}]") for i, item in enumerate(fractions)]
        if not self.samples or len(self.samples) - len(shares) not in (0, 1):
            message = (
                f"{owner}: fractions must be one for each sample, or for each but the last; "
                f"got {len(self.samples)} samples and {len(shares)} fractions"
            )
            raise InvalidValueError(message)
        if len(shares) < len(self.samples):
            known = [float(share) for share in shares if isinstance(share, float | Parameter)]
            if sum(known) > 1.0 + _ROUNDING:
                message = f"{owner}: fractions must add to at most 1; they add to {sum(known)}"
                raise InvalidValueError(message)
            rest: Quantity = 1.0
            for share in shares:
                rest = rest - share
            shares.append(rest)
        self.fractions = shares
        self.coherent = bool(coherent)

    @property
    def parameters(self) -> list[Parameter]:
        """Free parameters: of the samples, then of the fractions."""
        return free_parameters([*(found for sample in self.samples for found in sample.parameters), *self.fractions])

    def __repr__(self) -> str:
        kind = "coherent" if self.coherent else "incoherent"
        shares = ", ".join(f"{float(share):.6g}" for share in self.fractions)
        label = "" if self.name is None else f"{self.name!r}, "
        return f"Patches({label}{len(self.samples)} samples, {kind}, fractions [{shares}])"
