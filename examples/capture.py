"""Capture events and an exception outside any run."""

import telemetry_core

telemetry_core.capture("signed_up", distinct_id="user-7", properties={"plan": "free"})

try:
    int("not a number")
except ValueError as error:
    telemetry_core.capture_exception(error, distinct_id="user-7")
