"""Q at which a medium's wavevector vanishes: 0/0 in the textbook recursion, nothing special in the physics.

R is an even, smooth function of the wavevector of an inner layer, so value and derivatives are finite there and equal
to their limits. The backing's wavevector enters as it is: R has a square-root kink in Q² − Q_c².
"""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp

import kiessig as ks
from reference import characteristic_matrix, differences, parratt
from reference.stacks import Stack, random_stack
from reference.tolerances import assert_derivative, assert_reflectivity

FIELDS = ("thickness", "sld", "sld_imag", "roughness", "q")


def cancellation(z):
    """How much larger than dR/dsld the terms are that cancel in it in the textbook recursion, at k_j² = z k_0².

    1/(2 k_j) from dk_j/dsld, times 1/k_j because both waves in the layer become equal and opposite. Beyond 1e3 that is
    no excuse any more: what is left must still be good to 1e-11 of the largest derivative.
    """
    return min(1.0 / abs(z), 1e3)


def near(q, ulps=4):
    """The doubles around q: one of them makes k² vanish to the last bit, in whichever order it is computed."""
    steps = np.arange(-ulps, ulps + 1)
    return q + steps * np.spacing(q)


def edge_of(sld, fronting=0.0):
    return np.sqrt(16e-6 * np.pi * (sld - fronting))


STACKS = {
    "film at its edge": Stack(np.array([120.0]), np.array([0.0, 4.0, 2.0]), np.zeros(3), np.zeros(2)),
    "rough film at its edge": Stack(np.array([120.0]), np.array([0.0, 4.0, 2.0]), np.zeros(3), np.array([3.0, 8.0])),
    "under an evanescent wave": Stack(
        np.array([80.0, 60.0]), np.array([0.0, 6.0, 4.0, 2.07]), np.zeros(4), np.array([2.0, 3.0, 4.0])
    ),
    "two layers at once": Stack(
        np.array([50.0, 30.0, 70.0]), np.array([0.0, 4.0, 1.0, 4.0, 2.07]), np.zeros(5), np.array([2.0, 3.0, 0.0, 4.0])
    ),
    "neighbours of the same material": Stack(
        np.array([50.0, 30.0]), np.array([0.0, 4.0, 4.0, 2.07]), np.zeros(4), np.array([2.0, 3.0, 4.0])
    ),
    "total reflection": Stack(np.array([90.0]), np.array([0.0, 4.0, 6.36]), np.zeros(3), np.array([2.0, 3.0])),
    "absorbing elsewhere": Stack(
        np.array([90.0, 40.0]),
        np.array([0.0, 4.0, 3.0, 6.36]),
        np.array([0.0, 0.0, 0.4, 0.1]),
        np.array([2.0, 3.0, 1.0]),
    ),
    "thick": Stack(np.array([3000.0]), np.array([0.0, 4.0, 2.0]), np.zeros(3), np.array([2.0, 3.0])),
    "thin": Stack(np.array([0.01]), np.array([0.0, 4.0, 2.0]), np.zeros(3), np.array([2.0, 3.0])),
    "zero thickness": Stack(np.array([0.0]), np.array([0.0, 4.0, 2.0]), np.zeros(3), np.array([2.0, 3.0])),
    "another fronting": Stack(np.array([120.0]), np.array([-0.56, 3.44, 2.0]), np.zeros(3), np.array([3.0, 8.0])),
}


@pytest.mark.parametrize("name", STACKS)
def test_value_at_an_inner_edge(name):
    stack = STACKS[name]
    q = near(edge_of(4.0))
    exact = np.abs(parratt.amplitudes(q, stack, digits=60)) ** 2
    assert_reflectivity(ks.reflectivity(q, *stack), exact, context=name)


