"""What several replicas share: a database and an object store. Nothing here without both."""
