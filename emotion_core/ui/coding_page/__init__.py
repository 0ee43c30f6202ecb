"""Coding by people: the coder's clips, and the researcher's plans and progress."""
