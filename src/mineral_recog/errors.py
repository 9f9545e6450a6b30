"""Errors that a user can correct: what is wrong, where, and what to do next."""

from mineral_recog.text import printable

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that memory ran out.

    torch's own errors are recognised by their texts, so that torch need not be imported.
    """
    return isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY)


class UserError(Exception):
    """Something that the user must change, reported in one line without a traceback.

    The message says what is wrong, where, and what to do. The command line prints it and exits
    with status 2. Any other exception that reaches the command line is a bug of this program.
    """

    def __init__(self, message: str) -> None:
        lines = filter(None, map(str.strip, message.split("\n")))
        super().__init__(printable(" ".join(lines)))


class DataError(UserError):
    """Photos, folders, lists or splits cannot be used."""


class RecipeError(UserError):
    """A recipe or one of its settings is wrong."""


class BundleError(UserError):
    """A trained model is missing, is damaged, or does not match."""


class OutputExistsError(UserError):
    """An output exists, or its location is not allowed."""
