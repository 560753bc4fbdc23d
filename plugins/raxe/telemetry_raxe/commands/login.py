"""`telemetry auth login`: shows people where they get a key, and keeps the one they bring."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from telemetry_core import Environment
from telemetry_core.cli import Screen, json_option, print_json
from telemetry_raxe.keys import masked, validate_key_format

if TYPE_CHECKING:
    from telemetry_raxe.credentials import Credentials


@click.command("login")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--with-key", is_flag=True, help="Read a key from stdin, unseen at a terminal, and keep it."
)
@json_option
def login(no_browser: bool, with_key: bool, as_json: bool) -> int:
    """Open the page where one gets a key, and print its address.

    With --with-key the key that you got there replaces the temporary one.
    """
    from telemetry_raxe.addresses import keys_page

    if with_key:
        return _keep(_brought(), as_json=as_json)
    page = keys_page()
    if as_json:
        print_json({"ok": True, "url": page})
        return 0
    screen = Screen()
    screen.line(page, wrap=False)
    if no_browser or not _opened(page):
        screen.line("Open it in a browser, and get a key there.")
    screen.line("Then: telemetry auth login --with-key")
    return 0


def _brought() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.read().strip()
    key: str = click.prompt("Key", hide_input=True, err=True)
    return key.strip()


def _keep(key: str, *, as_json: bool) -> int:
    from telemetry_raxe.credential_store import CredentialStore

    store = CredentialStore()
    key_type = validate_key_format(key)
    # The store says of a temporary key that it replaces none.
    kept = store.upgrade_key(key, "live" if key_type == "temporary" else key_type)
    hidden = store.from_environment()
    if as_json:
        path = str(store.path)
        print_json({"ok": True, "key": masked(key), "key_type": kept.key_type, "path": path})
    else:
        Screen().line(f"The {kept.key_type} key {masked(key)} is kept in {store.path}.")
    _warn(hidden, kept)
    return 0


def _warn(hidden: Credentials | None, kept: Credentials) -> None:
    if hidden is not None and hidden.api_key != kept.api_key:
        click.echo("telemetry: RAXE_API_KEY is set, and goes before the key that is kept", err=True)


def _opened(page: str) -> bool:
    """Open a page in a browser that does not take the terminal; false where there is none."""
    import webbrowser

    try:
        browser = webbrowser.get()
        of_the_terminal = type(browser) is webbrowser.GenericBrowser
        if of_the_terminal and Environment().text("BROWSER") is None:
            return False
        return browser.open(page)
    except (webbrowser.Error, OSError):
        return False
