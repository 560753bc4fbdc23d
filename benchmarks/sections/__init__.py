"""What is measured, a module a section, each with its `CASES` and what is shown of them.

A module states `CASES`: a name to a function of an empty directory, which returns figures by
name, and one or both of `ROWS` (`benchmarks.table.Row`: a figure beside its budget and its floor)
and `COMPARISONS` (`benchmarks.comparison.Comparison`: a line a system, a column a figure).
`NEEDS` says of a case which contender's environment it runs in, where it is not our own; `ONCE`
names the cases that are long and steady, and measured in the first round only.
"""
