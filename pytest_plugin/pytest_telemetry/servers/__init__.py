"""Fake servers: one per protocol, each a function from request to response that misbehaves when asked."""
