"""Names from elsewhere, made fit to be shown."""


def printable(text: str) -> str:
    """Text without control characters: each, and all else that cannot be seen, as Python writes it.

    A name of a file or a class may hold line ends, and sequences that command a terminal.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
