"""`lapwing serve`: the HTTP API alone."""

from __future__ import annotations

import click
import msgspec

from lapwing import config
from lapwing.cli._options import configuration_of


@click.command("serve")
@click.option("--host", help="The address to listen on; any but loopback needs a token (default: `serve.host`).")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="The port; 0 takes one that is free (default: `serve.port`)."
)
@click.pass_context
def command(context: click.Context, host: str | None, port: int | None) -> None:
    """The HTTP API, until Ctrl-C or SIGTERM; what is in hand is finished first, within ten seconds."""
    from lapwing.app.logs import configure
    from lapwing.app.serving import serve_until_stopped

    configuration = configuration_of(context)
    settings = configuration.serve
    chosen = msgspec.structs.replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    path = config.data_directory(context.obj["data"])

    def up(address: str) -> None:
        click.echo(f"lapwing answers at {address}, /docs says what (data in {path}; Ctrl-C ends it)", err=True)

    configure("serve")
    serve_until_stopped(path, msgspec.structs.replace(configuration, serve=chosen), up)
