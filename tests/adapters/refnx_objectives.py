"""Objectives of refnx for the tests: a film on silicon, with everything that a fit may vary."""

from __future__ import annotations

import warnings

import numpy as np

Q = np.linspace(0.008, 0.25, 70)
FWHM = 0.05 * Q


def varied(*pairs):
    for parameter, bounds in pairs:
        parameter.setp(vary=True, bounds=bounds)


def film(kind="plain", dq_type="pointwise", quad_order=17, graded=False):
    """A ReflectModel (or another kind) with eight and more varying parameters."""
    from refnx.analysis import Parameter
    from refnx.reflect import SLD, MixedReflectModel, ReflectModel, Spline

    air, rich, oxide, silicon = SLD(0.0), SLD(6.3 + 0.02j), SLD(3.47), SLD(2.07)
    structure = air | rich(250, 5) | oxide(17, 4) | silicon(0, 3)
    if graded:
        spline = Spline(60.0, [3.0, 4.0], [0.3, 0.4], microslab_max_thickness=5)
        varied((spline.vs[0], (2.0, 5.0)), (spline.dz[1], (0.1, 0.5)))
        structure = air | rich(250, 5) | spline | silicon(0, 3)
    settings = {"bkg": 3e-7, "dq": 4.0, "dq_type": dq_type, "quad_order": quad_order, "threads": 1}
    if kind == "mixed":
        other = air | rich(200, 5) | silicon(0, 3)
        model = MixedReflectModel([structure, other], scales=[0.7, 0.3], **settings)
        varied(*((scale, (0.0, 1.5)) for scale in model.scales))
    else:
        model = ReflectModel(structure, scale=1.05, **settings)
        varied((model.scale, (0.8, 1.2)))
    varied(
        (model.bkg, (0.0, 1e-5)),
        (model.dq, (1.0, 10.0)),
        (model.q_offset, (-0.002, 0.002)),
        (structure[1].thick, (200.0, 300.0)),
        (structure[1].rough, (0.0, 10.0)),
        (rich.real, (5.0, 7.0)),
        (rich.imag, (0.0, 0.1)),
        (structure[-1].rough, (0.0, 8.0)),
    )
    model.q_offset.value = 1e-4
    if not graded:
        structure[2].thick.setp(constraint=structure[1].thick / 15.0)  # a parameter that follows another
        assert isinstance(structure[2].thick, Parameter)
    return model


def data(model, x_err=FWHM, seed=0, noise=0.02):
    from refnx.dataset import Data1D

    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = model(Q, x_err=x_err) * (1.0 + noise * rng.standard_normal(Q.size))
    return Data1D((Q, y, 0.03 * y, x_err))
