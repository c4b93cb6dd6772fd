"""Names and addresses of a request: under which name it asks, from where it comes, and from which site."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

from lapwing.errors import ConfigError

Headers = Mapping[str, list[str]]
"""A request's headers by their names in lower case, each with all its values."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ALWAYS_ANSWERED = ("localhost", "127.0.0.1", "::1")
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
NAME_CHARACTERS_MAX = 253
FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
HOPS_MAX = 32


def address_of(text: str) -> Address | None:
    """The IP address that is written here, an IPv4 one inside IPv6 taken out; None for anything else."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    address = address_of(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def plain_name(authority: str) -> str | None:
    """The name or address in a `Host` header, without its port and in one spelling; None where it is none."""
    found = AUTHORITY.fullmatch(authority.lower()) if len(authority) <= NAME_CHARACTERS_MAX else None
    if found is None:
        return None
    name = found[1]
    if name.startswith("["):
        address = address_of(name[1:-1])
        return None if address is None else str(address)
    return name.removesuffix(".") or None


class Hosts:
    """The names under which we are asked. Every other one is refused, so that no foreign name can be pointed at us.

    DNS rebinding needs a name that the attacker owns. Where we listen on every address (`0.0.0.0`, `::`), we are also
    answered for under any IP address, which nobody can own in that way; names stand in `serve.hosts`.
    """

    def __init__(self, host: str, more: Iterable[str]) -> None:
        bound = address_of(host)
        self._any_address = bound is not None and bound.is_unspecified
        self._names = {*ALWAYS_ANSWERED, str(bound) if bound else host.lower().removesuffix(".")}
        for number, entry in enumerate(more):
            name = str(address_of(entry)) if address_of(entry) else plain_name(entry)
            if name is None:
                raise ConfigError(
                    f"serve.hosts[{number}]", f"{entry!r} is no host name", "write only the name, as in 'posts.example'"
                )
            self._names.add(name)

    def answers(self, headers: Headers) -> bool:
        """Whether the request names us, once and only us."""
        asked = headers.get("host", [])
        name = plain_name(asked[0]) if len(asked) == 1 else None
        return name is not None and (name in self._names or (self._any_address and address_of(name) is not None))


class Proxies:
    """Those whose word we take about where a request comes from."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = []
        for number, entry in enumerate(trusted):
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                raise ConfigError(
                    f"serve.trusted_proxies[{number}]",
                    f"{entry!r} is no address",
                    "write one as in '10.0.0.5', or a network as in '10.0.0.0/24'",
                ) from None

    def trusts(self, address: Address | None) -> bool:
        """Whether this is one of them."""
        return address is not None and any(address in network for network in self._networks)

    def client(self, peer: str, headers: Headers) -> str:
        """The address that counts: of the peer, or behind trusted ones the last that `X-Forwarded-For` names otherwise.

        What stands further left in that header was said by somebody whom we do not trust. IPv6 counts as its /64,
        which is what one customer gets.
        """
        address = address_of(peer)
        hops = ",".join(headers.get("x-forwarded-for", [])).split(",")[-HOPS_MAX:]
        while hops and self.trusts(address):
            named = _without_port(hops.pop())
            if named is None:
                break
            address = named
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((int(address), 64), strict=False))
        return str(address) if address else "unknown"

    def is_https(self, scheme: str, peer: str, headers: Headers) -> bool:
        """Whether the client's side is encrypted: ours, or as a trusted proxy says."""
        said = ",".join(headers.get("x-forwarded-proto", [])).rpartition(",")[2].strip().lower()
        return scheme == "https" or (said == "https" and self.trusts(address_of(peer)))


def was_forwarded(headers: Headers) -> bool:
    """Whether somebody passed this request on. Who lies about it only loses what belongs to this machine alone."""
    return any(name in headers for name in FORWARDING)


def from_another_site(headers: Headers, *, https: bool) -> bool:
    """Whether a browser says that a page which is not ours asks; programs say nothing of the kind."""
    if any(site not in ("same-origin", "none") for site in headers.get("sec-fetch-site", [])):
        return True
    origins = headers.get("origin", [])
    if not origins:
        return False
    scheme, _, authority = origins[0].lower().partition("://")
    ours = [name.lower() for name in headers.get("host", [])]
    return len(origins) > 1 or [authority] != ours or scheme not in ("http", "https") or (https and scheme == "http")


def _without_port(hop: str) -> Address | None:
    """The address in one entry of `X-Forwarded-For`: `192.0.2.1`, `192.0.2.1:5000`, `2001:db8::1`, `[2001:db8::1]:5000`."""
    hop = hop.strip()
    if hop.startswith("["):
        return address_of(hop[1:].partition("]")[0])
    return address_of(hop) or address_of(hop.rpartition(":")[0])
