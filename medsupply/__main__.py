"""``python -m medsupply`` is the ``medsupply`` command."""

from medsupply.cli import main

if __name__ == "__main__":
    main()
