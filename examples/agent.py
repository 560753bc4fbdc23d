"""An agent: its mission is a run, each tool it uses a run within, each attempt an event."""

from collections.abc import Callable

import telemetry_core
from telemetry_core import RunContext

PAGES = {"index": "Welcome to the shop", "prices": "Tea 3.50"}


class Agent:
    """Works through a list of questions with the tools it was given."""

    def __init__(self, name: str, tools: dict[str, Callable[[str], str]]) -> None:
        self.name = name
        self.tools = tools

    def pursue(self, mission: str, steps: list[tuple[str, str]]) -> list[str]:
        """Use one tool after another; a tool that fails costs its step, not the mission."""
        found = []
        with telemetry_core.track_run(
            self.name, "mission", "scheduler", input_summary=mission, items_discovered=len(steps)
        ) as run:
            for tool, question in steps:
                try:
                    found.append(self.use(tool, question))
                except LookupError as error:
                    run.log_event("step_given_up", {"tool": tool, "why": str(error)})
            run.set_metrics(
                items_succeeded=len(found),
                items_failed=len(steps) - len(found),
                output_summary=f"{len(found)} of {len(steps)} answers",
            )
        return found

    def use(self, tool: str, question: str) -> str:
        """Use one tool, trying again once; its run is a child of the mission's."""
        with telemetry_core.track_run(self.name, f"tool.{tool}", input_summary=question) as run:
            try:
                return self.attempt(run, tool, question)
            except TimeoutError:
                return self.attempt(run, tool, question)

    def attempt(self, run: RunContext, tool: str, question: str) -> str:
        """Ask the tool and say that it was asked."""
        run.log_event("attempt", {"question": question})
        answer = self.tools[tool](question)
        run.set_metrics(items_succeeded=1, output_summary=answer[:40])
        return answer


if __name__ == "__main__":
    agent = Agent("shopper", {"read_page": PAGES.__getitem__})
    answers = agent.pursue("what does tea cost?", [("read_page", "prices"), ("read_page", "news")])
    print(answers)
