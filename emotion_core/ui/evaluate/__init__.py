"""Evaluation of one's own data, on the Model page."""
