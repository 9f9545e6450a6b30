"""`python train.py ...` is `mineral-recog train ...`, as the paper's README has it."""

import sys

from mineral_recog.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
