"""Who may use the server, and by which addresses: the options of `serve`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Attributes:
        hosts: Host names of the server besides `localhost` and any IP address.
        origins: Other sites whose pages may use the API, such as `https://museum.example`.
        root_path: Path under which a proxy shows the server, such as `/minerals`; empty for none.
        token: Secret that requests to the API must carry; empty for none.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    root_path: str = ""
    token: str = ""


LOCAL_ACCESS = Access()
