"""How records go to a service that knows runs only: rows are posted, and what changed is patched."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from attrs import define, evolve, field
from httpx import TransportError

from telemetry_core import Receipt, Rejection, RunRecord, merge_runs
from telemetry_core.sending import receipt_for_error
from telemetry_http_api.address import RUNS, run_path
from telemetry_http_api.changes import Changes, changes_between
from telemetry_http_api.conversation import Conversation, StoppedError, strange
from telemetry_http_api.outcomes import StrangeAnswerError, confirm, of_rows
from telemetry_http_api.rows import row_of
from telemetry_http_api.words import detail, is_missing, problems, succeeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core import Batch
    from telemetry_core.sending import Answer
    from telemetry_http_api.calling import Channel

_REMEMBERED = 2000  # runs; a row that was forgotten is asked for
_NO_PLACE = Rejection(
    "no_place_for_events",
    "this service stores runs only; send them to a telemetry-run-service, or leave events out with"
    ' except = ["*"] in the table of this sink',
    certain=True,
)
_UNADDRESSABLE = Rejection(
    "unaddressable", "the service has this run, but no route reaches its id", certain=True
)
# What SQLite says of the moment, not of the row.
_PASSING = ("locked", "busy", "disk", "full", "readonly", "unable to open")


@define(eq=False)
class _Story:
    """What a batch tells of one run: the ids of its records, and the run as they leave it."""

    run: RunRecord
    ids: list[str] = field(factory=list)
    only_begun: bool = True


class RunsOnly:
    """Brings the rows of a service in step with what is told of the runs.

    A row cannot be put in place of another: it is created, or some of its fields are patched. So
    a run that is not known to be there is created as far as it is told; what was there already
    is compared, and the difference is patched. Nothing is patched back: a run that has ended
    stays so, whatever arrives later.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._known: OrderedDict[str, RunRecord] = OrderedDict()

    def ship(self, batch: Batch) -> Receipt:
        """Write what a batch tells of runs; its events are rejected, since they have no place."""
        return _Delivery(self, Conversation(self._channel, batch), batch).receipt()

    def known(self, event_id: str) -> RunRecord | None:
        """Return a run as its row is known to be."""
        return self._known.get(event_id)

    def remember(self, run: RunRecord) -> None:
        """Note what a row holds now."""
        self._known[run.event_id] = run
        self._known.move_to_end(run.event_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, event_id: str) -> None:
        """Note that a row is not what it was."""
        self._known.pop(event_id, None)


