"""What the server says no to, told in the language of the one who asks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from mineral_recog.errors import UserError


class RefusedError(UserError):
    """A request that is refused with an HTTP status; the message is a line for the reader."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


def told(error: UserError) -> JSONResponse:
    """The response to an error that the user can mend; 422 unless it is a `RefusedError`."""
    if isinstance(error, RefusedError):
        return JSONResponse({"error": str(error)}, error.status, error.headers)
    return JSONResponse({"error": str(error)}, 422)
