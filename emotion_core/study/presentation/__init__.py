"""A presentation: pictures, clips and questions shown to participants while a webcam records."""
