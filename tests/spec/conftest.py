"""The specification uses the same hand-written facts as the unit tests of the picture."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for place in (HERE, HERE.parent / "unit" / "picture"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
