"""Reflectivity of scipp's variables: the same numbers as of arrays, units converted, bins kept."""

from __future__ import annotations

import subprocess
import sys
from typing import NewType

import numpy as np
import pytest

import kiessig as ks
from kiessig.adapters.scipp import dataset, provider, reflectivity
from kiessig.errors import DataError, InvalidValueError, ShapeError

sc = pytest.importorskip("scipp", reason="scipp is not installed")

STACK = ([100.0, 30.0], [0.0, 3.47, 6.0, 2.07], 0.01, [3.0, 2.0, 4.0])


def events(n=500, seed=0):
    """Events in bins of a wavelength, of which some are empty, as a reduction has them."""
    rng = np.random.default_rng(seed)
    q = sc.array(dims=["event"], values=rng.uniform(0.1, 3.0, n), unit="1/nm")
    table = sc.DataArray(
        sc.ones(sizes={"event": n}), coords={"Q": q, "x": sc.array(dims=["event"], values=rng.random(n))}
    )
    return table.bin(x=sc.linspace("x", -0.5, 1.0, 13))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dense(dtype):
    q = sc.linspace("Q", 0.1, 3.0, 24, unit="1/nm").to(dtype=dtype)
    found = reflectivity(q, *STACK)
    assert found.dims == q.dims
    assert found.unit == sc.units.one
    assert found.variances is None
    np.testing.assert_allclose(found.values, ks.reflectivity(0.1 * q.values.astype(float), *STACK), rtol=1e-10)
    square = reflectivity(q.fold("Q", sizes={"a": 4, "b": 6}), *STACK)
    assert dict(square.sizes) == {"a": 4, "b": 6}
    np.testing.assert_array_equal(square.values.ravel(), found.values)
    scalar = reflectivity(q[3], *STACK)
    assert scalar.dims == ()
    # one point and many take different paths of the vectorised kernel
    assert scalar.value == pytest.approx(found.values[3], rel=1e-12)


def test_units_of_the_sample():
    q = sc.linspace("Q", 0.01, 0.3, 24, unit="1/angstrom")
    nm, square = sc.Unit("nm"), sc.Unit("1/nm**2")
    thickness = sc.array(dims=["layer"], values=[10.0, 3.0], unit=nm)
    sld = sc.array(dims=["medium"], values=1e-4 * np.array(STACK[1]), unit=square)
    roughness = sc.array(dims=["interface"], values=0.1 * np.array(STACK[3]), unit=nm)
    absorption = sc.scalar(0.01e-6, unit="1/angstrom**2")
    scale, background = sc.scalar(110.0, unit="percent"), sc.scalar(1e-7)
    found = reflectivity(q, thickness, sld, absorption, roughness, scale=scale, background=background)
    expected = ks.reflectivity(q.values, *STACK, scale=1.1, background=1e-7)
    np.testing.assert_allclose(found.values, expected, rtol=1e-10)


def test_not_a_number_stays():
    q = sc.array(dims=["Q"], values=[0.1, np.nan, 0.2, np.inf], unit="1/angstrom")
    found = reflectivity(q, *STACK).values
    np.testing.assert_array_equal(np.isnan(found), [False, True, False, True])
    np.testing.assert_allclose(found[[0, 2]], ks.reflectivity([0.1, 0.2], *STACK), rtol=1e-12)
    nothing = reflectivity(q[1:2], *STACK)
    assert np.isnan(nothing.values).all()
    assert reflectivity(q[:0], *STACK).sizes == {"Q": 0}


def test_binned():
    data = events()
    q = data.bins.coords["Q"]
    found = reflectivity(q, *STACK)
    assert found.sizes == q.sizes
    assert found.bins.unit == sc.units.one
    for i in range(q.sizes["x"]):
        expected = ks.reflectivity(0.1 * q["x", i].value.values, *STACK) if q["x", i].value.size else []
        np.testing.assert_allclose(found["x", i].value.values, expected, rtol=1e-12)
    data.bins.data = data.bins.data * found  # what a reduction does with it
    assert data.bins.size().sum().value == 500


def test_slices_of_binned():
    q = events().bins.coords["Q"]
    whole, part = reflectivity(q, *STACK), reflectivity(q["x", 5:9], *STACK)
    assert sc.allclose(part.copy().bins.constituents["data"], whole["x", 5:9].copy().bins.constituents["data"])
    assert part.bins.constituents["data"].size == int(q["x", 5:9].bins.size().sum().value)


