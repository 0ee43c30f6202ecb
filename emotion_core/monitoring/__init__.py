"""What the people who run a server see of it: health, metrics, sizes, and lines of a log."""
