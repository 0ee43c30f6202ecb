"""Reading and writing pictures and video."""
