"""Live sessions over WebRTC, free of any page code."""