@pytest.mark.parametrize("name", STACKS)
def test_derivatives_at_an_inner_edge(name):
    stack = STACKS[name]
    q = near(edge_of(4.0))
    _, jacobian = ks.reflectivity_jacobian(q, *stack)
    for field in FIELDS:
        assert np.all(np.isfinite(getattr(jacobian, field))), f"{name}: {field}"
    i = q.size // 2  # over these few ulps the exact derivatives stand still
    exact = differences.stack_derivatives(parratt.amplitude, q[i], stack)
    r = abs(parratt.amplitudes(q[i : i + 1], stack, digits=60)[0])
    for field, slope in exact.items():
        for row in getattr(jacobian, field):
            assert_derivative(row, slope.value, slope.amplitude, r, context=f"{name}: {field}")


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("side", [-1, 1])
def test_approach_to_an_inner_edge(name, side):
    # no seam between whatever is done at the edge and what is done beside it
    stack = STACKS[name]
    q = edge_of(4.0) * (1.0 + side * 10.0 ** np.arange(-15.0, -1.0))
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    amplitudes = parratt.amplitudes(q, stack, digits=60)
    assert_reflectivity(r, np.abs(amplitudes) ** 2, context=name)
    for i, x in enumerate(q):
        for field, slope in differences.stack_derivatives(parratt.amplitude, x, stack).items():
            found = getattr(jacobian, field)[i]
            distance = x / edge_of(4.0) - 1.0
            assert_derivative(
                found,
                slope.value,
                slope.amplitude,
                abs(amplitudes[i]),
                cancellation=cancellation(2.0 * distance),
                context=f"{name}: {field} at 1 + {distance:.0e}",
            )


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_near_an_inner_edge_of_random_stacks(seed, absorbing):
    rng = np.random.default_rng([91, seed, absorbing])
    stack = random_stack(rng, int(rng.integers(1, 4)), absorbing=absorbing, fronting=-0.7)
    j = int(rng.integers(1, stack.sld.size - 1))
    if absorbing:
        stack.sld_imag[j] = 0.0
    # k_j² = z Q²/4, on either side
    z = rng.choice([-1.0, 1.0], 4) * 10.0 ** rng.uniform(-7.0, -1.0, 4)
    q = edge_of(stack.sld[j], stack.sld[0]) / np.sqrt(1.0 - z)
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    amplitudes = parratt.amplitudes(q, stack, digits=60)
    assert_reflectivity(r, np.abs(amplitudes) ** 2)
    for i, x in enumerate(q):
        for field, slope in differences.stack_derivatives(parratt.amplitude, x, stack).items():
            assert_derivative(
                getattr(jacobian, field)[i],
                slope.value,
                slope.amplitude,
                abs(amplitudes[i]),
                cancellation=cancellation(z[i]),
                context=f"seed {seed}, z = {z[i]:.1e}: {field}",
            )


def test_edge_of_a_slightly_absorbing_layer():
    for sld_imag in (1e-12, 1e-9, 1e-6, 1e-3):
        stack = STACKS["rough film at its edge"]._replace(sld_imag=np.array([0.0, sld_imag, 0.0]))
        q = near(edge_of(4.0), 1)
        r, jacobian = ks.reflectivity_jacobian(q, *stack)
        amplitudes = parratt.amplitudes(q, stack, digits=60)
        assert_reflectivity(r, np.abs(amplitudes) ** 2)
        for i, x in enumerate(q):
            for field, slope in differences.stack_derivatives(parratt.amplitude, x, stack).items():
                found = getattr(jacobian, field)[i]
                where = f"sld_imag = {sld_imag}: {field}"
                assert_derivative(found, slope.value, slope.amplitude, abs(amplitudes[i]), context=where)


def test_the_limit_itself():
    # the oracle that is regular at k = 0: sharp film, Q² and the SLD such that k² = 0 without any rounding
    with mp.workdps(50):
        q = mp.sqrt(16 * mp.pi * mp.mpf(10) ** -6 * 4)
        exact = characteristic_matrix.reflectivity(q, [120.0], [0.0, 4.0, 2.0], [0.0, 0.0, 0.0])
        r = ks.reflectivity(float(q), [120.0], [0.0, 4.0, 2.0])
    # R is smooth in Q: half an ulp of Q is nothing
    assert_reflectivity(np.array([r]), np.array([float(exact)]))


