"""``python -m kiessig.adapters.refl1d model.py --batch --fit=kiessig``: refl1d's command line on our kernel.

The backend is ours, and bumps knows the fitter with exact derivatives; everything else is refl1d's command.
"""

from __future__ import annotations

from kiessig.adapters._host import host_module
from kiessig.adapters.bumps import register as register_fitter
from kiessig.adapters.refl1d.kernels import INSTALL
from kiessig.adapters.refl1d.switch import use

__all__ = ["main"]


def main() -> None:
    """Run refl1d's command line with our backend and fitter."""
    register_fitter()
    use()
    host_module("refl1d.webview.server.cli", "kiessig.adapters.refl1d", INSTALL).main()


if __name__ == "__main__":
    main()
