"""Studies of many participants: from a folder of recordings to tables, figures and tests."""
