"""Measures the budgets of the design on the machine at hand: `python -m benchmarks`."""
