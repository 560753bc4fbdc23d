"""The fake run service: the HTTP API over runs, in memory, ours or the reference's."""
