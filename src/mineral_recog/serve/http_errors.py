"""HTTP errors and their responses, in the language of the client."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from mineral_recog.errors import UserError


class HttpError(UserError):
    """A request is refused with an HTTP status; the message is shown to the user.

    Args:
        status: HTTP status.
        message: What is wrong and what to do, in one line.
        headers: Headers of the response.
        field: Key of the evidence that is at fault; None if it is not about evidence.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers, self.field = status, headers, field


def error_response(error: UserError) -> JSONResponse:
    """Return the response for a user error, with status 422 unless it is an `HttpError`."""
    if not isinstance(error, HttpError):
        return JSONResponse({"error": str(error)}, 422)
    field = {} if error.field is None else {"field": error.field}
    return JSONResponse({"error": str(error), **field}, error.status, error.headers)
