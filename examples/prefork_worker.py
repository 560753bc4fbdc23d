"""A prefork worker, as Celery and gunicorn are: the parent forks, its children do the tasks."""

import os
import signal
import sys
from types import FrameType

import telemetry_core

TASKS = [("resize", f"photo-{number}.jpg") for number in range(8)]
PROCESSES = 3


def serve(tasks: list[tuple[str, str]]) -> None:
    """Do tasks one after another, each as a run; a child has plugins and a spool of its own."""
    for job, photo in tasks:
        with telemetry_core.track_run("thumbnails", job, "queue", source_ref=photo) as run:
            run.log_event("resized", {"photo": photo, "pid": os.getpid()})


def stop(signum: int, _: FrameType | None) -> None:
    """Turn SIGTERM into an exit, so that the task in hand ends as cancelled."""
    raise SystemExit(128 + signum)


def main() -> int:
    """Fork, hand out the tasks, wait; say whether every child did its share."""
    signal.signal(signal.SIGTERM, stop)
    with telemetry_core.track_run("thumbnails", "supervise", "queue") as run:
        children = []
        for number in range(PROCESSES):
            child = os.fork()
            if child == 0:
                serve(TASKS[number::PROCESSES])
                telemetry_core.close()  # os._exit skips what Python does at its end
                os._exit(0)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        run.set_metrics(items_succeeded=codes.count(0), items_failed=PROCESSES - codes.count(0))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
