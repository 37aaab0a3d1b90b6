"""What all adapters use: differences of cheap functions, and replacements that are counted."""

from __future__ import annotations

import ctypes
import types

import numpy as np
import pytest

from kiessig import _core
from kiessig.adapters._differences import derivative, stencil
from kiessig.adapters._host import Patches, Replacement, host_module
from kiessig.errors import MissingDependencyError


@pytest.mark.parametrize(
    ("x", "lower", "upper"),
    [
        (2.0, -np.inf, np.inf),
        (2.0, 0.0, 5.0),
        (2.0, 2.0, 5.0),
        (2.0, -1.0, 2.0),
        (0.0, 0.0, 3.0),
        (0.0, -np.inf, np.inf),
        (-3e-7, -1e-5, 1e-5),
    ],
)
def test_derivative_within_bounds(x, lower, upper):
    points = stencil(x, lower, upper)
    assert all(lower <= point <= upper for point in points.points)
    width = upper - lower if np.isfinite(upper - lower) else 1.0

    def f(value):
        z = value / width
        return np.array([np.exp(z), 1.0 + 2.0 * z, 7.0])

    # the third derivative times the step's square, 1e-10 of it, and roundoff over the step
    found = derivative(f, points)
    np.testing.assert_allclose(found[:2] * width, [np.exp(x / width), 2.0], rtol=3e-8)
    assert found[2] == 0.0


def test_no_room_for_a_difference():
    points = stencil(1.0, 1.0, 1.0)
    assert points.points == ()


def test_replacements_are_counted():
    host = types.SimpleNamespace(kernel="theirs", other="theirs")
    patches = Patches(lambda: [Replacement(host, "kernel", "ours"), Replacement(host, "other", "ours")])
    assert not patches.in_force
    with patches.temporarily():
        assert (host.kernel, host.other, patches.in_force) == ("ours", "ours", True)
        assert patches.original(host, "kernel") == "theirs"
        patches.use()
    assert host.kernel == "ours"
    host.other = "somebody's"
    patches.restore()
    assert (host.kernel, host.other, patches.in_force) == ("theirs", "somebody's", False)
    assert patches.original(host, "kernel") == "theirs"


def test_a_replacement_that_fails_leaves_nothing():
    host = types.SimpleNamespace(kernel="theirs")
    patches = Patches(lambda: [Replacement(host, "kernel", "ours"), Replacement(host, "missing", "ours")])
    with pytest.raises(AttributeError), patches.temporarily():
        pass
    assert host.kernel == "theirs"
    assert not patches.in_force


def test_missing_host():
    with pytest.raises(
        MissingDependencyError, match=r"^adapter: no_such_host\.x cannot be imported \(.*\); install it$"
    ):
        host_module("no_such_host.x", "adapter", "install it")


class Interface(ctypes.Structure):
    """The beginning of DLPack's exchange interface, up to the one function that is called."""


Interface._fields_ = [
    ("major", ctypes.c_uint32),
    ("minor", ctypes.c_uint32),
    ("older", ctypes.POINTER(Interface)),
    ("functions", ctypes.c_void_p * 4),
]


def capsule(interface, name=b"dlpack_exchange_api"):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(ctypes.addressof(interface), name, None)


def test_interfaces_of_unknown_layout_are_left_alone():
    known = Interface(1, 3)
    newer = Interface(2, 0, ctypes.pointer(known))
    for interface in (known, Interface(1, 9), newer):
        assert _core.Tensors(capsule(interface), ()).gradients(1.0, [], []) is None
    for interface in (Interface(1, 2), Interface(2, 0)):
        with pytest.raises(ValueError, match=r"exchange interface of DLPack, 1\.3"):
            _core.Tensors(capsule(interface), ())
    for other in (None, 1, capsule(known, b"other")):
        with pytest.raises(ValueError, match=r"exchange interface of DLPack, 1\.3"):
            _core.Tensors(other, ())
