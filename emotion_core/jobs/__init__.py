"""Background jobs: kept on disk, run in processes of their own."""
