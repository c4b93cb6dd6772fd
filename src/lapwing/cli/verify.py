"""`lapwing verify`: every promise, checked."""

from __future__ import annotations

import sys

import click

from lapwing.cli._options import emit_json, json_option, standing_directory_of


@click.command("verify")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check that nothing was lost and nothing counted twice. Exit code 1 if a promise is broken."""
    from lapwing.app.verifying import verify

    directory = standing_directory_of(context)
    findings = []
    for finding in verify(directory):
        findings.append(finding)
        if not as_json:
            click.echo(f"{'BROKEN' if finding.broken else 'ok    '}  {finding.promise}")
            for line in finding.broken:
                click.echo(f"        {line}")
    broken = sum(bool(finding.broken) for finding in findings)
    if as_json:
        emit_json({"ok": not broken, "promises": findings})
    else:
        click.echo("nothing lost, nothing double" if not broken else f"{broken} of {len(findings)} promises are broken")
    sys.exit(1 if broken else 0)
