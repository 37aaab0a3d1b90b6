"""Scattering length densities, as numbers or from a chemical formula and a mass density."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.parameters import Expression, Operand, Parameter, Quantity, arrived, as_name, as_number, as_quantity

__all__ = ["Material", "as_fraction", "as_material", "magnetic_sld"]

_RADIATIONS = ("neutron", "x-ray")
_ROUNDING = 1e-12  # sums of decimal fractions round
# m_n mu_n mu_0 / (2 pi hbar^2) in CODATA 2018 values, 1e-6/angstrom^2 for 1000 A/m
_SLD_OF_KILOAMPERE_PER_METRE = (
    1e-11 * 1.67492749804e-27 * 9.6623651e-27 * 1.25663706212e-6 / (2.0 * math.pi * 1.054571817e-34**2)
)
_TABULATED_NEUTRON_WAVELENGTH = 1.798  # angstrom, 2200 m/s: where absorption cross sections are tabulated


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Material:
    """What a layer consists of: its scattering length density, given or computed from a formula.

    A formula gives ``sld = density * (sld at 1 g/cm^3)``: with a Parameter or Expression for the density, `sld`
    and `sld_imag` are expressions of it. For neutrons this is ``N sum(b)`` with the bound coherent scattering
    lengths b and the number N of formula units per volume, and ``N sum(sigma_a) / (2 wavelength)`` for the
    imaginary part [1]_; for X-rays ``r_e N sum(f1)`` and ``r_e N sum(f2)`` [2]_. The tables are periodictable's.

    Parameters
    ----------
    formula : str, optional
        Chemical formula as periodictable reads it: ``"SiO2"``, ``"D2O"`` (or ``"H[2]2O"``), ``"Ni[58]"``. It may
        end in the density: ``"SiO2@2.2"``, and ``"D2O@1n"`` for that of the substance with natural isotopes.
        Needs `radiation`, and excludes `sld` and `sld_imag`.
    density : float, Parameter or Expression, optional
        Mass density of the material as it is (isotopes included), g/cm^3, not negative. May be omitted if the
        formula states it, or is of a single element whose density is tabulated (for gases that of the liquid).
    sld : float, Parameter or Expression, optional
        Real part, 1e-6/angstrom^2, when there is no formula.
    sld_imag : float, Parameter or Expression, optional
        Imaginary part, 1e-6/angstrom^2, not negative (it absorbs), 0 when not given; only with `sld`.
    radiation : {"neutron", "x-ray"}, optional
        What is scattered. There is no default: a formula has both densities.
    wavelength : float, optional
        In angstrom, positive. Required for X-rays, whose scattering factors depend on it. For neutrons 1.798
        when not given, the wavelength at which absorption is tabulated; it matters only for the nuclei with
        tabulated resonances (Gd, Sm, Eu, ...), whose values stay at the table's end outside of its range. For
        all others absorption follows 1/v, and then `sld_imag` is the same at every wavelength.
    name : str, optional
        For tables and messages; the formula when not given.

    Attributes
    ----------
    sld, sld_imag : float or Expression
        Real and imaginary part, 1e-6/angstrom^2.
    formula, density, radiation, wavelength, name
        As given or found; None where it does not apply.

    Raises
    ------
    InvalidValueError
        If the two ways are mixed or neither is taken, something required is missing, a value is outside its
        domain, the formula cannot be read, or the tables have no value (unknown nuclei, X-ray energies out of range).
    UnknownNameError
        If `radiation` is another word.

    Notes
    -----
    A Material does not change after it is made; what is to vary is given as a Parameter. It may stand in any
    number of layers.

    References
    ----------
    .. [1] V. F. Sears, "Neutron scattering lengths and cross sections", Neutron News 3(3), 26-37 (1992),
       :doi:`10.1080/10448639208218770`
    .. [2] B. L. Henke, E. M. Gullikson, J. C. Davis, "X-ray interactions: photoabsorption, scattering,
       transmission, and reflection at E = 50-30,000 eV, Z = 1-92", At. Data Nucl. Data Tables 54, 181-342 (1993),
       :doi:`10.1006/adnd.1993.1013`

    Examples
    --------
    >>> from kiessig.materials import Material
    >>> from kiessig.parameters import Parameter
    >>> oxide = Material("SiO2", density=2.2, radiation="neutron")
    >>> round(oxide.sld, 2)
    3.47
    >>> density = Parameter(2.2, bounds=(1.8, 2.3), name="oxide density")
    >>> oxide = Material("SiO2", density=density, radiation="x-ray", wavelength=1.5418)
    >>> density.value = 2.0
    >>> round(oxide.sld.value, 2)
    17.15
    """

    sld: Quantity
    sld_imag: Quantity
    formula: str | None
    density: Quantity | None
    radiation: str | None
    wavelength: float | None
    name: str | None

    def __init__(
        self,
        formula: str | None = None,
        *,
        density: Operand | None = None,
        sld: Operand | None = None,
        sld_imag: Operand | None = None,
        radiation: str | None = None,
        wavelength: float | None = None,
        name: str | None = None,
    ) -> None:
        name = as_name(name, "Material")
        owner = "Material" if name is None else f"Material {name!r}"
        given: dict[str, Any] = {"density": density, "radiation": radiation, "wavelength": wavelength}
        if formula is None:
            _refuse(given, owner, "needs a formula", "give the formula, or sld and sld_imag alone")
            if sld is None:
                message = f"{owner}: either sld or a formula is required; got neither"
                raise InvalidValueError(message)
            unit = "1e-6/angstrom^2"
            given["sld"] = as_quantity(sld, owner, "sld")
            given["sld_imag"] = as_quantity(
                0.0 if sld_imag is None else sld_imag, owner, "sld_imag", unit=unit, non_negative=True
            )
        else:
            _refuse({"sld": sld, "sld_imag": sld_imag}, owner, "excludes a formula", "give one of them")
            given = _from_formula(formula, density, radiation, wavelength, owner)
        fields = {"formula": formula, "name": formula if name is None else name} | given
        for field, value in fields.items():
            object.__setattr__(self, field, value)  # the way a frozen dataclass sets its own fields

    @classmethod
    def mixture(
        cls, materials: Sequence[Material | Operand], fractions: Sequence[Operand], *, name: str | None = None
    ) -> Material:
        """Mix materials by volume fraction: ``sld = sum_i fraction_i * sld_i``, and so for the imaginary part.

        Parameters
        ----------
        materials : sequence of Material, float, Parameter or Expression
            What is mixed; a number is a real SLD, 1e-6/angstrom^2.
        fractions : sequence of float, Parameter or Expression
            Volume fractions, 0 to 1: one for each material but the last, which fills the rest, or one for each.
            All of them are used as they are, so that one may stand for a void by adding to less than 1.
        name : str, optional
            For tables and messages.

        Returns
        -------
        Material

        Raises
        ------
        InvalidValueError
            If there is no material, the numbers do not fit together, or the present values of numbers and Parameters
            lie outside of 0 to 1 or add to more than 1.

        See Also
        --------
        Material.solvated : two materials, one of which fills what the other leaves.

        Notes
        -----
        Volumes are taken to add. The mixture has to be fine compared with what the beam resolves in the plane; patches
        that are larger reflect on their own, see `kiessig.Patches`.

        Examples
        --------
        >>> import kiessig as ks
        >>> silica, water = ks.Material(sld=3.47), ks.Material(sld=6.36)
        >>> ks.Material.mixture([silica, water], [0.75]).sld
        4.1925
        """
        owner = "Material.mixture" if name is None else f"Material.mixture {name!r}"
        parts = [as_material(item, owner, f"materials[{i}]") for i, item in enumerate(materials)]
        shares = [as_fraction(item, owner, f"fractions[{i}]") for i, item in enumerate(fractions)]
        if not parts or len(parts) - len(shares) not in (0, 1):
            message = (
                f"{owner}: fractions must be one for each material, or for each but the last; "
                f"got {len(parts)} materials and {len(shares)} fractions"
            )
            raise InvalidValueError(message)
        known = [float(share) for share in shares if isinstance(share, float | Parameter)]
        if sum(known) > 1.0 + _ROUNDING:
            message = f"{owner}: fractions must add to at most 1; they add to {sum(known)}"
            raise InvalidValueError(message)
        if len(shares) < len(parts):
            rest: Quantity = 1.0
            for share in shares:
                rest = rest - share
            shares.append(rest)
        return cls(
            sld=_weighted(shares, [part.sld for part in parts]),
            sld_imag=_weighted(shares, [part.sld_imag for part in parts]),
            name=name,
        )

    def solvated(self, solvent: Material | Operand, fraction: Operand, *, name: str | None = None) -> Material:
        """Mix with a solvent that fills a volume fraction: ``(1 - fraction) * sld + fraction * solvent``.

        Parameters
        ----------
        solvent : Material, float, Parameter or Expression
            What penetrates; a number is a real SLD, 1e-6/angstrom^2.
        fraction : float, Parameter or Expression
            Its volume fraction, 0 to 1.
        name : str, optional
            For tables and messages; that of the dry material when not given.

        Returns
        -------
        Material

        Raises
        ------
        InvalidValueError
            If something is of another type or outside its domain.

        See Also
        --------
        kiessig.Layer : its `solvent` may be the backing of whatever sample the layer stands in.

        Examples
        --------
        >>> import kiessig as ks
        >>> ks.Material(sld=3.47).solvated(6.36, 0.25).sld
        4.1925
        """
        owner = "Material.solvated" if self.name is None else f"Material.solvated {self.name!r}"
        share = as_fraction(fraction, owner, "fraction")
        wet = as_material(solvent, owner, "solvent")
        return type(self).mixture([wet, self], [share], name=self.name if name is None else name)

    def __repr__(self) -> str:
        known: dict[str, object] = {"sld": self.sld, "sld_imag": self.sld_imag}
        if self.formula is not None:
            known = {"density": self.density, "radiation": self.radiation, "wavelength": self.wavelength} | known
        parts = [f"{key}={value}" for key, value in known.items() if value is not None]
        return f"Material({', '.join([repr(self.name)] * (self.name is not None) + parts)})"


def magnetic_sld(magnetisation: Operand) -> Quantity:
    r"""Convert a magnetisation to a magnetic scattering length density.

    .. math::

        \rho_M = \frac{m_n \mu_n \mu_0}{2 \pi \hbar^2} M

    with the CODATA 2018 values of the constants [1]_ [2]_: 2.9104e-3 (1e-6/angstrom^2) for 1 kA/m.

    Parameters
    ----------
    magnetisation : float, Parameter or Expression
        In kA/m, which is the same as emu/cm^3.

    Returns
    -------
    float or Expression
        Magnetic SLD, 1e-6/angstrom^2.

    Raises
    ------
    InvalidValueError
        If the argument is no finite number, Parameter or Expression.

    Notes
    -----
    Some programs use 2.853e-3, from older constants.

    References
    ----------
    .. [1] C. F. Majkrzak, K. V. O'Donovan, N. F. Berk, Polarized Neutron Reflectometry, in Neutron Scattering from
       Magnetic Materials (Elsevier, 2006), p. 397, doi:10.1016/B978-044451050-1/50010-0
    .. [2] E. Tiesinga, P. J. Mohr, D. B. Newell, B. N. Taylor, CODATA recommended values of the fundamental physical
       constants: 2018, Rev. Mod. Phys. 93, 025010 (2021), doi:10.1103/RevModPhys.93.025010

    Examples
    --------
    >>> import kiessig as ks
    >>> round(ks.magnetic_sld(1710), 3)  # iron at room temperature
    4.977
    """
    return as_quantity(magnetisation, "magnetic_sld", "magnetisation", unit="kA/m") * _SLD_OF_KILOAMPERE_PER_METRE


def as_fraction(value: object, owner: str, argument: str) -> Quantity:
    """Return a volume fraction, or raise InvalidValueError on behalf of `owner`; of expressions nothing is known."""
    fraction = as_quantity(value, owner, argument, non_negative=True)
    if isinstance(fraction, float | Parameter) and float(fraction) > 1.0:
        message = f"{owner}: {argument} must be from 0 to 1; {argument} = {fraction!r}"
        raise InvalidValueError(message)
    return fraction


def as_material(value: Material | Operand, owner: str, argument: str) -> Material:
    """Return a Material, of a real SLD where a number is given, or raise InvalidValueError on behalf of `owner`."""
    if isinstance(value, Material):
        return value
    if not isinstance(value, Expression):
        value = as_number(value, owner, argument, wanted="a Material, real number, Parameter or Expression")
    return Material(sld=value)


def _weighted(shares: Sequence[Quantity], values: Sequence[Quantity]) -> Quantity:
    total: Quantity = 0.0
    for share, value in zip(shares, values, strict=True):
        for factor in (share, value):
            if not isinstance(factor, Expression) and factor == 0.0:
                break  # exactly nothing: keeps a real mixture of real materials a number
        else:
            term = share * value
            total = term if not isinstance(total, Expression) and total == 0.0 else total + term
    return total


def _refuse(given: dict[str, Any], owner: str, why: str, remedy: str) -> None:
    for quantity, value in given.items():
        if value is not None:
            message = f"{owner}: {quantity} {why}; {quantity} = {value!r}; {remedy}"
            raise InvalidValueError(message)


def _from_formula(
    formula: str, density: Operand | None, radiation: str | None, wavelength: float | None, owner: str
) -> dict[str, Any]:
    radiation = _as_radiation(radiation, owner)
    if wavelength is not None:
        wavelength = as_number(wavelength, owner, "wavelength")
        if wavelength <= 0:
            message = f"{owner}: wavelength must be positive; wavelength = {wavelength} angstrom"
            raise InvalidValueError(message)
    elif radiation == "neutron":
        wavelength = _TABULATED_NEUTRON_WAVELENGTH
    else:
        message = f"{owner}: wavelength is required for x-rays; got none; give it in angstrom (Cu K-alpha: 1.5418)"
        raise InvalidValueError(message)
    compound = _parse(formula, owner)
    chosen = _choose_density(formula, compound, density, owner)
    sld, sld_imag = _sld_at_unit_density(formula, compound, radiation, wavelength, owner)
    return {
        "sld": chosen * sld,
        "sld_imag": chosen * sld_imag,
        "density": chosen,
        "radiation": radiation,
        "wavelength": wavelength,
    }


def _as_radiation(radiation: object, owner: str) -> str:
    allowed = " or ".join(repr(known) for known in _RADIATIONS)
    if radiation is None:
        message = f"{owner}: radiation is required with a formula; got none; give {allowed}"
        raise InvalidValueError(message)
    if isinstance(radiation, str) and radiation in _RADIATIONS:
        return radiation
    message = f"{owner}: radiation must be {allowed}; got {arrived(radiation)}"
    near = difflib.get_close_matches(str(radiation).lower(), _RADIATIONS, n=1)
    if near:
        message += f"; did you mean {near[0]!r}?"
    raise UnknownNameError(message)


def _parse(formula: object, owner: str) -> Any:
    import periodictable

    if not isinstance(formula, str):
        message = f"{owner}: formula must be a string; got {arrived(formula)}"
        raise InvalidValueError(message)
    reason = "it has no atoms"
    try:
        compound = periodictable.formula(formula)
        if compound.atoms:
            return compound
    except Exception as error:  # the parser raises whatever its grammar stumbles upon, TypeError and KeyError included
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    message = (
        f"{owner}: formula must be a chemical formula such as 'SiO2' or 'Ni[58]'; formula = {formula!r} ({reason})"
    )
    raise InvalidValueError(message) from None


def _choose_density(formula: str, compound: Any, density: Operand | None, owner: str) -> Quantity:
    in_formula = "@" in formula
    if density is not None:
        if in_formula:
            message = f"{owner}: density must be given once; formula = {formula!r} and density = {density!r}"
            raise InvalidValueError(message)
        return as_quantity(density, owner, "density", unit="g/cm^3", non_negative=True)
    # periodictable also guesses densities, as for mixtures of elements: those are the caller's to state.
    if compound.density is None or not (in_formula or len(compound.atoms) == 1):
        message = f"{owner}: density is required, none is tabulated for {formula!r}; give density= in g/cm^3"
        raise InvalidValueError(message)
    return float(compound.density)


def _sld_at_unit_density(
    formula: str, compound: Any, radiation: str, wavelength: float, owner: str
) -> tuple[float, float]:
    """Real and imaginary SLD at 1 g/cm^3; periodictable's imaginary parts are positive where they absorb, as ours."""
    import periodictable

    try:
        if radiation == "neutron":
            values = periodictable.neutron_sld(compound, density=1.0, wavelength=wavelength)
        else:
            values = periodictable.xray_sld(compound, density=1.0, wavelength=wavelength)
    except ValueError:  # no scattering factors for the element
        values = None
    if values is None or values[0] is None:
        message = f"{owner}: periodictable has no {radiation} scattering data for {formula!r}; give sld= instead"
        raise InvalidValueError(message)
    sld, sld_imag = float(values[0]), float(values[1])
    if not (math.isfinite(sld) and math.isfinite(sld_imag)):
        message = (
            f"{owner}: wavelength must lie within the tables (for x-rays about 0.42 to 410 angstrom); "
            f"wavelength = {wavelength} angstrom has none for {formula!r}"
        )
        raise InvalidValueError(message)
    return sld, sld_imag
