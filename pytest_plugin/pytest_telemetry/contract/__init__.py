"""The contract of a sink: a test class that its author inherits, and what the checks are made of."""

from __future__ import annotations

from pytest_telemetry.contract.delivering import Delivering
from pytest_telemetry.contract.ending import Ending
from pytest_telemetry.contract.failing import Failing
from pytest_telemetry.contract.hiding import Hiding
from pytest_telemetry.contract.placing import Placing
from pytest_telemetry.contract.reach import out_of_reach
from pytest_telemetry.contract.receipts import Receipts
from pytest_telemetry.contract.stating import Stating
from pytest_telemetry.contract.story import Story
from pytest_telemetry.contract.telling import Telling

__all__ = ["SinkContract", "Story", "out_of_reach"]


# pytest runs the tests of the last base first: what arrives explains most of what fails later.
class SinkContract(Telling, Hiding, Stating, Placing, Ending, Failing, Receipts, Delivering):
    """Proves that a sink keeps the rules of docs/sink-rules.md.

    Inherit it in a class `Test…`, write `make_sink` and `delivered`, and as many of the optional
    methods as the other end allows. A check that needs one which is not there is skipped, and the
    reason says what to write.
    """
