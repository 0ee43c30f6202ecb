"""Who uses a server that several people share: sign-on, names, and a log of what they did."""