def test_resolution():
    q = sc.linspace("Q", 0.02, 0.3, 24, unit="1/angstrom")
    expected = ks.reflectivity(q.values, *STACK, dq=0.03 * q.values)
    np.testing.assert_allclose(reflectivity(q, *STACK, dq=0.03 * q).values, expected, rtol=1e-10)
    in_nm = (0.03 * q).to(unit="1/nm")
    np.testing.assert_allclose(reflectivity(q, *STACK, dq=in_nm).values, expected, rtol=1e-10)
    constant = reflectivity(q, *STACK, dq=ks.Resolution.constant(0.03))
    np.testing.assert_allclose(constant.values, expected, rtol=1e-10)
    one = sc.scalar(1e-3, unit="1/angstrom")
    np.testing.assert_allclose(
        reflectivity(q, *STACK, dq=one).values, ks.reflectivity(q.values, *STACK, dq=1e-3), rtol=1e-10
    )


def test_resolution_of_events():
    q = events(60).bins.coords["Q"]
    found = reflectivity(q, *STACK, dq=0.03 * q)
    buffer = q.bins.constituents["data"].values * 0.1
    # the integrals place their nodes by all points of a call
    expected = ks.reflectivity(buffer, *STACK, dq=0.03 * buffer)
    np.testing.assert_allclose(found.bins.constituents["data"].values, expected, rtol=1e-10)
    part = reflectivity(q["x", 5:9], *STACK, dq=0.03 * q["x", 5:9])
    np.testing.assert_allclose(
        part.copy().bins.constituents["data"].values,
        found["x", 5:9].copy().bins.constituents["data"].values,
        rtol=2e-5,
    )
    per_bin = sc.linspace("x", 1e-3, 2e-3, q.sizes["x"], unit="1/angstrom")
    assert reflectivity(q, *STACK, dq=per_bin).sizes == q.sizes