class _Delivery:
    """One batch on its way."""

    def __init__(self, rows: RunsOnly, service: Conversation, batch: Batch) -> None:
        self._rows = rows
        self._service = service
        self._batch = batch
        self._delivered: list[str] = []
        self._rejected: dict[str, Rejection] = {}

    def receipt(self) -> Receipt:
        """Deliver, and say what became of each record, also when the service gave up midway."""
        stopped = Receipt()
        try:
            self._deliver()
        except StoppedError as error:
            stopped = error.receipt
        except TransportError as error:
            stopped = receipt_for_error(error)
        except StrangeAnswerError as error:
            stopped = strange(str(error))
        delivered = frozenset(self._delivered)
        rejected = {**stopped.rejected, **self._rejected}
        return evolve(stopped, delivered=delivered, rejected=rejected)

    def _deliver(self) -> None:
        stories = self._stories()
        new = [one for key, one in stories.items() if self._rows.known(key) is None]
        there = self._create(new)
        for story in stories.values():
            if story in there or story not in new:
                self._bring_up(story)

    def _stories(self) -> dict[str, _Story]:
        stories: dict[str, _Story] = {}
        for record in self._batch:
            run = record.body
            if not isinstance(run, RunRecord):
                self._rejected[record.id] = _NO_PLACE
                continue
            story = stories.setdefault(run.event_id, _Story(run))
            story.run = merge_runs(story.run, run)
            story.ids.append(record.id)
            story.only_begun &= record.kind == "start_run"
        return stories

    # -- creating

    def _create(self, stories: Sequence[_Story]) -> list[_Story]:
        """Post the runs, and return those that have to be compared with what was there."""
        if not stories:
            return []
        answer = self._service.ask(
            "POST", f"{RUNS}/batch", [row_of(story.run) for story in stories]
        )
        if answer.status == 422:  # noqa: PLR2004 - nothing was stored, and it says whose fault it is
            self._reject_named(answer, stories)
        if not succeeded(answer):
            raise self._service.stopped(answer)
        told = of_rows(answer, len(stories))
        taken = [story for story in stories if not self._refused(story, told.errors)]
        if len(taken) + len(told.errors) != len(stories):
            raise StrangeAnswerError("it does not say which runs it did not store")
        if told.duplicates:
            for story in taken:
                self._settle(story if story.only_begun else None)
            return [story for story in taken if not story.only_begun]
        for story in taken:
            self._rows.remember(_as_posted(story.run))
        return taken

    def _refused(self, story: _Story, errors: Sequence[str]) -> bool:
        """Reject a run of which the answer says so; one that only met a bad moment waits."""
        beginning = f"{story.run.event_id}: "
        why = next((text for text in errors if text.startswith(beginning)), None)
        if why is None:
            return False
        reason = why.removeprefix(beginning)
        if not any(word in reason.lower() for word in _PASSING):
            self._reject(story, Rejection("refused", reason))
        return True

    def _reject_named(self, answer: Answer, stories: Sequence[_Story]) -> None:
        """Reject the runs that a 422 names by their place; those beside them wait."""
        named = {
            place[1]: f"{'.'.join(map(str, place[2:]))}: {why}"
            for place, why in problems(answer)
            if len(place) > 1 and isinstance(place[1], int) and 0 <= place[1] < len(stories)
        }
        if not named:
            return
        for place, why in named.items():
            self._reject(stories[place], Rejection("http_422", why))
        raise StoppedError(Receipt())

    # -- changing

    def _bring_up(self, story: _Story) -> None:
        """Have the row of a run say all that is told of it."""
        event_id = story.run.event_id
        stored = self._rows.known(event_id) or self._service.stored(story.run)
        if stored is None:
            self._create_again(story)
            return
        wanted = merge_runs(stored, story.run)
        changes = changes_between(stored, wanted)
        if self._apply(story, changes):
            self._rows.remember(evolve(wanted, context_json=changes.context))
            self._settle(story)

    def _apply(self, story: _Story, changes: Changes) -> bool:
        """Patch a row; false when the run was rejected, or is not there any more."""
        path = run_path(story.run.event_id)
        for method, to, body in changes.requests(path):
            answer = self._service.ask(method, to, body)
            if is_missing(answer):
                self._rows.forget(story.run.event_id)
                self._create_again(story)
                return False
            if not succeeded(answer):
                self._reject_or_stop(story, answer)
                return False
            confirm(answer, story.run.event_id)
        return True

    def _create_again(self, story: _Story) -> None:
        """Create a row that turned out to be missing, or is there and cannot be reached."""
        for one in self._create([story]):
            if self._rows.known(one.run.event_id) is None:
                self._reject(one, _UNADDRESSABLE)
            else:
                self._bring_up(one)

    # -- settling

    def _reject_or_stop(self, story: _Story, answer: Answer) -> None:
        """Reject a run that is refused for itself; stop where the service is not itself."""
        error = self._service.stopped(answer)
        receipt = error.receipt
        if not receipt.refused_whole and not receipt.rejected:
            raise error
        self._reject(story, Rejection(f"http_{answer.status}", detail(answer) or receipt.reason))

    def _reject(self, story: _Story, why: Rejection) -> None:
        self._rejected.update(dict.fromkeys(story.ids, why))

    def _settle(self, story: _Story | None) -> None:
        if story is not None:
            self._delivered += story.ids


def _as_posted(run: RunRecord) -> RunRecord:
    """Return what is stored of a row that was posted: not who made its commit, nor when."""
    return evolve(
        run,
        git_commit_source=None,
        git_commit_author=None,
        git_commit_timestamp=None,
        context_json=row_of(run)["context_json"],
    )
