"""The commands, each a function that takes what was typed; `cli` names them.

Everything heavy is imported inside them, so that `--help` answers at once and a wrong option is
told before torch is loaded.
"""
