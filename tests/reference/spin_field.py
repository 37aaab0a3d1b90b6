"""The magnetic part of the neutron's potential as a vector in the frame of the guide field.

    frame of the sample: z normal to the surface, parallel to Q; guide field in the (y, z) plane at guide_angle A to z
    m   = sld_magnetic (cos φ cos θ, cos φ sin θ, sin φ)                     θ = theta_m, φ = phi_m
    b_x = m_x,   b_y = m_y cos A,   b_z = m_y sin A + B2SLD · field
    potential of a medium = sld − i sld_imag + b · σ

The normal component of the induction is the same in all media (div B = 0): the demagnetising field of a uniform film
undoes m_z, which therefore does not enter.

The guide field is the axis of quantisation, z of this frame; B2SLD = |μ_n| m_n / (2π ħ²) turns tesla into SLD, in
1e-6/angstrom². Complex arguments continue the formulas analytically.

C. F. Majkrzak, K. V. O'Donovan and N. F. Berk, Polarized Neutron Reflectometry, in T. Chatterji (ed.), Neutron
Scattering from Magnetic Materials (Elsevier, 2006), p. 397, doi:10.1016/B978-044451050-1/50010-0
"""

from __future__ import annotations

from mpmath import mp

__all__ = ["B2SLD", "vectors"]

B2SLD = "2.31604654"  # a decimal string, so that every precision reads the same number


def vectors(sld_magnetic, theta_m, phi_m, guide_angle, field):
    """(b_x, b_y, b_z) of every medium in 1e-6/angstrom², at the current mpmath precision; angles in degrees."""
    sine, cosine = mp.sinpi(mp.convert(guide_angle) / 180), mp.cospi(mp.convert(guide_angle) / 180)
    result = []
    for size, theta, phi in zip(sld_magnetic, theta_m, phi_m, strict=True):
        theta, phi = mp.convert(theta) / 180, mp.convert(phi) / 180
        m_x = mp.convert(size) * mp.cospi(phi) * mp.cospi(theta)
        m_y = mp.convert(size) * mp.cospi(phi) * mp.sinpi(theta)
        result.append((m_x, m_y * cosine, m_y * sine + mp.mpf(B2SLD) * mp.convert(field)))
    return result
