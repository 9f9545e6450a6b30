"""The command line. One module per command parses its options, calls the library and prints.

Heavy libraries are imported inside the commands, so that `--help` is immediate and a wrong
option is reported before torch is loaded.
"""
