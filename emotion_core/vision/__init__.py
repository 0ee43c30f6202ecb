"""Finding faces: boxes, the Haar detector, the crop, the tracker, the overlay."""
