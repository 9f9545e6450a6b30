"""Run `mineral-recog evaluate` under the name that the paper's README uses."""

import sys

from mineral_recog.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
