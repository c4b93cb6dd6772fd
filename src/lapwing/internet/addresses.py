"""Which addresses belong to everybody's internet, and which lead into somebody's network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 from which IANA gives out addresses (RFC 4291)."""
TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 as networks without IPv4 see it (RFC 6052)."""
TEREDO = IPv6Network("2001::/32")
SPECIAL = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""Protocol assignments and 6to4 relays (RFC 6890), and where a machine in Azure asks about itself."""


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is on the public internet; False for what is none.

    An IPv6 address that carries an IPv4 one (translated, 6to4) is as public as what it carries; IPv4-mapped, IPv4-compatible
    and Teredo addresses never are.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _is_public(ip)
    if ip in TRANSLATED:
        return _is_public(IPv4Address(int(ip) & 0xFFFF_FFFF))
    carried = ip.sixtofour
    return ip in GLOBAL_UNICAST and ip not in TEREDO and _is_public(ip) and (carried is None or _is_public(carried))


def is_this_machine(address: str) -> bool:
    """Whether an IP address, as text, is a loopback one."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address) and (not ip.is_global or any(ip in each for each in SPECIAL)):
        return False
    return not (
        ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local
    )
