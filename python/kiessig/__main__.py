"""``python -m kiessig`` is ``kiessig``."""

from __future__ import annotations

import sys

from kiessig.cli import main

sys.exit(main())
