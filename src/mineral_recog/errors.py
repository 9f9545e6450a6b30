"""What went wrong, where, and what to do next: the errors that a user can mend."""


class UserError(Exception):
    """Something that the user must change; told in one line, without a traceback.

    The message says what is wrong, where, and what to do. The command line prints it and exits
    with status 2. Any other exception that reaches the command line is a fault of this program.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
