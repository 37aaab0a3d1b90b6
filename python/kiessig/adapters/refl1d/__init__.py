"""kiessig under refl1d: a backend with its kernels replaced, and its command line with the exact fitter.

refl1d itself is imported when something here is called.
"""

from kiessig.adapters.refl1d.switch import backend as backend
from kiessig.adapters.refl1d.switch import register as register
from kiessig.adapters.refl1d.switch import restore as restore
from kiessig.adapters.refl1d.switch import use as use

__all__ = ["backend", "register", "restore", "use"]
