"""An HTTP and WebSocket interface for other programs; closed unless a token is set."""