def edge_pairs():
    """Pairs (q, sld) for which Q²/4 = 4π 1e-6 sld in double precision, bit by bit."""
    unit = 4.0 * np.pi * 1e-6
    pairs = []
    for sld in np.linspace(0.5, 8.0, 61):
        q = near(edge_of(sld), 2)
        pairs.extend((x, sld) for x in q[0.25 * q * q == unit * sld])
    return pairs


def test_edge_of_the_backing_is_the_total_reflection_side():
    pairs = edge_pairs()
    assert len(pairs) > 10
    for q, sld in pairs:
        for thickness, between in (([], []), ([60.0], [1.0])):
            r, jacobian = ks.reflectivity_jacobian([q], thickness, [0.0, *between, sld], 0.0, 3.0)
            assert r[0] == pytest.approx(1.0, abs=1e-7)  # one ulp beside the edge R falls by 4 √(2 ulp) at most
            for field in FIELDS:
                assert np.all(np.isfinite(getattr(jacobian, field)))


@pytest.mark.parametrize("ulps", range(-3, 4))
def test_around_the_edge_of_the_backing_everything_is_finite(ulps):
    for sld in (1.0, 2.07, 4.0, 6.36):
        q = edge_of(sld) + ulps * np.spacing(edge_of(sld))
        for sld_imag in (0.0, 1e-12):
            r, jacobian = ks.reflectivity_jacobian([q], [50.0], [0.0, 3.0, sld], sld_imag, 2.0)
            assert 0.999 < r[0] <= 1.0 + 1e-14
            for field in FIELDS:
                assert np.all(np.isfinite(getattr(jacobian, field))), (sld, field)


def test_below_the_edge_of_a_lossless_backing_nothing_moves_the_plateau():
    q = edge_of(6.36) * np.array([0.5, 0.9, 0.99, 1.0 - 1e-6, 1.0 - 1e-10])
    _, jacobian = ks.reflectivity_jacobian(q, [100.0], [0.0, 3.0, 6.36], 0.0, [3.0, 5.0])
    for name in ("thickness", "sld", "roughness", "q"):
        # dR/dp = 2 Re(r* dr/dp) cancels to roundoff of |dr/dp|, which grows as 1 / k_b towards the edge
        amplitude = np.array(
            [
                differences.stack_derivatives(
                    parratt.amplitude, x, ([100.0], [0.0, 3.0, 6.36], [0.0, 0.0, 0.0], [3.0, 5.0])
                )[name].amplitude
                for x in q
            ]
        )
        assert np.all(np.abs(getattr(jacobian, name)) <= 1e-13 * amplitude), name


def test_just_above_the_edge_of_the_backing():
    # the square-root singularity is real: dR/dsld grows as (Q − Q_c)^−½ and must be reproduced
    stack = Stack(np.array([60.0]), np.array([0.0, 3.0, 6.36]), np.zeros(3), np.array([2.0, 3.0]))
    q = edge_of(6.36) * (1.0 + np.array([1e-10, 1e-8, 1e-6, 1e-4]))
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    amplitudes = parratt.amplitudes(q, stack, digits=60)
    for i, x in enumerate(q):
        # k_b² = Q²/4 − 4πρ is a difference: relative roundoff 2e-16 / (Q/Q_c − 1), which k_b and 1/k_b inherit
        lost = 4e-16 / (x / edge_of(6.36) - 1.0)
        assert r[i] == pytest.approx(abs(amplitudes[i]) ** 2, rel=1e-10 + lost)
        for field, slope in differences.stack_derivatives(parratt.amplitude, x, stack).items():
            found = getattr(jacobian, field)[i]
            assert_derivative(
                found, slope.value, slope.amplitude, abs(amplitudes[i]), relative=1e-9 + lost, context=field
            )


def test_smeared_curve_at_an_inner_edge():
    stack = STACKS["rough film at its edge"]
    q = near(edge_of(4.0))
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=2e-4)
    assert np.all(np.isfinite(r))
    for field in (*FIELDS, "dq"):
        assert np.all(np.isfinite(getattr(jacobian, field))), field
    # far wider than an ulp: nothing may jump; 1e-5 is the accuracy promised for the sum
    np.testing.assert_allclose(r, r[0], rtol=2e-5)
