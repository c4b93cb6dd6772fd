"""`lapwing bench`: how fast this machine is."""

from __future__ import annotations

import click

from lapwing.cli._options import configuration_of, emit_json, json_option


@click.command("bench")
@click.option(
    "--posts", type=click.IntRange(1_000, 10_000_000), default=200_000, show_default=True, help="How many are made."
)
@json_option
@click.pass_context
def command(context: click.Context, posts: int, as_json: bool) -> None:
    """Send made-up posts through the whole path in one process, in a temporary directory that is removed afterwards.

    What a post costs in CPU says how many workers a stream needs; the files of bench/ ask more closely.
    """
    from lapwing.app.bench import measure

    found = measure(configuration_of(context), posts)
    if as_json:
        emit_json(found)
        return
    click.echo(f"{found['cpu_us_per_post']} µs of CPU per post, of all steps from the file to the saved, indexed row")
    click.echo(f"{found['posts_per_second']:,} posts/s in one process; this machine has {found['cores']} cores")
    click.echo(
        f"a post of {found['raw_bytes_per_post']:,} bytes takes {found['log_bytes_per_post']:,} in the log"
        f" and {found['ledger_bytes_per_post']:,} in the store"
    )
