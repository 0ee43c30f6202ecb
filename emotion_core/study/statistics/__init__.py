"""Tests, intervals and effect sizes for studies; the participant is the unit, never the frame.

Pure functions on tables and arrays: nothing here knows files. `design` chooses the test,
`comparisons` carries it out, `curves` compares courses over time, and `synchrony` two people.
"""
