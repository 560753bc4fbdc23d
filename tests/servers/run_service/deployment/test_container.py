"""The Dockerfile and the compose file say what they must, and what they say works."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.servers.run_service.deployment.dockerfile import (
    ROOT,
    SERVICE,
    Image,
    final,
    instructions,
)
from tests.servers.run_service.deployment.service import Service, free_port

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE: dict[str, Any] = yaml.safe_load((SERVICE / "docker-compose.yml").read_text("utf-8"))
SERVED: dict[str, Any] = COMPOSE["services"]["telemetry"]
KNOWN = {"FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE"} | {
    *("STOPSIGNAL", "HEALTHCHECK", "CMD")
}
BACKUP = ["telemetry", "db", "backup", "--keep-days", "14"]
DEFAULT = re.compile(r"\$\{\w+:-(.*?)\}")  # ${NAME:-default}


def settings() -> dict[str, str]:
    """Return the environment that compose gives, where nobody set a variable of it."""
    return {name: DEFAULT.sub(r"\1", value) for name, value in SERVED["environment"].items()}


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_every_instruction_is_one_that_there_is() -> None:
    assert {each.word for each in instructions()} == KNOWN


def test_the_image_is_slim_and_its_user_is_not_root() -> None:
    assert [each.words[0] for each in instructions() if each.word == "FROM"] == [
        "python:3.11-slim"
    ] * 2
    assert [each.rest for each in final("USER")] == ["1000:1000"]


def test_what_is_copied_is_there_and_nothing_else_is_sent_to_the_engine() -> None:
    copied = [
        source
        for each in instructions()
        if each.word == "COPY" and not each.rest.startswith("--from=")
        for source in each.words[:-1]
    ]
    ignored = (SERVICE / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert all((ROOT / source).exists() for source in copied)
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied)


def test_compose_builds_that_file_from_the_root() -> None:
    build = SERVED["build"]
    assert (SERVICE / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == SERVICE / "Dockerfile"


def test_it_is_started_again_and_given_bounds() -> None:
    assert SERVED["restart"] == "always"
    assert SERVED["deploy"]["resources"]["limits"] == {"cpus": "1", "memory": "512M"}
    assert SERVED["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    }


def test_it_is_published_on_this_machine_only_and_listens_to_all_inside() -> None:
    port = settings()["TELEMETRY_API_PORT"]
    assert SERVED["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert settings()["TELEMETRY_API_HOST"] == "0.0.0.0"
    assert [each.rest for each in final("EXPOSE")] == [port]


def test_what_must_last_lies_in_the_volume() -> None:
    ((name, place),) = (volume.split(":") for volume in SERVED["volumes"])
    assert name in COMPOSE["volumes"]
    assert [each.rest for each in final("VOLUME")] == [place]
    kept = ("TELEMETRY_BASE_DIR", "TELEMETRY_DB_PATH", "TELEMETRY_LOCK_FILE")
    assert all(f"{settings()[setting]}/".startswith(f"{place}/") for setting in kept)


def test_the_image_alone_has_the_settings_that_compose_repeats() -> None:
    own = {
        name: value
        for each in final("ENV")
        for name, _, value in (pair.partition("=") for pair in each.words)
        if name != "PATH"
    }
    assert own.items() <= settings().items()


@pytest.mark.parametrize("name", ["API_AUTH_ENABLED", "API_AUTH_TOKEN", "RATE_LIMIT_ENABLED"])
def test_what_protects_it_is_set_from_outside(name: str) -> None:
    value = SERVED["environment"][f"TELEMETRY_{name}"]
    assert value.startswith(f"${{TELEMETRY_{name}:-")


def test_the_image_is_built_becomes_healthy_keeps_what_it_was_told_and_stops_in_time(
    tmp_path: Path,
) -> None:
    image = Image(tmp_path)
    image.build()
    installed = image.files()
    environ = image.processes(settings()) | {
        "TELEMETRY_API_HOST": "127.0.0.1",
        "TELEMETRY_API_PORT": free_port(),
    }
    for _ in range(2):
        container = Service(final("CMD")[0].words, environ, tmp_path / "data")
        with container:
            container.wait_until(lambda: healthy(image, environ), "the health check passes")
            kept = container.tell_a_run("kept")
            run(BACKUP, environ)
            code = container.stop(final("STOPSIGNAL")[0].rest, seconds(SERVED["stop_grace_period"]))
        assert code == 0, container.said()
    assert kept == "duplicate"
    assert image.files() == installed
    assert len(list((tmp_path / "data" / "backups").iterdir())) == 2


def run(command: list[str], environ: dict[str, str]) -> None:
    """Run a command as `docker compose exec` does."""
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def healthy(image: Image, environ: dict[str, str]) -> bool:
    """Run the health check as the engine does, in the place of the image."""
    ((told,),) = [[each.rest.partition("CMD ")[2]] for each in final("HEALTHCHECK")]
    command = [image.here(word) for word in yaml.safe_load(told)]
    done = subprocess.run(command, env=environ, capture_output=True, timeout=30, check=False)
    return done.returncode == 0
