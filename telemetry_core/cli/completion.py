"""`telemetry completion`: the script by which a shell completes our commands."""

from __future__ import annotations

import click

from telemetry_core.cli.options import json_option

_VARIABLE = "_TELEMETRY_COMPLETE"
# How a shell loads the script: where it stands for good, or in the one that runs now.
_FOR_GOOD = {
    "bash": "telemetry completion bash > ~/.local/share/bash-completion/completions/telemetry",
    "zsh": "telemetry completion zsh > ~/.telemetry-completion.zsh; "
    "echo 'source ~/.telemetry-completion.zsh' >> ~/.zshrc",
    "fish": "telemetry completion fish > ~/.config/fish/completions/telemetry.fish",
}
_NOW = {
    "bash": 'eval "$(telemetry completion bash)"',
    "zsh": 'eval "$(telemetry completion zsh)"',
    "fish": "telemetry completion fish | source",
}


@click.command
@click.argument("shell", type=click.Choice([*_NOW]))
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print the script with which a shell completes commands.

    Its first lines say how to load it. Names of commands and options are completed, and run ids,
    agents, jobs, sinks and settings.
    """
    script = _script(shell)
    if as_json:
        from telemetry_core.cli.screen import print_json

        print_json(
            {"shell": shell, "now": _NOW[shell], "for_good": _FOR_GOOD[shell], "script": script}
        )
        return
    click.echo(f"# In this shell only: {_NOW[shell]}")
    click.echo(f"# In every new one:   {_FOR_GOOD[shell]}")
    click.echo(script)


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from telemetry_core.cli.app import telemetry

    made = get_completion_class(shell)
    assert made is not None
    # Its `source` would first start a shell, only to warn of old ones.
    source = made(telemetry, {}, "telemetry", _VARIABLE)
    return str(source.source_template % source.source_vars())
