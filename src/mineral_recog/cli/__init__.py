"""The command line: one module a command, which parses its options, calls the library and prints.

Heavy libraries are imported inside the commands, so that `--help` answers at once and a wrong
option is reported before torch is loaded.
"""
