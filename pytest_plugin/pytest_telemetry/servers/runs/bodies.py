"""What each body may hold: its fields in their order, and all that is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from pytest_telemetry.servers.runs import values
from pytest_telemetry.servers.runs.answers import Problem, refused_for
from pytest_telemetry.servers.runs.book import COUNTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.servers.runs.answers import Place
    from pytest_telemetry.servers.runs.values import Read

STATUSES = ("running", "success", "failure", "partial", "timeout", "cancelled")
ALIASES = {"failed": "failure", "completed": "success", "succeeded": "success"}
JSON = ("metrics_json", "context_json")
NOTHING_SENT = object()

_SOURCES = ("manual", "llm", "ci")
_TEXTS = """product product_family platform subdomain website website_section item_name
input_summary output_summary source_ref target_ref error_summary error_details git_repo git_branch
git_commit_hash git_run_tag git_commit_author git_commit_timestamp host environment trigger_type
api_posted_at insight_id parent_run_id"""
_RUN_ORDER = """event_id run_id created_at start_time end_time agent_name job_type status product
product_family platform subdomain website website_section item_name items_discovered
items_succeeded items_failed items_skipped duration_ms input_summary output_summary source_ref
target_ref error_summary error_details git_repo git_branch git_commit_hash git_run_tag
git_commit_source git_commit_author git_commit_timestamp host environment trigger_type
metrics_json context_json api_posted api_posted_at api_retry_count insight_id parent_run_id"""


@define(frozen=True)
class Field:
    """What reads a value, and what stands for one that is not given."""

    read: Read
    default: Any = None
    required: bool = False


@define(frozen=True)
class Form:
    """The fields of a body."""

    fields: Mapping[str, Field] = field(repr=False)

    def read(self, body: Any, place: Place = ("body",)) -> dict[str, Any]:
        """Return the values of all fields; raises the refusal that lists all that is wrong."""
        found, problems = self.examined(body, place)
        if problems:
            raise refused_for(problems)
        return found

    def examined(self, body: Any, place: Place) -> tuple[dict[str, Any], list[Problem]]:
        """Return what can be read, and what is wrong with the rest."""
        if body is NOTHING_SENT or body is None:
            return {}, [missing(place)]
        if not isinstance(body, dict):
            words = "Input should be a valid dictionary or object to extract fields from"
            return {}, [Problem("model_attributes_type", place, words, body)]
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, one in self.fields.items():
            if name not in body:
                if one.required:
                    problems.append(missing((*place, name), body))
                found[name] = one.default
                continue
            try:
                found[name] = one.read(body[name])
            except values.WrongError as wrong:
                told = Problem(wrong.type, (*place, name), wrong.msg, body[name], wrong.ctx)
                problems.append(told)
        return found, problems


def missing(place: Place, input: Any = None) -> Problem:
    """Return the problem of something that has to be there."""
    return Problem("missing", place, "Field required", input)


def status_or_alias(value: Any) -> str:
    """Return the canonical word for a status or one of its aliases."""
    given = values.text(value)
    word = ALIASES.get(given, given)
    if word not in STATUSES:
        raise values.wrong_value(f"Status must be one of: {list(STATUSES)}")
    return word


def _source(name: str) -> Read:
    return values.one_of(_SOURCES, f"{name} must be 'manual', 'llm', or 'ci'")


def _alias_for_word(value: Any) -> str:
    """Return a status as the reference service takes it in a new run: its database refuses it."""
    given = values.text(value)
    return ALIASES.get(given, given)


def _run_form(changes: Mapping[str, Field], number: Read, key: Read, json: Read) -> Form:
    """Return the form of a new run; what both services read alike stands here."""
    fields: dict[str, Field] = {
        **dict.fromkeys(_TEXTS.split(), Field(values.or_null(values.text))),
        **dict.fromkeys(("run_id", "agent_name", "job_type"), Field(values.text, required=True)),
        **dict.fromkeys((*COUNTS, "api_retry_count"), Field(number, 0)),
        **dict.fromkeys(JSON, Field(values.or_null(json))),
        "event_id": Field(key, required=True),
        "duration_ms": Field(values.or_zero(number), 0),
        "git_commit_source": Field(values.or_null(_source("git_commit_source"))),
        "api_posted": Field(values.flag, default=False),
        **changes,
    }
    order = _RUN_ORDER.split()
    return Form({name: fields[name] for name in (*order, *(fields.keys() - set(order)))})


def _update_form(names: str, status: Read, number: Read, time: Read, json: Read) -> Form:
    readers: dict[str, Read] = {
        "status": status,
        "end_time": time,
        "git_commit_source": _source("git_commit_source"),
        **dict.fromkeys((*COUNTS, "duration_ms"), number),
        **dict.fromkeys(JSON, json),
    }
    return Form(
        {name: Field(values.or_null(readers.get(name, values.text))) for name in names.split()}
    )


RUN = _run_form(
    {
        "created_at": Field(values.or_null(values.moment)),
        "start_time": Field(values.moment, required=True),
        "end_time": Field(values.or_null(values.moment)),
        "status": Field(status_or_alias, "running"),
        "agent_owner": Field(values.or_null(values.text)),
    },
    values.count,
    values.some_text,
    values.mapping_or_text,
)
REFERENCE_RUN = _run_form(
    {
        "created_at": Field(values.or_null(values.text), default=...),
        "start_time": Field(values.text, required=True),
        "end_time": Field(values.or_null(values.text)),
        "status": Field(_alias_for_word, "running"),
    },
    values.whole,
    values.text,
    values.mapping,
)
UPDATE = _update_form(
    """status end_time duration_ms error_summary error_details output_summary items_succeeded
    items_failed items_skipped metrics_json context_json git_commit_source git_commit_author
    git_commit_timestamp items_discovered input_summary""",
    status_or_alias,
    values.count,
    values.moment,
    values.mapping_or_text,
)
REFERENCE_UPDATE = _update_form(
    """status end_time duration_ms error_summary error_details output_summary items_succeeded
    items_failed items_skipped metrics_json context_json git_commit_source git_commit_author
    git_commit_timestamp""",
    values.one_of(STATUSES, f"Status must be one of: {list(STATUSES)}"),
    values.not_negative,
    values.text,
    values.mapping,
)
COMMIT = Form(
    {
        "commit_hash": Field(values.text_between(7, 40), required=True),
        "commit_source": Field(_source("commit_source"), required=True),
        "commit_author": Field(values.or_null(values.text)),
        "commit_timestamp": Field(values.or_null(values.text)),
    }
)
PAGE = Form({"limit": Field(values.at_least(1, 1000), 100), "offset": Field(values.at_least(0), 0)})
COUNTED_PAGE = Form({**PAGE.fields, "total": Field(values.flag_or_nothing, default=False)})
