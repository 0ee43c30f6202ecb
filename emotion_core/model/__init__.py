"""The network: its definition, its folder on disk, the served classifier, calibration."""
