"""Whether a port can be listened on."""

from __future__ import annotations

import socket


def port_is_free(host: str, port: int) -> bool:
    """Whether nobody listens there; port 0 asks for the address alone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
