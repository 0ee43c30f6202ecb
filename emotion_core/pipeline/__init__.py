"""From one frame to one result: faces, tracks, expressions, smoothing."""
