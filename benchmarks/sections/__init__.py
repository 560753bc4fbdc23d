"""What is measured, a module a section, each with its `CASES` and what is shown of them.

A module states `CASES`: a name to a function of an empty directory, which returns figures by
name, and one or both of `ROWS` (`benchmarks.table.Row`: a figure beside its budget and its floor)
and `COMPARISONS` (`benchmarks.table.Comparison`: a line a system, a column a figure).
"""
