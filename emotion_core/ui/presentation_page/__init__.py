"""The page of a participant, and the tab on which the researcher plans what is shown."""
