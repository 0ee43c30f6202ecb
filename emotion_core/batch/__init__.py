"""Many videos in one run: their order, their results folders, and the processes that read them."""
