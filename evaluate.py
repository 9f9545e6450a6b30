"""`python evaluate.py ...` is `mineral-recog evaluate ...`, as the paper's README has it."""

import sys

from mineral_recog.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
