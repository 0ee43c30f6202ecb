"""Annotations for the programs of a lab: ELAN, BORIS, Praat, WebVTT, BIDS."""
