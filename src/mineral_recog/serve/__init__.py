"""HTTP server and API that identify minerals in photos."""
