"""HTTP errors and their responses, in the language of the client."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from mineral_recog.errors import UserError


class HttpError(UserError):
    """A request is refused with an HTTP status; the message is shown to the user."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


def error_response(error: UserError) -> JSONResponse:
    """Return the response for a user error, with status 422 unless it is an `HttpError`."""
    status, headers = (error.status, error.headers) if isinstance(error, HttpError) else (422, None)
    return JSONResponse({"error": str(error)}, status, headers)
