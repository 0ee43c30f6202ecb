"""Keys of components."""


def component_key(key: str) -> str:
    """A key that Streamlit accepts for a component, different for different keys.

    Streamlit refuses two underscores in a row, which names of files and tokens may have.
    """
    return key.replace("-", "--").replace("_", "-u")