Q = sc.linspace("Q", 0.02, 0.3, 24, unit="1/angstrom")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: reflectivity([0.1], *STACK),
            InvalidValueError,
            r"^reflectivity: q must be a scipp.Variable; got list$",
        ),
        (
            lambda: reflectivity(sc.DataArray(Q, coords={"Q": Q}), *STACK),
            InvalidValueError,
            r"got DataArray; take its coordinate, \.coords\['q'\]$",
        ),
        (
            lambda: reflectivity(events().data, *STACK),
            InvalidValueError,
            "bins of q must hold a variable",
        ),
        (lambda: reflectivity(Q * sc.scalar(1.0, unit="m"), *STACK), InvalidValueError, "q must be .* inverse length"),
        (lambda: reflectivity(sc.array(dims=["Q"], values=["a"]), *STACK), InvalidValueError, "q must be .* string"),
        (
            lambda: reflectivity(sc.array(dims=["Q"], values=[0.1], variances=[0.1], unit="1/angstrom"), *STACK),
            InvalidValueError,
            "q must have no variances",
        ),
        (
            lambda: reflectivity(Q, sc.array(dims=["l"], values=[1.0], unit="s"), [0.0, 1.0, 2.0]),
            InvalidValueError,
            "thickness must have a unit like angstrom; got s",
        ),
        (lambda: reflectivity(Q, *STACK, dq=0.01), InvalidValueError, "dq must be a scipp.Variable; got float"),
        (lambda: reflectivity(Q, *STACK, dq=0.1 * Q.rename(Q="x")), ShapeError, "dq must have dimensions of q"),
        (lambda: reflectivity(Q, *STACK, dq=-0.1 * Q), InvalidValueError, "dq must be .*negative"),
        (
            lambda: reflectivity(events().bins.coords["Q"], *STACK, dq=events(seed=1).bins.coords["Q"]),
            ShapeError,
            "dq must be binned as q is",
        ),
        (lambda: reflectivity(Q, [-1.0], [0.0, 1.0, 2.0]), InvalidValueError, "thickness must be .*negative"),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_without_scipp():
    script = """
import sys
sys.modules["scipp"] = None
from kiessig.adapters.scipp import reflectivity
try:
    reflectivity(None, [], [0.0, 1.0])
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.scipp: scipp cannot be imported")


def reduced(masked=False, unit="1/angstrom"):
    edges = sc.array(dims=["Q"], values=[0.01, 0.02, 0.04, 0.08], unit="1/angstrom").to(unit=unit)
    r = sc.array(dims=["Q"], values=[0.9, 0.1, 0.02], variances=[1e-4, 1e-6, 1e-8])
    widths = sc.array(dims=["Q"], values=[0.001, 0.002, 0.003], unit="1/angstrom").to(unit=unit)
    curve = sc.DataArray(r, coords={"Q": edges, "Q_resolution": widths})
    if masked:
        curve.masks["shadow"] = sc.array(dims=["Q"], values=[False, True, False])
    return curve


@pytest.mark.parametrize("unit", ["1/angstrom", "1/nm"])
def test_reduced_curve_is_data_of_a_fit(unit):
    data = dataset(reduced(unit=unit), name="film")
    assert data.name == "film"
    np.testing.assert_allclose(data.q, [0.015, 0.03, 0.06], rtol=1e-15)
    np.testing.assert_array_equal(data.r, [0.9, 0.1, 0.02])
    np.testing.assert_allclose(data.dr, [0.01, 0.001, 0.0001], rtol=1e-15)
    np.testing.assert_allclose(data.dq, [0.001, 0.002, 0.003], rtol=1e-15)
    points = reduced()
    points.coords["Q"] = sc.midpoints(points.coords["Q"])
    np.testing.assert_allclose(dataset(points).q, data.q, rtol=1e-15)


def test_reduced_curve_without_uncertainties():
    curve = reduced()
    del curve.coords["Q_resolution"]
    curve.variances = None
    data = dataset(100.0 * curve.to(unit="percent") / 100.0)
    assert data.dr is None
    assert data.dq is None
    np.testing.assert_allclose(data.r, [0.9, 0.1, 0.02], rtol=1e-14)


def test_masked_and_empty_bins_are_bad_rows():
    with pytest.raises(DataError):
        dataset(reduced(masked=True))
    assert dataset(reduced(masked=True), bad_rows="mask").masked_rows.tolist() == [1]
    empty = reduced()
    empty.values = [0.9, np.nan, 0.02]
    assert dataset(empty, bad_rows="mask").masked_rows.tolist() == [1]


def wrong_curves():
    plain = reduced()
    no_q = reduced()
    del no_q.coords["Q"]
    counts = reduced()
    counts.unit = "counts"
    length = reduced()
    length.coords["Q"] = length.coords["Q"].copy()
    length.coords["Q"].unit = "angstrom"
    return {
        "DataArray": (plain.data, InvalidValueError, "must be a scipp.DataArray; got Variable"),
        "events": (events(), InvalidValueError, "it holds events"),
        "one dimension": (sc.concat([plain, plain], "run"), ShapeError, "one dimension"),
        "Q": (no_q, InvalidValueError, "must have a coordinate 'Q'; it has 'Q_resolution'"),
        "unit of R": (counts, InvalidValueError, "dimensionless; got counts"),
        "unit of Q": (length, InvalidValueError, "1/angstrom; got"),
    }


@pytest.mark.parametrize("name", ["DataArray", "events", "one dimension", "Q", "unit of R", "unit of Q"])
def test_what_is_no_reduced_curve_is_refused(name):
    curve, error, text = wrong_curves()[name]
    with pytest.raises(error, match=text):
        dataset(curve)


def test_provider_of_a_pipeline():
    sciline = pytest.importorskip("sciline", reason="sciline is not installed")
    raw, event_q, theory, normalised = (NewType(name, object) for name in ("Raw", "EventQ", "Theory", "Normalised"))

    def q_of(data: raw) -> event_q:
        return data.bins.coords["Q"]

    def divided(data: raw, theory: theory) -> normalised:
        return data.bins.sum() / sc.values(theory.bins.sum())

    for function, types in ((q_of, (raw, event_q)), (divided, (raw, theory, normalised))):  # not as text
        function.__annotations__ = dict(zip(function.__annotations__, types, strict=True))
    step = provider(event_q, theory, *STACK[:3], roughness=STACK[3])
    pipeline = sciline.Pipeline([q_of, divided, step], params={raw: events()})
    found = pipeline.compute(theory)
    assert sc.identical(found, reflectivity(events().bins.coords["Q"], *STACK))
    assert pipeline.compute(normalised).sizes == events().sizes
