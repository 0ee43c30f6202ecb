"""Training, evaluating and quantising the network."""
