"""Labelled faces: reading them, and finding near-duplicates among them."""
