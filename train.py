"""Run `mineral-recog train` under the name that the paper's README uses."""

import sys

from mineral_recog.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
