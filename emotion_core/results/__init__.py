"""What an analysis writes, and how it is read, summarised and exported."""
