"""A simulated nation: deliveries exactly as the contracts say, with the truth beside them.

Never read by the service; shares no parameters with forecast, picture or alerts.
"""

from medsupply.simulate.files import Manifest
from medsupply.simulate.nation import simulate

__all__ = ["Manifest", "simulate"]
