"""From frames to results: smoothing, the pipeline, whole videos, summaries, exports."""
