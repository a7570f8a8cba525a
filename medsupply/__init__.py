"""The national medication situation picture.

The flow, which is also the order of the packages:

    sources -> warehouse -> picture -> forecast -> alerts -> dashboard

``medsupply.flow`` holds one plain function per step; the command line, the DAGs and the demo call nothing else.
"""

__version__ = "0.1.0"
