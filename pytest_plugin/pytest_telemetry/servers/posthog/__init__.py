"""The fake PostHog: its ways to send events in, with their checks, and what becomes of exceptions."""
