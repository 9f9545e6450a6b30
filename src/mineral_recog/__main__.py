"""`python -m mineral_recog` is the command `mineral-recog`."""

import sys

from mineral_recog.cli.main import main

sys.exit(main())
