"""kiessig beside every other backend, on one list of cases: ``python -m benchmarks``.

`benchmarks.kernels` and `benchmarks.fits` are the other two, of what the library asks of itself.
"""

from __future__ import annotations

import sys

from benchmarks.backends.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
