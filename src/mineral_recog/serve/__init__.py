"""The web page and HTTP API that answer about photos."""
