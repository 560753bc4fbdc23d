"""`telemetry auth status`: which key is in force, how long it lives, what it may do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import Screen, json_option, moment, print_json

if TYPE_CHECKING:
    from telemetry_raxe.credential_store import CredentialStore
    from telemetry_raxe.credentials import Credentials
    from telemetry_raxe.health_client import HealthResponse

_NONE = (
    "There is no key yet. A temporary one is made when the first event is sent; get a permanent one"
    " with: telemetry auth login"
)


@click.command("status")
@click.option("--remote", "-r", is_flag=True, help="Ask the service, and remember what it allows.")
@click.option(
    "--format",
    "as_format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json means --json.",
)
@json_option
def status(remote: bool, as_format: str, as_json: bool) -> int:
    """Show the key in force, how long it lives and what it may do.

    It is masked. Exit code 1 when there is none, when it has expired, or when the service does not
    accept it or does not answer.
    """
    from telemetry_raxe.credential_store import CredentialStore

    store = CredentialStore()
    environment = store.from_environment()
    kept = environment or store.load()
    asked, problem = _asked(store, kept) if remote and kept else (None, "")
    if asked is not None:
        kept = environment or store.load() or kept
    found = _found(store, kept, from_environment=environment is not None)
    found["remote"] = None if asked is None else asdict(asked)
    found["problem"] = problem
    found["ok"] = kept is not None and not found["expired"] and not problem
    if as_json or as_format == "json":
        print_json(found)
    else:
        _show(Screen(), found, kept)
    return int(not found["ok"])


def _asked(store: CredentialStore, kept: Credentials) -> tuple[HealthResponse | None, str]:
    """Return what the service says of the key, or nothing and why."""
    from telemetry_raxe.health_client import HealthCheckError, check_health

    try:
        response = check_health(kept.api_key)
    except HealthCheckError as error:
        return None, str(error)
    store.update_from_health(asdict(response))
    return response, ""


def _found(
    store: CredentialStore, kept: Credentials | None, *, from_environment: bool
) -> dict[str, Any]:
    from telemetry_raxe.keys import key_id, masked

    if kept is None:
        return {"key": None, "path": str(store.path), "expired": False}
    said = {name: value for name, value in kept.to_dict().items() if name != "api_key"}
    return {
        "key": masked(kept.api_key),
        "key_id": key_id(kept.api_key),
        **said,
        "source": "RAXE_API_KEY" if from_environment else str(store.path),
        "path": str(store.path),
        "expired": kept.is_expired(),
        "days_until_expiry": kept.days_until_expiry(),
        "stale": kept.is_health_check_stale(),
    }


def _show(screen: Screen, found: dict[str, Any], kept: Credentials | None) -> None:
    from telemetry_raxe.commands.expiry import banner

    if kept is None:
        screen.line(_NONE)
        return
    if words := banner(kept):
        screen.line(words)
    if found["problem"]:
        screen.text(found["problem"])
        screen.line("What is known here:")
    screen.listing([[name, cell] for name, cell in _rows(found) if cell])


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    left = found["days_until_expiry"]
    days = "" if left is None else f", {left} {'day' if left == 1 else 'days'} left"
    return [
        ("key", found["key"]),
        ("type", found["key_type"]),
        ("source", found["source"]),
        ("installation", found["installation_id"]),
        ("expires", f"{moment(found['expires_at'])}{days}" if found["expires_at"] else "never"),
        *(_remote(found["remote"]) if found["remote"] else _remembered(found)),
    ]


def _remembered(found: dict[str, Any]) -> list[tuple[str, str]]:
    checked = moment(found["last_health_check"])
    old = ", too old to count" if checked and found["stale"] else ""
    return [
        ("tier", found["tier"]),
        ("may disable telemetry", _yes(found["can_disable_telemetry"] and not found["stale"])),
        ("offline mode", _yes(found["offline_mode"] and not found["stale"])),
        ("asked", f"{checked}{old}" if checked else "never; ask with --remote"),
    ]


def _remote(said: dict[str, Any]) -> list[tuple[str, str]]:
    trial = said["trial_status"]
    return [
        ("tier", said["tier"]),
        ("trial", f"{said['days_remaining']} days left" if trial else ""),
        ("events today", f"{said['events_today']:,}, {said['events_remaining']:,} left"),
        ("limits", f"{said['rate_limit_rpm']:,} a minute, {said['rate_limit_daily']:,} a day"),
        ("may disable telemetry", _yes(said["can_disable_telemetry"])),
        ("offline mode", _yes(said["offline_mode"])),
        ("server time", moment(said["server_time"])),
    ]


def _yes(allowed: bool) -> str:
    return "yes" if allowed else "no"
