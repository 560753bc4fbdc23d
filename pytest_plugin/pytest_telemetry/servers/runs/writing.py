"""Answers as our run service does what brings something new; `Api` is the whole of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pytest_telemetry.servers.messages import Response
from pytest_telemetry.servers.runs import bodies, lines
from pytest_telemetry.servers.runs.answers import Problem, Refused, refused_for
from pytest_telemetry.servers.runs.links import without_credentials
from pytest_telemetry.servers.runs.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.servers.runs.book import Run
    from pytest_telemetry.servers.runs.reading import Asked


class ConstraintError(ValueError):
    """A row that the database refuses."""


class Api(Reading):
    """What writes, beside what only looks.

    :ivar max_batch: the most runs or records that one request brings.
    """

    duplicate: ClassVar = 200
    run_form: ClassVar = bodies.RUN
    update_form: ClassVar = bodies.UPDATE
    max_batch = 50_000

    def create(self, asked: Asked) -> Response:
        """Store a run; one that is there is told of once more."""
        run = self.run_form.read(asked.body)
        try:
            created = self.store(run, asked.body)
        except ConstraintError as error:
            raise Refused(400, f"Database integrity error: {error}") from None
        if created:
            told = {"status": "created", "event_id": run["event_id"], "run_id": run["run_id"]}
            return Response.json(told, 201)
        told = {"status": "duplicate", "event_id": run["event_id"]}
        message = "Event already exists (idempotent)"
        return Response.json({**told, "message": message}, self.duplicate)

    def batch(self, asked: Asked) -> Response:
        """Store runs, each by itself; in an array, or wrapped in an object."""
        wrapped = isinstance(asked.body, dict)
        rows = self._within("runs", asked.body) if wrapped else self._list(asked.body, ("body",))
        told = self.store_each(rows)
        if not wrapped:
            return Response.json(told)
        return Response.json({**told, "created": told["inserted"], "status": "created"}, 201)

    def store_each(self, rows: list[Any]) -> dict[str, Any]:
        """Store what can be stored and return the figures."""
        counts = {True: 0, False: 0}
        errors: list[str] = []
        for place, row in enumerate(rows):
            run, problems = self.run_form.examined(row, ("body", place))
            key = row.get("event_id") if isinstance(row, dict) else None
            named = key if isinstance(key, str) and key else f"item {place}"
            if problems:
                words = "; ".join(f"{problem.loc[-1]}: {problem.msg}" for problem in problems)
                errors.append(f"{named}: {words}")
                continue
            try:
                counts[self.store(run, row)] += 1
            except ConstraintError as error:
                errors.append(f"{named}: {error}")
        return {
            "inserted": counts[True],
            "duplicates": counts[False],
            "errors": errors,
            "total": len(rows),
        }

    def store(self, run: Run, body: Any) -> bool:
        """Return whether a run is new, after storing it or merging it with what was there."""
        if refused := self.refuses(body):
            raise ConstraintError(refused[1])
        row = {**run, **{name: run[name] or None for name in bodies.JSON}}
        row["git_repo"] = without_credentials(row["git_repo"])
        known = self.book.runs.get(row["event_id"])
        if known is None:
            created = row["created_at"] or self.now
            self._insert({**row, "created_at": created, "updated_at": self.now})
            return True
        if row["status"] != "running" and known["status"] == "running":
            row["revision"] = known["revision"]  # an end is later than what was said before it
        if self.book.merge({**row, "updated_at": None}):
            self.book.runs[row["event_id"]]["updated_at"] = self.now
        return False

    def _insert(self, row: Run) -> None:
        self.book.insert(row)
        self.names_are_known = False

    def records(self, asked: Asked) -> Response:
        """Store records of runs and events, each by itself."""
        given = self._within("records", asked.body)
        rejected = []
        for index, line in enumerate(given):
            if refused := self._refusal_of(line):
                key = line.get("id") if isinstance(line, dict) else None
                told = {"index": index, "id": key if isinstance(key, str) else None}
                rejected.append({**told, "code": refused[0], "reason": refused[1]})
        return Response.json({"accepted": len(given) - len(rejected), "rejected": rejected})

    def _refusal_of(self, line: Any) -> tuple[str, str] | None:
        """Store a record; return why it is refused when it is."""
        try:
            is_run, values = lines.read(line)
        except lines.NoRecordError as error:
            return "invalid_record", str(error)
        if refused := self.refuses(line):
            return refused
        if not is_run:
            self.book.add_event(values)
        elif values["event_id"] in self.book.runs:
            self.book.merge(values)
        else:
            self._insert(values)
        return None

    def _within(self, name: str, body: Any) -> list[Any]:
        """Return the list that an object has under a name."""
        envelope = bodies.Form({name: bodies.Field(lambda value: value, required=True)})
        return self._list(envelope.read(body)[name], ("body", name))

    def _list(self, value: Any, place: tuple[str, ...]) -> list[Any]:
        if value is bodies.NOTHING_SENT or (value is None and place == ("body",)):
            raise refused_for([bodies.missing(place)])
        if not isinstance(value, list):
            raise refused_for([Problem("list_type", place, "Input should be a valid list", value)])
        if len(value) > self.max_batch:
            raise Refused(
                413, f"There are {len(value)} elements; at most {self.max_batch} are taken"
            )
        return value

    def update(self, asked: Asked) -> Response:
        """Change what is named and not null."""
        given = self.update_form.read(asked.body)
        changes = {name: value for name, value in given.items() if value is not None}
        run = self.found(asked.id)
        if not changes:
            raise Refused(400, "No valid fields to update")
        if refused := self.refuses(asked.body):
            raise Refused(400, f"Database integrity error: {refused[1]}")
        self.change(run, changes)
        self.names_are_known = False
        told = {"event_id": run["event_id"], "updated": True, "fields_updated": list(changes)}
        return Response.json(told)

    def change(self, run: Run, changes: Mapping[str, Any]) -> None:
        """Set exactly these."""
        if "status" in changes:
            run["inferred"] = False
        run.update(changes, updated_at=self.now, revision=run["revision"] + 1)

    def associate(self, asked: Asked) -> Response:
        """Name the commit of a run, as a whole."""
        commit = bodies.COMMIT.read(asked.body)
        run = self.found(asked.id)
        values = {f"git_{name}": value for name, value in commit.items()}
        run.update(values, updated_at=self.now, revision=run["revision"] + 1)
        ids = {name: run[name] for name in ("event_id", "run_id")}
        return Response.json({"status": "success", **ids, "commit_hash": commit["commit_hash"]})
