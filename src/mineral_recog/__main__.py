"""Run the command `mineral-recog` as `python -m mineral_recog`."""

import sys

from mineral_recog.cli.main import main

sys.exit(main())
