"""The pages of the program, for what links to them and for what reads their addresses."""

from typing import Final

# Path below the folder of Home.py → (label, icon), in the order of the row of links.
PAGES: Final[dict[str, tuple[str, str]]] = {
    "Home.py": ("Home", ":material/home:"),
    "pages/1_Live.py": ("Live", ":material/videocam:"),
    "pages/2_Video.py": ("Video", ":material/movie:"),
    "pages/3_Photo.py": ("Photo", ":material/photo_camera:"),
    "pages/4_Model.py": ("Model", ":material/monitoring:"),
    "pages/5_Study.py": ("Study", ":material/groups:"),
}
# For administrators of servers on which people sign in.
ADMINISTRATION: Final = "pages/6_Administration.py"
ALL_PAGES: Final = {**PAGES, ADMINISTRATION: ("Administration", ":material/shield_person:")}
