"""The Video page."""
