"""Documents that hold their own pictures, and what a visitor can download of a result."""
