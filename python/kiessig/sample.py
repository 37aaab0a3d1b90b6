"""Samples: components joined, and the slabs that they come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig._sample_table import table
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.layer import UNITS, Component, Layer, Slice
from kiessig.materials import Material
from kiessig.parameters import Expression, Quantity, arrived, as_name, evaluate
from kiessig.profile import profile_depths, sum_of_steps

if TYPE_CHECKING:
    from kiessig.interfaces import InterfaceShape

__all__ = ["Layer", "MagneticSlabs", "Sample", "SlabExpressions", "Slabs"]

FloatArray: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = tuple[tuple[int, int, int], ...]

_PARTS = ("sld", "sld_imag", "sld_magnetic")


class Slabs(NamedTuple):
    """Numbers that the kernels take, for n inner layers, in the beam's direction.

    Attributes
    ----------
    thickness : float array, shape (n,)
        Of the inner layers, angstrom.
    sld, sld_imag : float array, shape (n + 2,)
        Of fronting, inner layers and backing, 1e-6/angstrom^2.
    roughness : float array, shape (n + 1,)
        Of the interfaces, entry j between media j and j + 1, angstrom.
    """

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray


class SlabExpressions(NamedTuple):
    """What stands behind `Slabs`: the same four as lists of float or Expression, and what only some samples have.

    Attributes
    ----------
    thickness, sld, sld_imag, roughness : list of float or Expression
        As in `Slabs`, with each repeated cell written once.
    repeats : tuple of (int, int, int), optional
        Repeated cells in the form of the kernels' argument `repeats`.
    sld_magnetic, theta_m, phi_m : list of float or Expression, optional
        Of every medium, as the arguments of `kiessig.polarised_reflectivity`; None where nothing is magnetic.
    """

    thickness: list[Quantity]
    sld: list[Quantity]
    sld_imag: list[Quantity]
    roughness: list[Quantity]
    repeats: tuple[tuple[int, int, int], ...] | None = None
    sld_magnetic: list[Quantity] | None = None
    theta_m: list[Quantity] | None = None
    phi_m: list[Quantity] | None = None


class MagneticSlabs(NamedTuple):
    """Numbers that `kiessig.polarised_reflectivity` takes, every repeated cell written out.

    Attributes
    ----------
    thickness, sld, sld_imag, roughness : float array
        As in `Slabs`.
    sld_magnetic, theta_m, phi_m : float array, shape (n + 2,)
        Magnetic SLD, 1e-6/angstrom^2, and the direction of the magnetisation, degrees; 0, 90 and 0 where a medium is
        not magnetic.
    """

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    sld_magnetic: FloatArray
    theta_m: FloatArray
    phi_m: FloatArray


class Sample(Component):
    """Media in the beam's direction, from the fronting to the backing.

    ``a | b | c`` is the same as ``Sample([a, b, c])``; layers, other components, samples and materials may be joined so
    (of the first two, at least one no Material). A Sample may therefore be a piece of a larger one, such as a bilayer
    without its surroundings, and two samples join into the media of the first followed by those of the second.
    Whether it is complete is checked when it is used (`slabs`, `slab_expressions`, `sld_profile`).

    Parameters
    ----------
    layers : iterable of Layer, other Component, Sample or Material
        The media. A Material stands for a fronting or backing, without roughness.
    name : str, optional
        For tables and messages; a longer sample does not inherit it.

    Raises
    ------
    InvalidValueError
        If an entry is none of these, or there is none.

    Notes
    -----
    Layers and parameters may be shared between samples: one object has one value wherever it stands, and a fit
    of measurements on these samples refines it once (co-refinement).

    Cells of a `kiessig.Stack` stand once in `layers`, with their counts in `cells`, unless the sample is magnetic: the
    polarised kernel knows no repeats, and its stacks are written out.

    Examples
    --------
    >>> from kiessig.sample import Layer, Sample
    >>> sample = Sample([Layer(sld=0), Layer(100, sld=3.47), Layer(sld=2.07, roughness=3)])
    >>> sample.slabs().roughness
    array([0., 3.])
    """

    __slots__ = ("_cells", "_expressions", "_layers", "_name")

    def __init__(self, layers: Iterable[Component | Material], name: str | None = None) -> None:
        self._name = as_name(name, "Sample")
        if isinstance(layers, Component | Material) or not isinstance(layers, Iterable):
            message = f"Sample: layers must be a list of Layers; got {arrived(layers)}"
            raise InvalidValueError(message)
        found: list[Layer] = []
        cells: list[tuple[int, int, int]] = []
        for index, item in enumerate(layers):
            if not isinstance(item, Component | Material):
                message = (
                    "Sample: layers must be Layers, Samples or Materials, or other Components; "
                    f"layers[{index}] is {arrived(item)}"
                )
                raise InvalidValueError(message)
            if isinstance(item, Material):
                found.append(Layer(sld=item))
                continue
            cells += [(len(found) + start, len(found) + stop, count) for start, stop, count in item.cells]
            found.extend(item.layers)
        if not found:
            message = "Sample: at least one layer is required; got none"
            raise InvalidValueError(message)
        if cells and any(layer.is_magnetic for layer in found):
            found, cells = [found[place] for place in written_out(len(found), tuple(cells))], []
        self._layers = tuple(found)
        self._cells: Cells = tuple(cells)
        self._expressions: SlabExpressions | None = None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The media in the beam's direction, those of repeated cells once."""
        return self._layers

    @property
    def cells(self) -> Cells:
        """Repeated cells: (start, stop, count) says that ``layers[start:stop]`` stand count times."""
        return self._cells

    @property
    def name(self) -> str | None:  # type: ignore[override]  # read only here
        """For tables and messages."""
        return self._name

    @property
    def is_magnetic(self) -> bool:
        """Whether a medium has a magnetic SLD."""
        return any(layer.is_magnetic for layer in self._layers)

    def written_out(self) -> Sample:
        """Return the same sample with every repeat of its cells as layers of their own.

        Returns
        -------
        Sample
        """
        return Sample([self._layers[place] for place in written_out(len(self._layers), self._cells)], self._name)

    def densities(self) -> list[tuple[Quantity, Quantity]]:
        """Return sld and sld_imag of every medium, with the solvents in.

        Returns
        -------
        list of (float or Expression, float or Expression)
            In the order of `layers`.
        """
        ends = self._layers[0], self._layers[-1]
        return [layer.densities(*ends) for layer in self._layers]

    def slab_expressions(self) -> SlabExpressions:
        """Thickness, sld, sld_imag and roughness as numbers and expressions, for recording.

        Returns
        -------
        SlabExpressions
            Lists with the lengths n, n + 2, n + 2 and n + 1 for n inner layers, and repeats and magnetism where the
            sample has them.

        Raises
        ------
        InvalidValueError
            If the sample is not complete: fewer than two media, an inner layer without thickness, a fronting or
            backing with one, or a fronting with roughness.
        """
        if self._expressions is None:
            self._check_complete()
            densities = self.densities()
            magnetic: list[list[Quantity] | None] = [None, None, None]
            if self.is_magnetic:
                names = ("sld_magnetic", "theta_m", "phi_m")
                magnetic = [[getattr(layer, name) for layer in self._layers] for name in names]
            self._expressions = SlabExpressions(
                [layer.thickness for layer in self._layers[1:-1] if layer.thickness is not None],
                [sld for sld, _ in densities],
                [sld_imag for _, sld_imag in densities],
                [layer.roughness for layer in self._layers[1:]],
                tuple((start - 1, stop - 1, count) for start, stop, count in self._cells) or None,
                *magnetic,
            )
        fields: list[Any] = [list(item) if isinstance(item, list) else item for item in self._expressions]
        return SlabExpressions(*fields)

    def slabs(self) -> Slabs:
        """Thickness, sld, sld_imag and roughness at the present values of the parameters, all repeats written out.

        Returns
        -------
        Slabs
            Fresh float arrays. What a sample has of magnetism is not among them, see `magnetic_slabs`.

        Raises
        ------
        InvalidValueError
            As `slab_expressions`, or if a value is not finite, or is negative where it must not be.
        """
        return Slabs(*self.magnetic_slabs()[:4])

    def magnetic_slabs(self) -> MagneticSlabs:
        """All that the polarised kernel takes, at the present values of the parameters, all repeats written out.

        Returns
        -------
        MagneticSlabs
            Fresh float arrays.

        Raises
        ------
        InvalidValueError
            As `slabs`.

        Examples
        --------
        >>> import kiessig as ks
        >>> iron = ks.Layer(200, sld=8.0, sld_magnetic=ks.magnetic_sld(1700), name="Fe")
        >>> slabs = (ks.Layer(sld=0) | iron | ks.Layer(sld=2.07)).magnetic_slabs()
        >>> slabs.sld_magnetic.round(2)
        array([0.  , 4.95, 0.  ])
        """
        expressions = self.slab_expressions()
        thickness, sld, sld_imag, roughness = (np.array(evaluate(items), dtype=np.float64) for items in expressions[:4])
        for quantity, values, first in (
            ("thickness", thickness, 1),
            ("sld_imag", sld_imag, 0),
            ("roughness", roughness, 1),
        ):
            negative = np.flatnonzero(values < 0)
            if negative.size:
                place, value = self._place(first + int(negative[0])), float(values[negative[0]])
                message = f"Sample: {quantity} must be non-negative; {place} has {quantity} = {value} {UNITS[quantity]}"
                raise InvalidValueError(message)
        count = len(self._layers)
        magnetic = [
            np.full(count, standard) if items is None else np.array(evaluate(items), dtype=np.float64)
            for items, standard in zip(expressions[5:], (0.0, 90.0, 0.0), strict=True)
        ]
        media = written_out(count, self._cells)
        return MagneticSlabs(
            thickness[media[1:-1] - 1],
            sld[media],
            sld_imag[media],
            roughness[media[1:] - 1],
            *(values[media] for values in magnetic),
        )

    def sld_profile(
        self, z: ArrayLike | None = None, *, n_points: int | None = None, part: str = "sld"
    ) -> tuple[FloatArray, FloatArray]:
        """Compute a scattering length density against depth, the real part if nothing else is asked for.

        With interfaces at depths ``z_j``, ``z_0 = 0``, every interface contributes an error function:
        ``sld(z) = sld_0 + sum_j (sld_{j+1} - sld_j) * (1 + erf((z - z_j) / (sqrt(2) roughness_j))) / 2``, which
        is the profile that belongs to Névot and Croce's roughness factor [1]_. A roughness of 0 is a step, with
        the mean of both sides at the interface itself.

        Parameters
        ----------
        z : float array, any shape, optional
            Depths in angstrom, in the beam's direction from the first interface.
        n_points : int, optional
            Number of depths where `z` is not given, at least 2; 500 by default. They are equidistant and reach
            beyond the outer interfaces by four times the roughness and a margin of a twentieth of the whole.
        part : {"sld", "sld_imag", "sld_magnetic"}
            Real or imaginary part, or the magnetic SLD, whose direction is not looked at.

        Returns
        -------
        z : float array
            The depths, angstrom.
        sld : float array, shape of `z`
            1e-6/angstrom^2.

        Raises
        ------
        InvalidValueError
            As `slabs`, or if `z` is not real and finite, `n_points` no integer above 1, or both are given.
        UnknownNameError
            For another part.

        Notes
        -----
        The factor and the profile correspond where each roughness is small compared with the layers beside it.

        The steps between the slices of a continuous profile are drawn smooth, each half as wide as its slices.

        References
        ----------
        .. [1] L. Névot, P. Croce, "Caractérisation des surfaces par réflexion rasante de rayons X. Application à
           l'étude du polissage de quelques verres silicates", Rev. Phys. Appl. 15, 761-779 (1980),
           :doi:`10.1051/rphysap:01980001503076100`
        """
        if part not in _PARTS:
            message = f"sld_profile: part must be one of {', '.join(map(repr, _PARTS))}; got {arrived(part)}"
            raise UnknownNameError(message)
        slabs = self.magnetic_slabs()
        interfaces = np.concatenate([[0.0], np.cumsum(slabs.thickness)])
        depths = profile_depths(z, n_points, interfaces, slabs.roughness)
        media = written_out(len(self._layers), self._cells)
        sliced = np.array([isinstance(self._layers[place], Slice) for place in media[1:]])
        beside = np.concatenate([[0.0], slabs.thickness, [0.0]])
        smooth = np.where(sliced, 0.25 * (beside[1:] + beside[:-1]), slabs.roughness)
        return depths, sum_of_steps(depths, interfaces, getattr(slabs, part), smooth)

    @property
    def q_max(self) -> float:
        """Largest absolute Q, 1/angstrom, that slices were chosen for; infinite where there are none."""
        return min((float(getattr(layer, "q_max", math.inf)) for layer in self._layers), default=math.inf)

    def with_interfaces(
        self,
        interfaces: str | InterfaceShape | Sequence[str | InterfaceShape],
        *,
        q_max: float,
        error: float = 1e-5,
    ) -> Sample:
        """Return the sample with interfaces of other shapes, in slices.

        Parameters
        ----------
        interfaces : name or InterfaceShape, or a sequence of one for each interface
            "erf", "tanh", "linear", "exponential", "sinusoidal", "step" or a shape of your own, see
            `kiessig.interfaces`, with the roughness as its width; "nevot-croce" for an interface that keeps its
            roughness as it is. Repeats of stacks count one by one.
        q_max : float
            Largest absolute Q that will be asked for, 1/angstrom.
        error : float
            Bound of the relative error of R, from 1e-8 to 1e-2, as in `kiessig.microslices`.

        Returns
        -------
        Sample
            Whose slabs are expressions of the same parameters. Stacks are written out.

        Raises
        ------
        ShapeError, InvalidValueError
            For another number of interfaces, an unknown shape, bad numbers, too many steps, and a magnetic sample.

        See Also
        --------
        kiessig.microslices : for arrays, with interfaces that may overlap.

        Notes
        -----
        The steps stay where they are relative to each other for all values of the parameters; therefore neighbouring
        interfaces must not overlap. An error function has steps up to 6, a tanh up to 15 times its width away. Where
        interfaces come to overlap in a fit, the layer between has a negative thickness, which is refused there. The
        number of steps is chosen for the bounds of parameters, as by `kiessig.ContinuousProfile`.

        Examples
        --------
        >>> import kiessig as ks
        >>> film = ks.Layer(100, sld=6.3, roughness=ks.Parameter(5, bounds=(2, 10), name="width"), name="film")
        >>> sample = ks.Layer(sld=0) | film | ks.Layer(sld=2.07, roughness=3)
        >>> sliced = sample.with_interfaces(["tanh", "nevot-croce"], q_max=0.2)
        >>> [parameter.name for parameter in sliced.parameters], sliced.q_max
        (['width'], 0.2)
        """
        from kiessig.components.shaped import shaped_sample

        return shaped_sample(self, interfaces, q_max, error)

    @classmethod
    def from_orso(
        cls, model: str | Mapping[str, Any], *, radiation: str = "neutron", wavelength: float | None = None
    ) -> Sample:
        """Build a sample from the simple model language of ORSO's file headers [1]_.

        Parameters
        ----------
        model : str or mapping
            A stack, such as ``"air | 10 ( Si 7 | Fe 7 ) | Si"``, or what a header has: a mapping with the entry
            ``stack`` and, as needed, ``layers``, ``materials``, ``sub_stacks``, ``globals`` and mixtures.
            Lengths are in nm where it does not say otherwise, and the roughness of every interface is 0.3 nm where
            none is given, as the language has it.
        radiation : {"neutron", "x-ray"}
            What is scattered.
        wavelength : float, optional
            In angstrom; required for X-rays, see `kiessig.Material`.

        Returns
        -------
        Sample

        Raises
        ------
        InvalidValueError
            If the model cannot be read, or a material is not known: a compound needs its density or SLD in the model.
        UnknownNameError
            For another radiation.

        See Also
        --------
        to_orso : the way back.
        kiessig.load_sample : the model in the header of an ``.ort`` file.

        Notes
        -----
        Nothing is looked up in a data base: densities of elements are periodictable's, all others the model must state.

        References
        ----------
        .. [1] The ORSO simple sample model, https://www.reflectometry.org/projects/simple_model

        Examples
        --------
        >>> import kiessig as ks
        >>> sample = ks.Sample.from_orso("vacuum | 10 ( Si 7 | Fe 7 ) | Si")
        >>> print(sample)
        Sample: 4 media
          medium  thickness  sld      sld_imag     roughness
        0 vacuum  -          0        0            0
        1 Si      70         2.07374  2.37579e-05  3
        2 Fe      70         8.02405  0.000604481  3
        3 Si      -          2.07374  2.37579e-05  3
        media 1 to 2 stand 10 times
        thickness, roughness: angstrom; sld, sld_imag: 1e-6/angstrom^2
        """
        from kiessig.orso_model import sample_from_orso

        return sample_from_orso(model, radiation=radiation, wavelength=wavelength)

    def to_orso(self) -> dict[str, Any]:
        """Describe the sample, at the present values of its parameters, in the language of `from_orso`.

        Returns
        -------
        dict
            With the entries ``stack``, ``layers`` and ``globals``: what stands under ``sample: model:`` in a header.
            Materials are SLDs, solvents are mixed in, and slices of profiles are layers.

        Raises
        ------
        InvalidValueError
            As `slabs`, and for a magnetic sample: the language has magnetic moments of formulas, and no magnetic SLD.

        Examples
        --------
        >>> import kiessig as ks
        >>> film = ks.Layer(100, sld=6.3, roughness=5, name="film")
        >>> model = (ks.Layer(sld=0, name="air") | film | ks.Layer(sld=2.07, name="Si")).to_orso()
        >>> model["stack"]
        'air | film | Si'
        >>> ks.Sample.from_orso(model).slabs().thickness
        array([100.])
        """
        from kiessig.orso_model import sample_to_orso

        return sample_to_orso(self)

    def __repr__(self) -> str:
        return table(self)

    def __getstate__(self) -> tuple[tuple[Layer, ...], Cells, str | None]:
        return self._layers, self._cells, self._name

    def __setstate__(self, state: tuple[tuple[Layer, ...], Cells, str | None]) -> None:
        self._layers, self._cells, self._name = state
        self._expressions = None

    def _place(self, index: int) -> str:
        name = self._layers[index].name
        return f"layers[{index}]" if name is None else f"layers[{index}] {name!r}"

    def _check_complete(self) -> None:
        last = len(self._layers) - 1
        if last < 1:
            message = f"Sample: at least two media are required, a fronting and a backing; got only {self._place(0)}"
            raise InvalidValueError(message)
        for index, layer in enumerate(self._layers):
            inner = 0 < index < last
            if inner and layer.thickness is None:
                message = f"Sample: an inner layer must have a thickness; {self._place(index)} of {last + 1} has none"
                raise InvalidValueError(message)
            if not inner and layer.thickness is not None:
                role = "fronting (first medium)" if index == 0 else "backing (last medium)"
                message = (
                    f"Sample: the {role} must have no thickness; "
                    f"{self._place(index)} has thickness = {layer.thickness} angstrom"
                )
                raise InvalidValueError(message)
        roughness = self._layers[0].roughness
        if isinstance(roughness, Expression) or roughness != 0:
            message = (
                f"Sample: the fronting has no top interface, its roughness must be 0; {self._place(0)} has "
                f"roughness = {roughness} angstrom; an interface's roughness belongs to the layer below it"
            )
            raise InvalidValueError(message)


def written_out(n: int, cells: Cells) -> NDArray[np.intp]:
    """Return the places of n layers in the order and as often as the beam meets them."""
    places: list[NDArray[np.intp]] = []
    done = 0
    for start, stop, count in cells:
        places += [np.arange(done, start), np.tile(np.arange(start, stop), count)]
        done = stop
    return np.concatenate([*places, np.arange(done, n)])
