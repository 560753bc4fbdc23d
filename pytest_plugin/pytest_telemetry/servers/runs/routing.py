"""Which requests there are, which of them want a token, and what becomes of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from attrs import define

from pytest_telemetry.servers.runs.answers import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Segments: TypeAlias = tuple[str, ...]

_RUNS = ("api", "v1", "runs")
_ONE = (*_RUNS, "{id}")


@define(frozen=True)
class Route:
    """One kind of request.

    :ivar name: what answers it, by its name.
    :ivar guarded: it always wants a token where there are any.
    :ivar open: it never does.
    :ivar counted: it counts against the rate limit.
    """

    method: str
    pattern: Segments
    name: str
    guarded: bool = False
    open: bool = False
    counted: bool = True

    def fits(self, segments: Segments) -> bool:
        """Tell whether the path is of this kind, whatever the method."""
        return len(segments) == len(self.pattern) and all(
            segment == part or (part == "{id}" and segment)
            for segment, part in zip(segments, self.pattern, strict=True)
        )


ROUTES = (
    Route("GET", ("health",), "health", open=True, counted=False),
    Route("GET", ("metrics",), "metrics", counted=False),
    Route("GET", ("api", "v1", "metadata"), "metadata"),
    Route("POST", _RUNS, "create", guarded=True),
    Route("GET", _RUNS, "query"),
    Route("POST", (*_RUNS, "batch"), "batch", guarded=True),
    Route("GET", _ONE, "one"),
    Route("PATCH", _ONE, "update", guarded=True),
    Route("POST", (*_ONE, "associate-commit"), "associate", guarded=True),
    Route("GET", (*_ONE, "commit-url"), "commit_url", guarded=True),
    Route("GET", (*_ONE, "repo-url"), "repo_url", guarded=True),
)
OUR_ROUTES = (
    *ROUTES,
    Route("POST", ("api", "v1", "records"), "records", guarded=True),
    Route("GET", (*_ONE, "events"), "events"),
)


def segments_of(target: str, *, slashes: bool) -> Segments:
    """Return the parts of a path, unquoted; a quoted slash parts nothing where that is understood."""
    path = urlsplit(target).path
    parts = path.split("/") if slashes else unquote(path).split("/")
    return tuple(unquote(part) if slashes else part for part in parts[1:])


def route_for(method: str, segments: Segments, routes: Sequence[Route]) -> Route:
    """Return the kind of a request; raises the refusal of one that is of no kind."""
    fitting = [route for route in routes if route.fits(segments)]
    for route in fitting:
        if route.method == method:
            return route
    if fitting:
        raise Refused(405, "Method Not Allowed", allow=fitting[0].method)
    raise Refused(404, "Not Found")


def redirected(target: str, segments: Segments, routes: Sequence[Route]) -> str | None:
    """Return where the path leads that has a slash too many, if anywhere."""
    if segments[-1] != "" or not any(route.fits(segments[:-1]) for route in routes):
        return None
    path, mark, query = target.partition("?")
    return f"{path.removesuffix('/')}{mark}{query}"
