"""Analysis of whole videos, and clips with the results drawn in."""
