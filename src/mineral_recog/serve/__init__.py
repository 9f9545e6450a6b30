"""The HTTP server and API that answer about photos."""
