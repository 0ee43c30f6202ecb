"""How good a network is, and the records that show it."""
