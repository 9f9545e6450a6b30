"""What went wrong, where, and what to do next: the errors that a user can mend."""

from mineral_recog.printable import printable

_ALLOCATORS = ("out of memory", "can't allocate memory", "not enough memory")


def memory_ran_out(error: Exception) -> bool:
    """Whether memory ran out; told by the texts of torch's errors, so that it is not imported."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _ALLOCATORS)


class UserError(Exception):
    """Something that the user must change; told in one line, without a traceback.

    The message says what is wrong, where, and what to do. The command line prints it and exits
    with status 2. Any other exception that reaches the command line is a fault of this program.
    """

    def __init__(self, message: str) -> None:
        lines = filter(None, map(str.strip, message.split("\n")))
        super().__init__(printable(" ".join(lines)))
