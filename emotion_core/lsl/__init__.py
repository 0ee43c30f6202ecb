"""Lab Streaming Layer: live readings for other programs, and their markers for a recording."""
