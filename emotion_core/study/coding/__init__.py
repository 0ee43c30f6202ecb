"""Human coding of a study's recordings: scheme, sampling plans, and a store of every key."""
