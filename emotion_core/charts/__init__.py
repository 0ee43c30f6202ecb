"""Charts that pages and reports share: one chart for one idea, built without Streamlit."""
