"""`lapwing token`: who may ask the HTTP API for what."""

from __future__ import annotations

import re
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option
from lapwing.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LIFETIME_US_MIN = 60_000_000
LIFETIME_US_MAX = 3_153_600_000_000_000


@click.group("token")
def command() -> None:
    """Tokens of the HTTP API: create, list, revoke. A running server knows of each change at once."""


@command.command("create")
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), required=True, help="Each includes the former.")
@click.option("--expires", default="90d", show_default=True, help="After 90d, 1y …; or never.")
@click.pass_context
def create(context: click.Context, name: str, scope: Any, expires: str) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from lapwing.app.times import written

    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:100]!r} is no name for a token", "write up to 100 letters, digits, `.`, `_`, `-`")
    secret, made = _tokens(context).create(name, scope, _lifetime_us(expires))
    click.echo(secret)
    until = "until it is revoked" if made.expires_us is None else f"until {written(made.expires_us)}"
    click.echo(
        f"{name} may {scope} {until}; keep the token now, it is not shown again.\nsend it as `Authorization: Bearer …`",
        err=True,
    )


@command.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """All tokens, those that no longer count included; never the tokens themselves."""
    from lapwing.app.times import written

    directory = directory_of(context, must_exist=False)
    now_us = directory.clock.now_us()
    rows = [
        {
            "name": each.name,
            "scope": each.scope,
            "state": each.standing(now_us),
            "ends_with": each.ends_with,
            "created": written(each.created_us),
            "expires": None if each.expires_us is None else written(each.expires_us),
            "revoked": None if each.revoked_us is None else written(each.revoked_us),
        }
        for each in _tokens(context).listed()
    ]
    if as_json:
        emit_json(rows)
        return
    headings = ["name", "scope", "state", "ends_with", "created", "expires"]
    emit_table("", headings, [[str(row[key] or "never") for key in headings] for row in rows])


@command.command("revoke")
@click.argument("name")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """End a token, at once and for good."""
    _tokens(context).revoke(name)
    click.echo(f"{name} is revoked", err=True)


def _tokens(context: click.Context) -> Any:
    from lapwing.app.tokens import Tokens

    directory = directory_of(context, must_exist=False)
    return Tokens(directory.path, directory.clock)


def _lifetime_us(expires: str) -> int | None:
    """Microseconds of `90d`; None for `never`."""
    from lapwing.settings import duration_us

    if expires == "never":
        return None
    try:
        lifetime_us = duration_us(expires)
    except ValueError as problem:
        raise UsageError(f"--expires: {problem}", "or never") from None
    if not LIFETIME_US_MIN <= lifetime_us <= LIFETIME_US_MAX:
        raise UsageError(f"--expires: {expires!r} is not between a minute and a century", "write 90d, 1y or never")
    return lifetime_us
